"""Root's SSH keys: the lines of its authorized_keys that let somebody in, and all else that stands there.

Comments, and lines that are no key as this reads them, are shown to nobody and stay where they are. Keys with options
in front, which nobody can give here, may stay and may go.
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

#: Options up to the first blank that is in no quotes (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
_OPTIONS = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^\s"])+\s+')


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
    """The lines that are keys, with or without options, as they stand there."""
    return tuple(line.strip() for line in text.splitlines() if _is_key(line))


def with_keys(text: str, keys: Iterable[str]) -> str:
    """The file with these keys and no others: those that it has stay in their places, new ones come last.

    Raises BadInput where a new one is none that an answer file's `root-ssh-keys` takes.
    """
    there = frozenset(keys_of(text))
    wanted = dict.fromkeys(stripped for line in keys if (stripped := line.strip()))
    new, problems = [], []
    for number, line in enumerate(wanted, 1):
        if line not in there:
            try:
                new.append(ssh_key(line))
            except ValueError as error:
                problems.append(Problem(f"line {number} {error}", "keys"))
    raise_for(problems, BadInput)
    kept = [line for line in text.splitlines() if not _is_key(line) or line.strip() in wanted]
    added = [line for line in dict.fromkeys(new) if line not in there]
    return "".join(f"{line}\n" for line in (*kept, *added))


def _is_key(line: str) -> bool:
    text = line.strip()
    if not text or text.startswith("#"):
        return False
    options = _OPTIONS.match(text)
    for each in (text, text[options.end() :] if options else ""):
        with suppress(ValueError):
            ssh_key(each)
            return True
    return False
