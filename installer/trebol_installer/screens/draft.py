"""The answers so far, as they were typed: the tables of an answer file, which may yet be wrong or incomplete."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import BaseModel, Field, ValidationError

from trebol_common.answers import Answers
from trebol_common.answers.parse import KeyProblem, check_members
from trebol_common.answers.partial import Partial, is_below
from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.tui.wizard import Place

#: What nobody has to type: the keys that a draft begins with.
DEFAULTS: Mapping[str, Any] = {
    "global.keyboard": "en-us",
    "global.timezone": "UTC",
    "network.source": "from-dhcp",
    "disk-setup.filesystem": "ext4",
}

#: Keys of secrets, and those aside under which they are typed for the second time.
TYPED_TWICE: Mapping[str, str] = {
    "global.root-password": "root-password-again",
    "disk-setup.encryption.passphrase": "passphrase-again",
}
#: Before a key, aside: the number of this key as it was typed.
_TYPED = "typed "
#: A number of TOML, of no more digits than any value has.
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
#: Whether the disks are to be encrypted, aside: a passphrase may not have been typed yet.
ENCRYPTED = "encrypted"


@dataclass
class Draft:
    """`members` are the tables of the answer file; `aside` is what was typed that no answer file holds, such as a
    password for the second time; `language` is that of the screens. `asked` are the tables and keys that somebody is
    to be asked for, where the rest is known; None: all. `revision` counts the changes."""

    members: dict[str, Any] = field(default_factory=dict)
    aside: dict[str, Any] = field(default_factory=dict)
    place: Place | None = None
    language: str = "en"
    asked: tuple[str, ...] | None = None
    revision: int = 0

    @classmethod
    def new(cls, members: Mapping[str, Any] | None = None) -> Draft:
        """A draft of what is known so far, and of the defaults."""
        draft = cls(copy.deepcopy(dict(members or {})))
        for key, value in DEFAULTS.items():
            if draft.get(key) is None:
                draft.put(key, value)
        # What a file says is not to be typed for the second time.
        for key, again in TYPED_TWICE.items():
            if draft.text(key):
                draft.put_aside(again, draft.text(key))
        if draft.get("disk-setup.encryption") is not None:
            draft.put_aside(ENCRYPTED, "yes")
        return draft

    @classmethod
    def of(cls, known: Partial) -> Draft:
        """A draft of an answer file that leaves something to be asked."""
        draft = cls.new(known.members)
        draft.asked = known.asked
        return draft

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key such as "global.fqdn"."""
        table: Any = self.members
        for part in key.split("."):
            if not isinstance(table, Mapping) or part not in table:
                return default
            table = table[part]
        return table

    def text(self, key: str) -> str:
        """The value of a key for a field to type into; empty where there is none, or no text."""
        value = self.get(key)
        return value if isinstance(value, str) else ""

    def shown(self, key: str) -> str:
        """The same where it may be a number: as it was typed."""
        value, typed = self.get(key), self.aside.get(_TYPED + key)
        if typed is not None and _number(typed) == value:
            return str(typed)
        return "" if value is None else str(value)

    def put(self, key: str, value: Any) -> None:
        """Set a key; None and empty text, which an answer file would not have either, take it out."""
        if value in (None, "", (), []):
            self._drop(key.split("."), self.members)
        else:
            *folders, last = key.split(".")
            table = self.members
            for part in folders:
                inner = table.get(part)
                table = inner if isinstance(inner, dict) else table.setdefault(part, {})
            table[last] = list(value) if isinstance(value, tuple) else value
        self.revision += 1

    def put_number(self, key: str, typed: str) -> None:
        """Set a key to the number that was typed; what is none stays as it was typed, and is told to be wrong."""
        number = _number(typed)
        self.put(key, typed if number is None else number)
        # 1.0 is on the way to 1.05.
        self.put_aside(_TYPED + key, typed)

    def put_aside(self, key: str, value: Any) -> None:
        """Keep what was typed and is no answer."""
        self.aside[key] = value
        self.revision += 1

    def asks_for(self, *keys: str) -> bool:
        """Whether one of these keys, or the table of one, or a key below one, is to be asked for."""
        return self.asked is None or Partial(self.members, self.asked).asks_for(*keys)

    def check(self) -> Checked:
        """What the answer model says of it all."""
        return Checked(*check_members(self.members))

    def to_toml(self) -> str:
        """The answer file that this is so far, secrets and all."""
        return tomli_w.dumps(self.members)

    def save(self, path: Path) -> None:
        """Write the draft, for a screen that comes after this one. It holds the passwords as they were typed."""
        place = [self.place.at, self.place.back_to] if self.place else None
        members = {
            "answers": self.members,
            "aside": self.aside,
            "place": place,
            "language": self.language,
            "asked": self.asked,
        }
        write_text(path, json.dumps(members), mode=0o600)

    @classmethod
    def load(cls, path: Path) -> Draft:
        """The draft that was saved. Raises BadInput where there is none that can be read."""
        try:
            kept = _Kept.model_validate(json.loads(path.read_text(encoding="utf-8")))
            place = Place(*kept.place) if kept.place else None
            return cls(kept.answers, kept.aside, place, kept.language, kept.asked)
        except (OSError, RecursionError, ValueError) as error:
            # Of pydantic's error, what holds no secret.
            told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            wrong = _("cannot be read: {reason}").format(reason=told)
            raise BadInput(wrong, where=str(path), hint=_("remove it, and begin anew")) from error

    def _drop(self, parts: list[str], table: dict[str, Any]) -> None:
        first, *rest = parts
        if not rest:
            table.pop(first, None)
        elif isinstance(inner := table.get(first), dict):
            self._drop(rest, inner)
            if not inner:
                del table[first]


class _Kept(BaseModel):
    """What a draft is in its file."""

    answers: dict[str, Any]
    aside: dict[str, Any]
    place: tuple[str, str | None] | None
    language: Annotated[str, Field(pattern="^[a-z]+$")]
    asked: tuple[str, ...] | None


@dataclass(frozen=True)
class Checked:
    """The answers of a draft, or what is wrong with it, by key."""

    answers: Answers | None
    problems: tuple[KeyProblem, ...]

    def of(self, key: str) -> str:
        """What is wrong with one key or with what lies below it, for its field; empty where nothing is."""
        return next((problem.what for problem in self._below(key)), "")

    def of_table(self, key: str) -> str:
        """What is wrong with a table as a whole, such as two of its keys that do not fit."""
        return next((problem.what for problem in self.problems if problem.key == key), "")

    def _below(self, key: str) -> Iterator[KeyProblem]:
        return (problem for problem in self.problems if is_below(problem.key, key))


def _number(typed: str) -> int | float | None:
    """The number that a text is; None where it is none."""
    if not _NUMBER.fullmatch(typed):
        return None
    return float(typed) if "." in typed else int(typed)
