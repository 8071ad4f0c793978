"""The logs of an installation, packed into one file on a USB stick: what somebody else needs to find a cause.

Journal, log and events, plan, answers without secrets, the machine and what its checks found. No secrets: there are
none in any log (`trebol_common.run`), and the answers come without theirs.
"""

from __future__ import annotations

import io
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import Refused, TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_common.urls import without_user
from trebol_installer.execute.state import LOGS
from trebol_installer.stick_mount import AT, mounted
from trebol_installer.sticks import LSBLK, in_vain, to_write

JOURNAL = ("journalctl", "--boot", "--no-pager", "--output=short-monotonic")
PLAN = "plan.json"

#: Where the names that answers have for disks lead to them.
_DISK_FOLDERS = ("/dev", "/dev/disk/by-id", "/dev/disk/by-path")


@dataclass(frozen=True)
class Saved:
    """The file that was written, and the stick it is on, as people call it."""

    file: str
    on: str


def save_to_stick(
    runner: Runner,
    *,
    host: str = "",
    others: Mapping[str, str] | None = None,
    chosen: Sequence[str] = (),
    logs: Path = LOGS,
    at: Path = AT,
) -> Saved:
    """Write an archive of it all to a stick that is plugged in, and unmount that.

    `others` are texts that belong to it, by name; what the engine has left in `logs` counts more. `chosen` are disks
    that are to be installed on, as answers name them. Raises Refused where no stick will do, with what is wrong with
    each, TrebolError where it cannot be written.
    """
    sticks = to_write(runner.run(LSBLK).stdout, targets(logs, chosen))
    if not sticks.usable:
        hint = _("plug in one that is formatted as FAT or exFAT, wait until its light is still, and try again")
        raise Refused.of(in_vain(sticks.refused, hint))
    system = sticks.usable[0]
    with mounted(system, at, runner, written=True):
        file = save_in(at, runner, host=host, others=others, logs=logs)
    return Saved(file.name, system.stick)


def save_in(
    folder: Path, runner: Runner, *, host: str = "", others: Mapping[str, str] | None = None, logs: Path = LOGS
) -> Path:
    """The same in a folder; the file. Raises TrebolError where it cannot be written."""
    name = archive_name(host or socket.gethostname(), time.gmtime())
    journal = _without_users(runner.run(JOURNAL, check=False).stdout)
    texts = {"journal.txt": journal, **(others or {}), **dict(_left(logs))}
    path = folder / f"{name}.tar.gz"
    try:
        _write(path, name, texts)
    except OSError as error:
        path.unlink(missing_ok=True)
        wrong = _("cannot be written: {reason}").format(reason=error.strerror)
        raise TrebolError(wrong, where=path.name, hint=_("make room on it, or take another one")) from error
    return path


def archive_name(host: str, now: time.struct_time) -> str:
    """What an archive is called, of characters that FAT allows; `now` is UTC."""
    plain = re.sub(r"[^a-z0-9-]+", "-", host.partition(".")[0].lower()).strip("-") or "node"
    return f"trebol-logs-{plain}-{time.strftime('%Y%m%d-%H%M%S', now)}"


def targets(logs: Path, chosen: Sequence[str] = ()) -> Set[str]:
    """Kernel names of the disks of the plan that was left in `logs`, if one was, and of those that are `chosen`."""
    names = {Path(folder, name).resolve().name for name in chosen for folder in _DISK_FOLDERS}
    try:
        plan = json.loads((logs / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return names
    return names | {disk["name"] for disk in plan["disks"]}


def _without_users(text: str) -> str:
    """The kernel repeats its command line, and with it the URL of the answers, password and all."""
    return re.sub(r"\S+", lambda word: without_user(word[0]), text) if "://" in text else text


def _left(logs: Path) -> Iterator[tuple[str, str]]:
    if logs.is_dir():
        for path in sorted(logs.iterdir()):
            yield path.name, path.read_text(encoding="utf-8", errors="replace")


def _write(path: Path, name: str, texts: Mapping[str, str]) -> None:
    # It loads every compression that there is.
    import tarfile

    now = time.time()
    with tarfile.open(path, mode="w:gz") as archive:
        for file, text in texts.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size, entry.mtime, entry.mode = len(content), int(now), 0o600
            archive.addfile(entry, io.BytesIO(content))
