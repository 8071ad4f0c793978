"""The checks there are: each is an entry, with what it looks at and for whom. Adding one is adding an entry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_hardware.checks.finding import Finding, Requirement, Severity, Verdict, worst
from trebol_hardware.machine import Machine


class Role(StrEnum):
    """What a machine is checked for. MIXED is a node that runs guests, a monitor and OSDs."""

    NODE = "node"
    CLUSTER = "cluster"
    HA = "ha"
    CEPH_MON = "ceph-mon"
    CEPH_OSD = "ceph-osd"
    CEPH_MDS = "ceph-mds"
    MIXED = "mixed"

    @property
    def includes(self) -> frozenset[Role]:
        """The roles whose checks apply too: a cluster member is a node, HA needs a cluster."""
        node = {Role.NODE}
        match self:
            case Role.NODE:
                roles = node
            case Role.CLUSTER:
                roles = {*node, Role.CLUSTER}
            case Role.HA:
                roles = {*node, Role.CLUSTER, Role.HA}
            case Role.CEPH_MON | Role.CEPH_OSD | Role.CEPH_MDS:
                roles = {*node, Role.CLUSTER, self}
            case Role.MIXED:
                roles = {*node, Role.CLUSTER, Role.CEPH_MON, Role.CEPH_OSD, Role.MIXED}
        return frozenset(roles)


@dataclass(frozen=True)
class Check:
    """One thing to look at. `title`, `explanation` and `requirement` are English; `_()` gives them in the user's
    language.

    `look` never raises: what a record lacks is UNKNOWN, with the reason.
    """

    code: str
    title: str
    role: Role
    look: Callable[[Machine], Verdict]
    explanation: str
    requirement: Requirement = field(default_factory=Requirement)

    def __call__(self, machine: Machine) -> Finding:
        """The finding on `machine`."""
        verdict = self.look(machine)
        return Finding(
            code=self.code,
            title=_(self.title),
            severity=verdict.severity,
            measured=verdict.measured,
            requirement=verdict.requirement or self.requirement.localised(),
            reason=verdict.reason,
            remedy=verdict.remedy,
            details=verdict.details,
        )


def checks() -> tuple[Check, ...]:
    """Every check, in the order in which findings are read."""
    from trebol_hardware.checks import groups

    return groups.ALL


def find(code: str) -> Check:
    """The check called `code`. Raises BadInput that names close codes."""
    known = {check.code: check for check in checks()}
    if code not in known:
        close = get_close_matches(code, known, n=3)
        hint = _("did you mean {names}?").format(names=_(" or ").join(close)) if close else ""
        raise BadInput(_("no such check"), where=code, hint=hint or _("trebol check list shows all codes"))
    return known[code]


def check_machine(machine: Machine, role: Role = Role.NODE, *, mute: Collection[str] = ()) -> tuple[Finding, ...]:
    """Every check of `role` on a machine; those in `mute` are marked and count no more. Raises BadInput for codes
    in `mute` that no check has."""
    for code in mute:
        find(code)
    findings = (check(machine) for check in checks() if check.role in role.includes)
    return tuple(replace(finding, muted=finding.code in mute) for finding in findings)


def gravest(findings: Sequence[Finding]) -> Severity:
    """The gravest severity among findings that are not muted."""
    return worst(finding.severity for finding in findings if not finding.muted)
