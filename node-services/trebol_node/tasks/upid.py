"""The id of a task: `UPID:NODE:PID:PSTART:START:TYPE:ID:USER:`, as Proxmox VE writes it (PVE::Tools, upid_decode)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from trebol_common.errors import BadInput

#: A name of a folder too: nothing that steers a terminal or leads elsewhere. PSTART has nine digits after 497 days.
_UPID = re.compile(
    r"UPID:(?P<node>[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)"
    r":(?P<pid>[0-9A-Fa-f]{8})"
    r":(?P<pstart>[0-9A-Fa-f]{8,9})"
    r":(?P<start>[0-9A-Fa-f]{8})"
    r":(?P<kind>[a-zA-Z0-9_-]{1,32})"
    r":(?P<id>[a-zA-Z0-9_.@+-]{0,64})"
    r":(?P<user>[a-zA-Z0-9_.@!+-]{1,128}):",
    re.ASCII,
)


@dataclass(frozen=True)
class Upid:
    """Which task: of which node and process, of which `kind` on which `id`, begun by which user ("root@pam").

    `pstart` is the process's start in clock ticks since the boot (proc(5), starttime), by which it is told from a
    later one with its number; `start` seconds since 1970.
    """

    node: str
    pid: int
    pstart: int
    start: int
    kind: str
    id: str
    user: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadInput."""
        found = _UPID.fullmatch(text)
        if found is None:
            raise BadInput("unable to parse worker upid", where="upid")
        return cls(
            node=found["node"],
            pid=int(found["pid"], 16),
            pstart=int(found["pstart"], 16),
            start=int(found["start"], 16),
            kind=found["kind"],
            id=found["id"],
            user=found["user"],
        )

    def __str__(self) -> str:
        numbers = f"{self.pid:08X}:{self.pstart:08X}:{self.start:08X}"
        return f"UPID:{self.node}:{numbers}:{self.kind}:{self.id}:{self.user}:"
