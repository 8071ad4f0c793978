"""From TOML text to `Answers`, and back: every problem at once, each naming file and key, no secret in any."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from trebol_common.answers.model import BRANCH, Answers, Filesystem
from trebol_common.errors import BadInput, Problem, raise_for
from trebol_common.i18n import _

#: Largest answer file, in bytes: it has to fit the slot on the medium.
MAXIMUM_SIZE = 256 * 1024

#: Longest value that a message repeats, in characters.
SHOWN = 64

#: Keys whose value no message shows; in root-ssh-keys a private key may have been put by mistake, in encryption the
#: passphrase itself, in peer the token; a URL may hold one.
SECRETS = frozenset(
    (
        "root-password",
        "root-password-hashed",
        "subscription-key",
        "root-ssh-keys",
        "encryption",
        "passphrase",
        "peer",
        "token",
        "auth-token",
        "url",
    )
)


def load_answers(path: Path) -> Answers:
    """Read an answer file. Raises BadInput with every problem in it."""
    return parse_answers(read_text(path), where=str(path))


def read_text(path: Path, *, hint: str = "") -> str:
    """The text of the answer file at `path`, see `decode`. Raises BadInput, with `hint` where it cannot be read; by
    default, to check the path.
    """
    try:
        with path.open("rb") as stream:
            # No more than what tells that it is too much: a disk named by mistake does not fit into memory.
            content = stream.read(MAXIMUM_SIZE + 1)
    except OSError as error:
        wrong = _("cannot be read: {reason}").format(reason=error.strerror)
        raise BadInput(wrong, where=str(path), hint=hint or _("check the path")) from error
    return decode(content, where=str(path))


def decode(content: bytes, *, where: str) -> str:
    """The text of an answer file: UTF-8, within MAXIMUM_SIZE, without byte order mark. Raises BadInput."""
    if len(content) > MAXIMUM_SIZE:
        raise BadInput(
            _("is larger than {size} bytes, the most that an answer file can have").format(size=MAXIMUM_SIZE),
            where=where,
            hint=_("give the answer file, and not something else"),
        )
    try:
        # An editor's byte order mark is no part of TOML.
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadInput(_("is not UTF-8 text"), where=where, hint=_("save the file as UTF-8 TOML")) from error


def parse_answers(text: str, *, where: str = "answer.toml") -> Answers:
    """Parse and check an answer file.

    Raises BadInput with all problems: TOML syntax, unknown keys (with the nearest known one), wrong values, and what
    the form knows but Trebol does not serve yet.
    """
    members = load_members(text, where)
    try:
        answers = Answers.model_validate(members)
    except ValidationError as error:
        raise BadInput.of(wrong.in_file(where) for wrong in _problems(error)) from error
    raise_for([wrong.in_file(where) for wrong in _beyond_tables(answers)], BadInput)
    return answers


def load_members(text: str, where: str) -> dict[str, Any]:
    """The tables of an answer file, whatever is in them. Raises BadInput where it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        wrong = _("not valid TOML: {reason}").format(reason=error)
        raise BadInput(wrong, where=where, hint=_("see docs/answer-file.md")) from error
    except (ValueError, RecursionError) as error:
        # tomllib lets these through: a date or a number that Python cannot hold, brackets nested by the thousand.
        if isinstance(error, RecursionError):
            wrong = _("not valid TOML: a value nested too deeply")
        else:
            wrong = _("not valid TOML: a number or date out of range")
        raise BadInput(wrong, where=where, hint=_("see docs/answer-file.md")) from error


@dataclass(frozen=True)
class KeyProblem:
    """What is wrong with a key ("global.fqdn"), with a whole table ("network"), or with all of it ("")."""

    key: str
    what: str
    hint: str = ""
    #: Whether it is only that nothing is there.
    absent: bool = False

    def in_file(self, where: str) -> Problem:
        """The same, said of a file."""
        return Problem(self.what, f"{where}: {self.key}" if self.key else where, self.hint)


def check_members(members: Mapping[str, Any]) -> tuple[Answers | None, tuple[KeyProblem, ...]]:
    """The answers that the tables of an answer file are, or else every problem in them."""
    try:
        answers = Answers.model_validate(members)
    except ValidationError as error:
        return None, tuple(_problems(error))
    wrong = tuple(_beyond_tables(answers))
    return (None if wrong else answers), wrong


def _beyond_tables(answers: Answers) -> Iterator[KeyProblem]:
    """What no table can tell by itself, of a key."""
    yield from _unserved(answers)
    if answers.cluster.peer in _own_names(answers):
        yield KeyProblem("cluster.peer", _("is this node itself"), _("give the address or name of another node"))
    if own := sorted(_own_names(answers) & set(answers.cluster.nodes)):
        yield KeyProblem("cluster.nodes", _("{name} is this node itself").format(name=own[0]), _("name the others"))


def _own_names(answers: Answers) -> frozenset[str]:
    """The node's addresses and names, as far as the answers tell them."""
    network, fqdn = answers.network, answers.global_.fqdn
    addresses = [network.cidr, network.ipv6.cidr if network.ipv6 else None]
    names = (fqdn, fqdn.split(".")[0]) if isinstance(fqdn, str) else ()
    return frozenset((*names, *(str(address.ip) for address in addresses if address is not None)))


