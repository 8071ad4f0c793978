"""Facts travel between nodes as JSON; what comes back is what was sent, or an error. Between programs of one version
on one machine they travel as they are, and nobody loads what checks them."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

from trebol_common import __version__
from trebol_common.errors import BadInput

if TYPE_CHECKING:
    from pydantic import ConfigDict


class Record:
    """A frozen dataclass with a JSON form. Unknown members and other types than the declared ones are errors."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid", "strict": True}

    def to_members(self) -> dict[str, Any]:
        """The JSON form as plain values."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    def to_json(self) -> str:
        """On one line."""
        return json.dumps(self.to_members(), separators=(",", ":"))

    @classmethod
    def of_members(cls, members: Mapping[str, Any], *, where: str = "facts") -> Self:
        """The inverse of `to_members`. Raises BadInput as `of_json` does."""
        return cls.of_json(json.dumps(members), where=where)

    @classmethod
    def of_json(cls, text: str | bytes, *, where: str = "facts") -> Self:
        """The inverse of `to_json`. Raises BadInput naming the member that is wrong."""
        from pydantic import ValidationError

        from trebol_common.adapters import adapter

        try:
            found: Self = adapter(cls).validate_json(text)
            return found
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise BadInput(str(first["msg"]), where=f"{where}: {place}" if place else where) from error

    def hand_over(self) -> str:
        """As it is, on one line, for a program that is started for it: "VERSION PICKLE", the latter in base64."""
        return f"{__version__} {base64.b64encode(pickle.dumps(self)).decode('ascii')}"

    @classmethod
    def handed_over(cls, text: str) -> Self:
        """The inverse of `hand_over`, only for what this program's parent wrote: unpickling runs whatever code it
        names. Nothing is checked that was when the value was made. Raises BadInput for what another version wrote, or
        nobody."""
        version, _space, pickled = text.strip().partition(" ")
        if version != __version__:
            hint = "Trebol is being upgraded: try again when that is over"
            raise BadInput(f"is not of this version, {__version__}", where="the question", hint=hint)
        try:
            found = pickle.loads(base64.b64decode(pickled, validate=True))
        except (ValueError, EOFError, pickle.UnpicklingError) as error:
            raise BadInput("is cut off", where="the question") from error
        if not isinstance(found, cls):
            raise BadInput(f"is no {cls.__name__}", where="the question")
        return found
