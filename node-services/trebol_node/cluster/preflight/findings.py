"""The checks before a join: each is an entry. Adding one is adding an entry (after cephadm's configchecks)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from trebol_common.errors import BadInput, Problem, Refused, raise_for
from trebol_common.i18n import _
from trebol_node.cluster.preflight.facts import Facts
from trebol_node.cluster.preflight.finding import Check, Finding, Severity
from trebol_node.cluster.preflight.rules import clocks, empty, links, names, paths
from trebol_node.cluster.preflight.rules.versions import same

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CHECKS: tuple[Check, ...] = (
    Check("name-taken", _E, names.taken, "A member has the new node's name.", forceable=False),
    Check(
        "machine-id-duplicate",
        _E,
        names.machine_id,
        "A member has the new node's machine id: one was cloned from the other.",
        forceable=False,
    ),
    Check(
        "address-taken", _E, names.address_taken, "A member has an address of the new node's links.", forceable=False
    ),
    Check(
        "address-duplicate",
        _E,
        names.address_duplicate,
        "Two machines answer for an address of a link, by ARP, or by the kernel's own check (IPv6).",
        forceable=False,
    ),
    Check(
        "not-empty-cluster",
        _E,
        empty.cluster,
        "The new node has a corosync.conf with nodes: it belongs to a cluster.",
        forceable=False,
    ),
    Check("not-empty-join", _E, empty.unfinished, "The new node has begun a join that did not end.", forceable=False),
    Check("not-empty-guests", _E, empty.guests, "The new node has guests, whose ids the cluster may have too."),
    Check("not-empty-ceph", _E, empty.ceph, "The new node has Ceph's configuration or daemons of another cluster."),
    Check(
        "not-measured",
        _E,
        paths.not_measured,
        "A member does not answer, or a way was not measured: what is not known is not taken for good.",
    ),
    Check("unreachable", _E, paths.unreachable, "No packet of the probe came back on a way."),
    Check(
        "link-missing",
        _E,
        links.missing,
        "The new node has no address for a link of the cluster, not the one it names, or a link has no carrier.",
    ),
    Check(
        "link-other-network",
        _E,
        links.other_network,
        "A link's address is in another network than the members': of another link an error, routed a warning.",
    ),
    Check("port-closed", _E, paths.port_closed, "A firewall keeps a port of corosync, etcd or the API closed."),
    Check("port-taken", _E, empty.port_taken, "Another program has a port on the new node that the cluster needs."),
    Check(
        "loss",
        _E,
        paths.loss,
        "Packets that did not come back, of fifty: one is a warning, more an error (pvecm(1), Network Requirements).",
    ),
    Check(
        "rtt-high",
        _E,
        paths.round_trip,
        "Round trips: 99 % above 5 ms is a warning, more than one above 10 ms an error (pvecm(1), Network "
        "Requirements).",
    ),
    Check("mtu-path", _E, paths.mtu_path, "Packets of the interface's MTU do not get through unfragmented."),
    Check("mtu-differs", _W, links.mtu_differs, "The nodes' interfaces of one link have different MTUs."),
    Check(
        "clock-offset",
        _E,
        clocks.offset,
        "Two clocks differ: 0.05 s (Ceph's monitors complain) is a warning, 1 s (etcd's peers complain) an error.",
    ),
    Check("clock-unsynchronised", _W, clocks.unsynchronised, "Nothing keeps a host's clock, or not well."),
    Check(
        "name-loopback",
        _E,
        names.loopback,
        "A name that other nodes need resolves to a loopback address, 127.0.1.1 for one.",
    ),
    Check(
        "name-differs", _E, names.differs, "A host resolves another's name to an address which that does not have."
    ),
    Check("name-unknown", _I, names.unresolved, "A host does not know the names of others."),
    Check(
        "version-trebol",
        _E,
        same("Trebol", lambda versions: versions.trebol, parts=2),
        "Trebol differs: in the first two numbers an error.",
    ),
    Check(
        "version-corosync",
        _E,
        same("corosync", lambda versions: versions.corosync, parts=1),
        "corosync differs: in the first number an error.",
    ),
    Check(
        "version-pacemaker",
        _E,
        same("pacemaker", lambda versions: versions.pacemaker, parts=1),
        "pacemaker differs: in the first number an error; else its oldest feature set counts until all are alike.",
    ),
    Check(
        "version-etcd",
        _E,
        same("etcd", lambda versions: versions.etcd, parts=2),
        "etcd differs: in the first two numbers an error; a member below the cluster's version ends itself.",
    ),
    Check(
        "version-ceph",
        _W,
        same("Ceph", lambda versions: versions.ceph, parts=0),
        "Ceph differs: daemons of two releases run together while a cluster is upgraded, not longer.",
    ),
    Check(
        "version-debian",
        _W,
        same("Debian", lambda versions: versions.debian, parts=0),
        "Debian differs, and so does much else.",
    ),
    Check(
        "link-slow", _W, links.slow, "A port under a link is slower than 1 Gbit/s (pvecm(1), Network Requirements)."
    ),
    Check("link-half-duplex", _E, links.half_duplex, "A port under a link runs at half duplex."),
    Check(
        "bond-mode",
        _W,
        links.bond_mode,
        "A bond under a link balances load, or its LACP is slow (pvecm(1), Corosync over bonds).",
    ),
    Check("links-together", _W, links.together, "Two links leave a host by one port."),
    Check("link-single", _I, links.single, "The cluster has one link only."),
)

_BY_CODE = {check.code: check for check in CHECKS}


def evaluate(facts: Facts) -> tuple[Finding, ...]:
    """All that is wrong, the gravest first, else in the order of CHECKS."""
    found = (finding for check in CHECKS for finding in check(facts))
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def is_code(text: str) -> bool:
    """Whether there is a check of that code."""
    return text in _BY_CODE


def check_force(codes: Iterable[str]) -> frozenset[str]:
    """What a user wants to force. Raises BadInput for codes that there are not, Refused for those never forced."""
    wanted = frozenset(codes)
    unknown = [
        Problem(_("no such check"), code, _("one of {codes}").format(codes=", ".join(sorted(_BY_CODE))))
        for code in sorted(wanted - _BY_CODE.keys())
    ]
    raise_for(unknown, BadInput)
    never = [
        Problem(_("cannot be forced: the cluster would not survive it"), code)
        for code in sorted(wanted)
        if not _BY_CODE[code].forceable
    ]
    raise_for(never, Refused)
    return wanted


def stopping(findings: Iterable[Finding], forced: Collection[str] = ()) -> tuple[Finding, ...]:
    """The errors that stop the join: those not `forced`, and those that never are."""
    return tuple(
        finding
        for finding in findings
        if finding.severity is Severity.ERROR and not (finding.forceable and finding.code in forced)
    )


def verdict(findings: Iterable[Finding], forced: Collection[str] = ()) -> bool:
    """Whether the join is stopped."""
    return bool(stopping(findings, forced))


def require(findings: Iterable[Finding], forced: Collection[str] = ()) -> None:
    """Raises Refused with all that stops the join."""
    raise_for([_problem(finding) for finding in stopping(findings, forced)], Refused)


def _problem(finding: Finding) -> Problem:
    force = _("or --force {code}").format(code=finding.code) if finding.forceable else ""
    hint = "; ".join(filter(None, (finding.hint, force)))
    return Problem(f"{finding.code}: {finding.what}", finding.where, hint)
