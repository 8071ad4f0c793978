"""The hardware checks before an installation: what they find, and whether that keeps it from beginning. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.answers.model import Checks, FailOn
from trebol_common.errors import BadInput, Problem, Refused, raise_for
from trebol_common.i18n import _
from trebol_hardware.checks.finding import Finding, Severity
from trebol_hardware.checks.mute import mute_problems
from trebol_hardware.machine import Machine
from trebol_installer.describe import listing

#: Codes of what only an installed node shows: its time daemon, and drivers that the live system does not load (memory
#: controllers, watchdogs, BMC) since loading them takes seconds. Found missing here, it would be a false alarm.
LEFT_TO_THE_NODE = frozenset(
    {"fencing", "huge-pages", "ksm", "memory-errors", "time-sync", "time-sync-cluster", "watchdog"}
)

_STOPS = {
    FailOn.FAIL: frozenset({Severity.FAIL}),
    FailOn.WARN: frozenset({Severity.FAIL, Severity.WARN}),
    FailOn.NEVER: frozenset[Severity](),
}

_TOLD = frozenset({Severity.FAIL, Severity.WARN, Severity.UNKNOWN})


def checked(machine: Machine, wishes: Checks) -> tuple[Finding, ...]:
    """What the checks of the role find, but for those that are LEFT_TO_THE_NODE.

    Raises BadInput for codes in `mute` that no check has.
    """
    # The checks are fifty modules' worth of loading: only for whoever plans.
    from trebol_hardware.checks.registry import Role, check_machine

    raise_for(list(mute_problems(wishes)), BadInput)
    findings = check_machine(machine, Role(wishes.for_), mute=wishes.mute)
    return tuple(finding for finding in findings if finding.code not in LEFT_TO_THE_NODE)


def refuse(findings: Sequence[Finding], wishes: Checks) -> None:
    """Raise Refused where a finding that is not muted is as grave as `fail-on` says.

    The last of its problems tells what else was found, so that one walk to the machine is enough.
    """
    stops = [finding for finding in findings if _is_in_the_way(finding, wishes)]
    if not stops:
        return
    problems = [_problem(finding) for finding in stops]
    if others := [short(finding) for finding in by_gravity(findings) if finding not in stops]:
        problems.append(Problem(_("no reasons to refuse, but found as well:") + listing(others)))
    raise Refused.of(problems)


def by_gravity(findings: Sequence[Finding]) -> list[Finding]:
    """What failed, warns or is unknown, and is not muted, the gravest first. Notes are left to the report: a virtual
    machine has twenty."""
    told = [finding for finding in findings if finding.severity in _TOLD and not finding.muted]
    return sorted(told, key=lambda finding: -finding.severity.rank)


def short(finding: Finding) -> str:
    """A finding in one line: severity, title, what was measured, code."""
    measured = f": {finding.measured}" if finding.measured else ""
    return f"{severity_words()[finding.severity]}{finding.title}{measured} ({finding.code})"


def severity_words() -> dict[Severity, str]:
    """What people call each severity, all equally wide."""
    words = {
        Severity.PASS: _("pass"),
        Severity.INFO: _("info"),
        Severity.UNKNOWN: _("unknown"),
        Severity.WARN: _("warn"),
        Severity.FAIL: _("fail"),
    }
    width = max(map(len, words.values())) + 1
    return {severity: word.ljust(width) for severity, word in words.items()}


def _is_in_the_way(finding: Finding, wishes: Checks) -> bool:
    return not finding.muted and finding.severity in _STOPS[wishes.fail_on]


def _problem(finding: Finding) -> Problem:
    measured = f": {finding.measured}" if finding.measured else ""
    reason = f"\n    {finding.reason}" if finding.reason else ""
    remedy = f"{finding.remedy}\n    " if finding.remedy else ""
    mute = _('to install all the same: mute = ["{code}"] or fail-on = "never" in [checks]').format(code=finding.code)
    return Problem(
        f"{finding.title}{measured}{reason}",
        _("check {code} ({severity})").format(
            code=finding.code, severity=severity_words()[finding.severity].rstrip()
        ),
        f"{remedy}{mute}",
    )
