"""This node itself: daemons, clock, certificates, and what was cut off."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_hardware.checks.clock import DRIFT_ALLOWED
from trebol_node.cluster.diagnosis.facts import Facts
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.cluster.preflight.rules.clocks import OFFSET_BAD
from trebol_node.cluster.steps.journal import Direction
from trebol_node.pki.validity import Urgency


def units(facts: Facts) -> Iterator[Finding]:
    """Daemons that are to run, and do not."""
    for unit in facts.units or ():
        if unit.active == "failed" or (unit.wanted and unit.active not in ("active", "activating", "reloading")):
            measured = _("{unit} is {state}").format(unit=unit.name, state=unit.active)
            if unit.result not in ("", "success"):
                measured += f" ({unit.result})"
            remedy = f"journalctl -u {unit.name}; systemctl start {unit.name}"
            yield Finding("unit-down", Severity.ERROR, facts.node, measured, remedy)


def clock(facts: Facts) -> Iterator[Finding]:
    """Kept by somebody, and not off."""
    found = facts.clock
    if found is None:
        return
    remedy = "chronyc sources; chronyc tracking"
    if found.offset is not None and found.offset >= DRIFT_ALLOWED:
        severity = Severity.ERROR if found.offset >= OFFSET_BAD else Severity.WARNING
        measured = _("the clock is {seconds:.3f} s off its time servers").format(seconds=found.offset / 1e6)
        yield Finding("clock-offset", severity, facts.node, measured, remedy)
    elif not found.daemon:
        measured = _("nothing keeps the clock")
        yield Finding("clock-unkept", Severity.WARNING, facts.node, measured, "systemctl status chrony")
    elif found.synchronised is False:
        measured = _("{daemon} runs, but the clock is not synchronised").format(daemon=found.daemon)
        yield Finding("clock-unkept", Severity.WARNING, facts.node, measured, remedy)


def certificates(facts: Facts) -> Iterator[Finding]:
    """Those of this node that end within 30 days."""
    for each in facts.endings:
        if each.urgency is Urgency.INFO:
            continue
        measured = (
            _("{path} has ended, on {day}: clients refuse it")
            if each.days < 0
            else _("{path} ends on {day}, in {days} days")
        ).format(path=each.path, day=f"{each.end:%Y-%m-%d}", days=each.days)
        severity = Severity.ERROR if each.urgency is Urgency.ERROR else Severity.WARNING
        yield Finding("certificate-ends", severity, facts.node, measured, _("put a new one in its place"))


def cut_off(facts: Facts) -> Iterator[Finding]:
    """A creation, a join or a leave of this node that nobody goes on with."""
    journal = facts.journal
    if journal is None or facts.busy:
        return
    step = next((entry.name for entry in journal.steps if entry.reason), "")
    reason = next((entry.reason for entry in journal.steps if entry.reason), journal.reason)
    measured = _("a {kind} was cut off: {reason}").format(
        kind=journal.kind, reason=": ".join(filter(None, (step, reason))) or _("no reason is told")
    )
    command = f"trebol cluster {journal.kind}"
    # What is on its way back goes to its end.
    ways = ("--abort",) if journal.direction is Direction.BACK else ("--resume", "--abort")
    remedy = "; ".join(f"{command} {way}" for way in ways)
    yield Finding("cut-off", Severity.ERROR, facts.node, measured, remedy)
