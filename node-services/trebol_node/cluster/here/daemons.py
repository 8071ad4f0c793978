"""trebold and cockpit on this node: their keys, their cookies and the copy of the records that they began with are
not those of the cluster that the node is of by now."""

from __future__ import annotations

from trebol_node.cluster.here.machine import Here

TREBOLD, COCKPIT = "trebold.service", "cockpit.service"

#: States of a unit that begins, or ends to begin anew (org.freedesktop.systemd1(5), ActiveState).
_ON_THE_WAY = ("activating", "deactivating", "reloading")

#: Seconds until trebold serves; it is given as many to start.
_SERVES_WITHIN = 300.0


def restart(here: Here) -> None:
    """Have those that run begin anew, and wait until they serve."""
    here.runner.run(["systemctl", "try-restart", TREBOLD, COCKPIT])


def begin_anew(here: Here) -> None:
    """The same, without waiting: `await_begun` does."""
    here.runner.run(["systemctl", "try-restart", "--no-block", TREBOLD, COCKPIT])


def await_begun(here: Here) -> None:
    """Wait until trebold serves, where it runs at all: who is told what was done asks it at once."""

    def look() -> str:
        state = here.runner.run(["systemctl", "is-active", TREBOLD], check=False).stdout.strip()
        return f"is {state}" if state in _ON_THE_WAY else ""

    here.wait(look, seconds=_SERVES_WITHIN, where=TREBOLD)
