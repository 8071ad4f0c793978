"""What the store says of itself: read through its gateway."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trebol_common.i18n import _
from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import Gateway
from trebol_node.store.limits import MIB, TOTAL

#: etcd takes so much at once for its log; with less it ends sooner or later, until there is room again.
LITTLE = 64 * MIB


@dataclass(frozen=True)
class Status:
    """The store at one moment; sizes in bytes. `problem` says why it is not quorate; then what is not known is 0.

    `file` is etcd's own, with its history; `records` and `size` are what is in it now. `members` are those
    that vote, `alarms` as etcd names them. `free` is the room in its file system, known without an answer.
    """

    quorate: bool
    problem: str
    version: str = ""
    revision: int = 0
    records: int = 0
    size: int = 0
    file: int = 0
    members: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    free: int = 0


def status(gateway: Gateway, *, free: int) -> Status:
    """Ask. A store that does not answer is a status too, and no error; `free` is handed on."""
    try:
        told = gateway.call("maintenance/status", {})
    except Unavailable as error:
        return Status(quorate=False, problem=error.problems[0].what, free=free)
    version, file = str(told.get("version", "")), int(told.get("dbSize", 0))
    try:
        entries, revision = gateway.load()
        members = gateway.call("cluster/member/list", {}).get("members", ())
        alarms = gateway.call("maintenance/alarm", {}).get("alarms", ())
    except Unavailable as error:
        return Status(quorate=False, problem=error.problems[0].what, version=version, file=file, free=free)
    return Status(
        quorate=True,
        problem="",
        version=version,
        revision=revision,
        records=len(entries),
        size=sum(len(entry.key.encode()) + len(entry.content or b"") for entry in entries),
        file=file,
        members=tuple(sorted(_name(member) for member in members if not member.get("isLearner"))),
        alarms=tuple(sorted({str(alarm.get("alarm", "NONE")) for alarm in alarms})),
        free=free,
    )


def room(data: Path) -> int:
    """Bytes that are free where etcd's data lies, or is going to."""
    there = next(each for each in (data, *data.parents) if each.exists())
    return shutil.disk_usage(there).free


def _name(member: Mapping[str, Any]) -> str:
    """A member that has not started yet has no name."""
    return str(member.get("name") or ", ".join(member.get("peerURLs", ())))


def to_text(status: Status) -> str:
    """A few lines for people."""
    rows = [
        (_("state"), _("writable") if status.quorate else _("read-only: {problem}").format(problem=status.problem))
    ]
    if status.version:
        rows.append((_("version"), f"etcd {status.version}"))
    if status.quorate:
        rows += [
            (_("voters"), ", ".join(status.members)),
            (_("revision"), str(status.revision)),
            (_("records"), _records(status)),
            (_("file"), f"{status.file / MIB:.1f} MiB"),
        ]
    free = _("{count} MiB").format(count=status.free // MIB)
    if status.free < LITTLE:
        free = _("{free}: too little, see what is full: df -h").format(free=free)
    rows.append((_("free"), free))
    if status.alarms:
        rows.append((_("alarms"), ", ".join(status.alarms)))
    width = max(len(name) for name, _value in rows) + 2
    return "\n".join(f"{name:<{width}}{value}" for name, value in rows)


def _records(status: Status) -> str:
    return _("{count}, {size} of {total} MiB").format(
        count=status.records, size=f"{status.size / MIB:.1f}", total=TOTAL // MIB
    )
