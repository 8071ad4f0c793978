"""What a new member must not bring along."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_node.cluster.preflight.facts import Facts, Protocol
from trebol_node.cluster.preflight.finding import Says, Severity
from trebol_node.cluster.preflight.needed import QNETD, USERS


def guests(facts: Facts) -> Iterator[Says]:
    """Guests would keep their ids and disks, which the cluster's guests may have too."""
    names = facts.new.contents.guests
    if names:
        yield Says(
            where=facts.joining,
            what=_("the node has guests: {names}").format(names=_some(names)),
            hint=_("move them away or remove them: virsh list --all"),
            hosts=(facts.joining,),
        )


def cluster(facts: Facts) -> Iterator[Says]:
    """A member of another cluster, or of this one."""
    contents = facts.new.contents
    if contents.cluster_nodes:
        yield Says(
            where=f"{facts.joining}, /etc/corosync/corosync.conf",
            what=_("the node belongs to the cluster {name} with {nodes}").format(
                name=contents.cluster or "?", nodes=_some(contents.cluster_nodes)
            ),
            hint=_("leave that one first: trebol cluster leave"),
            hosts=(facts.joining,),
        )


def unfinished(facts: Facts) -> Iterator[Says]:
    """A join that was cut off."""
    if facts.new.contents.unfinished:
        yield Says(
            where=facts.joining,
            what=_("a join of this node was begun and did not end"),
            hint=_("go on with it: trebol cluster join --resume; or take it back: trebol cluster join --abort"),
            hosts=(facts.joining,),
        )


def ceph(facts: Facts) -> Iterator[Says]:
    """Ceph of another cluster."""
    contents = facts.new.contents
    here = {host.contents.ceph for host in facts.others if host.contents.ceph}
    if contents.ceph_daemons or (contents.ceph and contents.ceph not in here):
        yield Says(
            where=facts.joining,
            what=_("the node has Ceph: {what}").format(
                what=_some(tuple(filter(None, (contents.ceph and f"fsid {contents.ceph}", *contents.ceph_daemons))))
            ),
            hint=_("take its daemons out of their cluster first, then remove /etc/ceph/ceph.conf"),
            hosts=(facts.joining,),
        )


def port_taken(facts: Facts) -> Iterator[Says]:
    """A port that the cluster needs and something else has. Who has it may not be known: then only corosync's are
    told, which nobody has on a node that is in no cluster."""
    for each in sorted(facts.new.listeners, key=lambda one: (one.protocol, one.port, one.address)):
        users = USERS.get((each.protocol, each.port))
        if users is None or each.program in users or not (each.program or each.protocol is Protocol.UDP):
            continue
        yield Says(
            where=f"{facts.joining}, {each.address}",
            what=_("{program} has port {port}/{protocol}, which {expected} needs").format(
                program=each.program or "?", port=each.port, protocol=each.protocol, expected=_needs(users)
            ),
            hint=_("stop it: systemctl status {program}; ss -lntup").format(program=each.program or "?"),
            hosts=(facts.joining,),
            severity=Severity.ERROR if each.program and each.port != QNETD else Severity.WARNING,
        )


def _needs(users: frozenset[str]) -> str:
    return "trebold" if "trebold" in users else ", ".join(sorted(users))


def _some(names: tuple[str, ...], most: int = 5) -> str:
    """A few of many names."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else _("{names} and {count} more").format(names=shown, count=len(names) - most)
