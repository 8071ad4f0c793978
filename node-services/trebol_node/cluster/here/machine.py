"""The node that is worked on: the system below a root, and its programs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_common.run import CommandRunner, Runner
from trebol_node.facts import ADDRESSES
from trebol_node.pki import Own, give

#: Seconds between two looks at a service that has nothing to wait for.
_EVERY = 0.2


@dataclass(frozen=True)
class Here:
    """This node; `own` gives files to groups, `pause` and `clock` (monotonic, in seconds) are the waits."""

    root: Path = Path("/")
    runner: Runner = field(default_factory=CommandRunner)
    own: Own = give
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def at(self, path: Path) -> Path:
        """A file of the node by its absolute path."""
        return self.root / path.relative_to("/")

    @property
    def name(self) -> str:
        """The host name, without its domain."""
        return self.at(Path("/proc/sys/kernel/hostname")).read_text("utf-8").strip().partition(".")[0]

    @property
    def machine(self) -> str:
        """The machine-id(5)."""
        return self.at(Path("/etc/machine-id")).read_text("ascii").strip()

    def addresses(self) -> frozenset[str]:
        """All of the node's own."""
        links = json.loads(self.runner.run(ADDRESSES).stdout)
        return frozenset(str(each["local"]) for link in links for each in link.get("addr_info", ()))

    def start(self, unit: str) -> None:
        """Now, and at each boot; when this returns it says that it is ready."""
        self.switch("enable", "--now", unit)

    def stop(self, unit: str) -> None:
        """Now, and at no boot."""
        self.switch("disable", "--now", unit)

    def switch(self, verb: str, *unit: str) -> None:
        """`enable` or `disable`, without links for the init scripts that corosync and pacemaker have too: systemd
        reads all its units anew for each of them."""
        self.runner.run(["systemctl", verb, *unit], env={"SYSTEMCTL_SKIP_SYSV": "1"})

    def wait(self, look: Callable[[], str], *, seconds: float, where: str) -> None:
        """Wait until `look` has nothing to say against it; TrebolError with its last words where it still has."""
        end = self.clock() + seconds
        while problem := look():
            if self.clock() > end:
                raise TrebolError(f"{problem} after {seconds:.0f} s", where=where, hint=f"journalctl -u {where}")
            self.pause(_EVERY)

    def is_there(self, path: Path) -> bool:
        """Whether there is a file or folder."""
        return self.at(path).exists()

    def copy_aside(self, path: Path, aside: Path) -> None:
        """As `put_aside`, and it stays."""
        if not self.is_there(aside):
            write_text(self.at(aside), self.at(path).read_text("utf-8"))

    def put_aside(self, path: Path, aside: Path) -> None:
        """Rename it; what was put aside before stays, since it is older."""
        if self.at(path).exists() and not self.at(aside).exists():
            self.at(path).rename(self.at(aside))

    def put_back(self, path: Path, aside: Path) -> None:
        """The inverse; what has come in between goes. Nothing to do where nothing is aside."""
        if not self.at(aside).exists():
            return
        there = self.at(path)
        if there.is_dir():
            shutil.rmtree(there)
        elif there.exists():
            there.unlink()
        self.at(aside).rename(there)
