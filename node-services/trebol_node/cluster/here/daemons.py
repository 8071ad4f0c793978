"""trebold and cockpit on this node: their keys, their cookies and the copy of the records that they began with are
not those of the cluster that the node is of by now."""

from __future__ import annotations

from trebol_node.cluster.here.machine import Here

TREBOLD, COCKPIT = "trebold.service", "cockpit.service"

#: Seconds until trebold serves; it is given as many to start.
_SERVES_WITHIN = 300.0


def restart(here: Here) -> None:
    """Have those that run begin anew, and wait until they serve."""
    here.runner.run(["systemctl", "try-restart", TREBOLD, COCKPIT])


def begin_anew(here: Here) -> None:
    """The same, without waiting: `await_begun` does. For whoever trebold itself may be waiting for."""
    here.runner.run(["systemctl", "try-restart", "--no-block", TREBOLD, COCKPIT])


def await_begun(here: Here) -> None:
    """Wait until trebold serves, where it runs at all: who is told what was done asks it at once."""

    def look() -> str:
        # Between its end and its start it is inactive, and has a job (org.freedesktop.systemd1(5)).
        asked = here.runner.run(["systemctl", "show", "--property=ActiveState,Job", TREBOLD]).stdout
        told = dict(line.split("=", 1) for line in asked.splitlines() if "=" in line)
        state, job = told.get("ActiveState", ""), told.get("Job", "")
        at_rest = state in ("active", "inactive", "failed") and job in ("", "0")
        return "" if at_rest else f"is {state}"

    here.wait(look, seconds=_SERVES_WITHIN, where=TREBOLD)
