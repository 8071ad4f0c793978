"""SSH keys on USB sticks: each is mounted read-only while its lists are read."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from trebol_common.errors import BadInput, Problem, TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_installer.key_files import keys_below
from trebol_installer.ssh_keys import MOST, Keys, within_most, without_doubles
from trebol_installer.stick_mount import AT, mounted
from trebol_installer.sticks import LSBLK, FileSystem, in_vain, to_read


def keys_on_sticks(runner: Runner, targets: Set[str], *, at: Path = AT) -> Keys:
    """The keys on all USB sticks, where none of `targets` (kernel names of disks) is one.

    Raises BadInput where there are none, with what was seen of each stick.
    """
    sticks = to_read(runner.run(LSBLK).stdout, targets)
    keys: list[str] = []
    files: list[str] = []
    problems: list[Problem] = []
    for system in sticks.usable:
        try:
            for found in _on(system, at, runner):
                files.append(found.where)
                keys += without_doubles(keys, found.keys)
                problems += found.wrong
        except TrebolError as error:
            problems += error.problems
        if len(keys) > MOST:
            break
    if not keys:
        hint = _("plug in one that holds keys, wait until its light is still, and look again")
        raise BadInput.of(in_vain((*problems, *sticks.refused), hint))
    where = _("the USB stick ({files})").format(files=", ".join(files))
    return within_most(Keys(where, tuple(keys), tuple(problems)))


def _on(system: FileSystem, at: Path, runner: Runner) -> list[Keys]:
    """The lists on one file system. Raises TrebolError where it has none, or cannot be looked into."""
    with mounted(system, at, runner):
        try:
            found = list(keys_below(at, system.name))
        except OSError as error:  # A folder of a damaged stick; a list says so itself.
            wrong = _("cannot be read: {reason}").format(reason=error.strerror)
            raise BadInput(wrong, where=system.stick) from error
    if not found:
        wrong = _("{name} has neither authorized_keys nor a .pub file, at its top or in .ssh")
        raise BadInput(wrong.format(name=system.name), where=system.stick)
    return found
