"""Root's SSH keys: the lines of its authorized_keys that let somebody in, and all else that stands there.

What is a key here is one for sshd, and what is none there is none here: comments and other lines are shown to nobody
and stay where they are. Keys with options in front, which nobody can give here, may stay and may go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from trebol_common.answers.values import ssh_key
from trebol_common.errors import BadInput, Problem, raise_for
from trebol_common.files import write_text
from trebol_node.worker.context import Context
from trebol_node.worker.errors import Modified
from trebol_node.worker.node import digest_of
from trebol_node.worker.operations import ReadSshKeys, SetSshKeys

#: Root's alone, as sshd wants it (sshd(8), StrictModes).
FOLDER = "root/.ssh"
FILE = f"{FOLDER}/authorized_keys"
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600

#: What stands between two words.
_BLANKS = " \t"


def read_keys(operation: ReadSshKeys, context: Context, who: str) -> dict[str, object]:
    """See `ReadSshKeys`."""
    text = context.machine.text(FILE)
    return {"keys": list(keys_of(text)), "digest": digest_of(text)}


def set_keys(operation: SetSshKeys, context: Context, who: str) -> None:
    """See `SetSshKeys`. Raises Modified, BadInput with every line that is wrong."""
    machine = context.machine
    before = machine.text(FILE)
    if operation.digest and operation.digest != digest_of(before):
        raise Modified("detected modified configuration - file changed by other user? Try again.", where="digest")
    after = with_keys(before, operation.keys)
    if after == before:
        return
    # Where somebody keeps the file elsewhere, it stays there.
    path = machine.at(FILE).resolve()
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_text(path, after, mode=_PRIVATE_FILE)


def keys_of(text: str) -> tuple[str, ...]:
    """The lines that are keys, with or without options, as they stand there; what is not printable as "?"."""
    return tuple(_told(line) for line in _lines(text) if _is_key(line))


def with_keys(text: str, keys: Iterable[str]) -> str:
    """The file with these keys and no others: those that it has stay in their places, new ones come last.

    Raises BadInput where a new one is none that an answer file's `root-ssh-keys` takes.
    """
    there = frozenset(keys_of(text))
    wanted = {told: line for line in keys if (told := _told(line))}
    new, problems = [], []
    for number, (told, line) in enumerate(wanted.items(), 1):
        if told not in there:
            try:
                new.append(ssh_key(line))
            except ValueError as error:
                problems.append(Problem(f"line {number} {error}", "keys"))
    raise_for(problems, BadInput)
    kept = [line for line in _lines(text) if not _is_key(line) or _told(line) in wanted]
    added = [line for line in dict.fromkeys(new) if line not in there]
    return "".join(f"{line}\n" for line in (*kept, *added))


def _lines(text: str) -> list[str]:
    """As sshd reads them: what else Python takes for the end of one may stand in a comment."""
    return text.removesuffix("\n").split("\n") if text else []


def _told(line: str) -> str:
    """A line as it is shown, and known again when it comes back."""
    return "".join(each if each.isprintable() else " " if each == "\t" else "?" for each in line.strip())


def _is_key(line: str) -> bool:
    text = line.strip()
    if not text or text.startswith("#"):
        return False
    for each in (text, _after_options(text)):
        with suppress(ValueError):
            # The comment may be anything.
            ssh_key(" ".join(re.split(f"[{_BLANKS}]+", each, maxsplit=2)[:2]))
            return True
    return False


def _after_options(text: str) -> str:
    """What follows the first blank that is in no quotes, as sshd finds it: a quote after a backslash is none."""
    at, quoted = 0, False
    while at < len(text) and (quoted or text[at] not in _BLANKS):
        if text.startswith('\\"', at):
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        at += 1
    return text[at:].lstrip(_BLANKS)