def _unserved(answers: Answers) -> Iterator[KeyProblem]:
    """What the answer file asks for and Trebol does not do yet: refused, never silently dropped."""
    disk = answers.disk_setup
    if disk.filesystem is Filesystem.ZFS and disk.encryption is not None and disk.encryption.tpm2:
        hint = _("remove it: the passphrase is asked for at boot; or use ext4, xfs or btrfs")
        yield KeyProblem("disk-setup.encryption", _("tpm2 with zfs is not served yet"), hint)


def dump_answers(answers: Answers) -> str:
    """The answers as an answer file that repeats them, secrets left out (a comment says which)."""
    members, secrets = _without_secrets(answers.model_dump(by_alias=True, exclude_defaults=True))
    notes = (_("{key}: not kept").format(key=key) for key in secrets)
    return "".join(f"# {note}\n" for note in notes) + tomli_w.dumps(members)


def _without_secrets(members: Mapping[str, Any], prefix: str = "") -> tuple[dict[str, Any], list[str]]:
    kept: dict[str, Any] = {}
    secrets: list[str] = []
    for key, value in members.items():
        match value:
            case None:
                continue
            case SecretStr():
                secrets.append(prefix + key)
            case Mapping():
                kept[key], inner = _without_secrets(value, f"{prefix}{key}.")
                secrets += inner
            case bool() | int() | float():
                kept[key] = value
            case tuple() | list():
                kept[key] = list(value)
            case _:
                kept[key] = str(value)
    return kept, secrets


def _problems(error: ValidationError) -> Iterator[KeyProblem]:
    return map(_problem, error.errors(include_url=False, include_context=True))


def _problem(details: ErrorDetails) -> KeyProblem:
    """One of pydantic's errors, in our words; the value itself is shown only where it cannot be a secret."""
    path = [part for part in map(str, details["loc"]) if not part.startswith(BRANCH)]
    key = ".".join(path)
    shown = _shown(details["input"], path)
    match details["type"]:
        case "extra_forbidden":
            return KeyProblem(key, _("unknown key"), _nearest(path))
        case "missing":
            return KeyProblem(key, _("missing"), _("add this key; see docs/answer-file.md"), absent=True)
        case "enum" | "literal_error":
            # 'ext4', 'xfs' or 'btrfs'
            values = str(details["ctx"]["expected"]).replace(" or ", _(" or "))
            return KeyProblem(
                key, _("{value} is not one of {values}").format(value=shown or _("this"), values=values)
            )
        case "value_error":
            own = str(details["msg"]).removeprefix("Value error, ")
            return KeyProblem(key, f"{shown} {own}" if shown and isinstance(details["input"], str) else own)
        case kind:
            wrong = _wrong(kind, details["msg"])
            return KeyProblem(key, f"{shown}: {wrong}" if shown else wrong)


def _wrong(kind: str, said: str) -> str:
    """What pydantic said of a value; where that is of the wrong kind, in the words of TOML and not of Python."""
    number = said.rpartition(" ")[2]
    texts = {
        "bool_type": _("must be true or false"),
        "dict_type": _("must be a table"),
        "float_type": _("must be a number"),
        "int_type": _("must be a whole number"),
        "model_type": _("must be a table"),
        "string_type": _("must be text in quotes"),
        "tuple_type": _("must be a list"),
        "finite_number": _("Input should be a finite number"),
        "greater_than_equal": _("Input should be greater than or equal to {number}").format(number=number),
        "less_than_equal": _("Input should be less than or equal to {number}").format(number=number),
    }
    return texts.get(kind, said)


def _shown(value: object, path: list[str]) -> str:
    """A value for a message, cut short; empty for secrets, and for tables and lists, which may hold some."""
    if not isinstance(value, str | int | float) or _is_secret(path):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    # Before repr, which a whole answer file in one string would make slow.
    return repr(value[:SHOWN]) + "…" if isinstance(value, str) and len(value) > SHOWN else repr(value)


def _is_secret(path: list[str]) -> bool:
    return any(part.replace("_", "-") in SECRETS for part in path)


def _nearest(path: list[str]) -> str:
    """A hint with the known key most like the unknown one, or all known keys of its section."""
    known = sorted(_keys(Answers, path[:-1]))
    close = difflib.get_close_matches(path[-1], known, n=1)
    if close:
        return _("did you mean {names}?").format(names=close[0])
    return _("known keys here: {keys}").format(keys=", ".join(known)) if known else _("remove it")


def _keys(model: type[BaseModel], path: list[str]) -> set[str]:
    """File names of the keys in the section at `path`."""
    if not path:
        return {field.alias or name for name, field in model.model_fields.items()}
    for name, field in model.model_fields.items():
        if path[0] in (field.alias, name):
            return {key for section in _sections(field.annotation) for key in _keys(section, path[1:])}
    return set()


def _sections(annotation: object) -> Iterator[type[BaseModel]]:
    """The models among the forms that a value may have, however deep in unions and annotations."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)
