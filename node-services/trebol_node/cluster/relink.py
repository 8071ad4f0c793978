"""A link of corosync is put there, changed or taken away while the cluster runs: a task of any member's, which takes
back by itself what leaves nodes without a connection.

The record `cluster/corosync` changes, one version after the other, and the next comes only when every member has
loaded the one before. The store is reached by the addresses of link 0, which do not change: whatever becomes of
another link, the way back can be told to all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import BadInput, Problem, Refused, TrebolError, raise_for
from trebol_node.cluster import linked, under_way
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.links import LinkState, put, require_dispensable, require_there
from trebol_node.cluster.corosync.rules import canonical
from trebol_node.cluster.corosync.status import read
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.leave import Open
from trebol_node.cluster.linked import Linked
from trebol_node.cluster.records import State
from trebol_node.cluster.steps.engine import Step, Work
from trebol_node.store.records import Records

KIND = "link set"

#: Seconds until all members have loaded a configuration: a daemon looks every 2 s, with 32 members every 4 s.
_LOADED_WITHIN = 30.0

#: Seconds until a link is up everywhere: knet wants some answers to its pings first, and the daemons look every 2 s,
#: with 32 members every 4 s.
_CONNECTED_WITHIN = 30.0


@dataclass(frozen=True)
class Relink:
    """The steps, on whatever member."""

    here: Here
    open: Open

    def steps(self) -> Sequence[Step]:
        """In their order. Arguments: `before` and `after`, a `LinkState` each as JSON values."""
        return (
            Step("configuration", self._change, self._change_back),
            Step("connection", self._require_connected),
        )

    def prepared(self, number: int, addresses: Mapping[str, str] | None, priority: int | None) -> dict[str, Any]:
        """The steps' arguments; `addresses` None: the link is to go. Raises as `wanted`, Refused where a member is
        not there to load it."""
        records = self.open(()).records
        totem, after = wanted(records, number, addresses, priority)
        self._require_all(totem, "start it, or remove it: trebol cluster remove NODE --dead")
        return {"before": LinkState.of(totem, number).to_members(), "after": after.to_members()}

    def _change(self, work: Work) -> None:
        totem = self._put(work, LinkState.of_members(work.arguments["after"]))
        self._require_all(totem, "it was there when this began")

    def _change_back(self, work: Work) -> None:
        self._put(work, LinkState.of_members(work.arguments["before"]))

    def _put(self, work: Work, link: LinkState) -> Totem:
        """Have the link be so, version after version; the last one."""
        records = self.open(()).records
        while True:
            totem = _totem(records)
            target = put(totem, link)
            if target is totem:
                self._await_loaded(records, totem)
                return totem
            step = totem.steps_to(target)[0]
            work.say(f"version {step.version} of corosync's configuration: {_told(step, link.number)}")
            self._publish(records, totem, step)
            self._await_loaded(records, step)

    def _publish(self, records: Records, before: Totem, after: Totem) -> None:
        def changed(now: Totem) -> Totem:
            if now.version != before.version:
                raise Refused("was changed by somebody else at the same time", where="cluster/corosync")
            return after

        cluster.edit_totem(records, changed)

    def _await_loaded(self, records: Records, totem: Totem) -> None:
        """Wait until all that are there have it; whoever comes back later finds it in the store."""

        def look() -> str:
            try:
                there = _online(self.here)
            except TrebolError as error:
                return error.problems[0].what
            found = linked.said(records)
            missing = sorted(
                name for name in there & _names(totem) if name not in found or found[name].version < totem.version
            )
            return f"{', '.join(missing)} has not loaded the new configuration of corosync" if missing else ""

        self.here.wait(look, seconds=_LOADED_WITHIN, where="trebold")

    def _require_all(self, totem: Totem, hint: str) -> None:
        there = _online(self.here)
        if missing := sorted(_names(totem) - there):
            raise Refused("is not online: all nodes have to take the change", where=", ".join(missing), hint=hint)

    def _require_connected(self, work: Work) -> None:
        """Raises TrebolError where two nodes do not reach each other on the new link; without one, on none."""
        records = self.open(()).records
        totem, link = _totem(records), LinkState.of_members(work.arguments["after"])
        moved = dict(link.addresses) != dict(LinkState.of_members(work.arguments["before"]).addresses)
        links = [link.number] if link.addresses and moved else sorted(totem.links)

        def look() -> str:
            pairs = linked.without(totem, _current(records, totem), _names(totem), links)
            on = f"link {links[0]}" if len(links) == 1 else "any link"
            return f"{'; '.join(pairs)} do not reach each other on {on}" if pairs else ""

        self.here.wait(look, seconds=_CONNECTED_WITHIN, where="corosync")


def wanted(
    records: Records, number: int, addresses: Mapping[str, str] | None, priority: int | None
) -> tuple[Totem, LinkState]:
    """The configuration as it is, and the link as it is to be; `addresses` by name of node, None: it is to go.

    Raises BadInput with all that is wrong with it, Refused where it cannot be had while the cluster runs, and while a
    node comes or goes.
    """
    totem = _totem(records)
    under_way.require_none(records)
    for member in cluster.members(records):
        if member.state is not State.MEMBER:
            raise Refused(f"is {member.state.value} at the moment", where=member.name, hint="wait until that is over")
    before = LinkState.of(totem, number)
    if addresses is None:
        require_there(totem, number)
        require_dispensable(number)
        after = LinkState(number)
    else:
        for name in addresses:
            totem.node(name)
        given = {name: canonical(address) for name, address in addresses.items()}
        if not given:
            require_there(totem, number)
        after = before.changed(given, priority)
    require_other_than_first(before, after)
    made = put(totem, after)
    found = _current(records, totem)
    raise_for(list(_not_there(before, after, found, totem)), BadInput)
    if before.addresses and (not after.addresses or number in totem.readdressed(made)):
        _require_carried(totem, number, found)
    return totem, after


def require_other_than_first(before: LinkState, after: LinkState) -> None:
    """Raises Refused for other addresses on link 0."""
    if before.number == 0 and before.addresses != after.addresses:
        raise Refused(
            "its addresses cannot be changed while the cluster runs: by them the nodes reach each other's store and "
            "API, certificates speak for them, and corosync cannot be without this link",
            where="link 0",
            hint="one node after the other: trebol cluster leave, give it its new address, trebol cluster join",
        )


def _not_there(before: LinkState, after: LinkState, found: Mapping[str, Linked], totem: Totem) -> Sequence[Problem]:
    """Addresses that their nodes do not have."""
    problems = []
    for name, address in sorted(after.addresses.items()):
        if before.addresses.get(name) == address or not totem.has(name):
            continue
        where = f"node {name}, link {after.number}"
        if name not in found:
            hint = "see there: journalctl -u trebold"
            problems.append(Problem("does not say which addresses it has", where, hint))
        elif address not in found[name].addresses:
            have = ", ".join(sorted(found[name].addresses)) or "none"
            problems.append(Problem(f"{address} is no address of this node", where, f"it has {have}"))
    return problems


def _require_carried(totem: Totem, number: int, found: Mapping[str, Linked]) -> None:
    """Raises Refused where two nodes have no other link by which they reach each other meanwhile."""
    others = sorted(totem.links.keys() - {number})
    if pairs := linked.without(totem, found, _names(totem), others):
        what = f"it is the only link by which {'; '.join(pairs)} reach each other"
        raise Refused(what, where=f"link {number}", hint="see: trebol cluster link list")


def _current(records: Records, totem: Totem) -> dict[str, Linked]:
    """What members say of this configuration, not of one before."""
    return {name: each for name, each in linked.said(records).items() if each.version >= totem.version}


def _totem(records: Records) -> Totem:
    found = cluster.totem(records)
    if found is None:
        raise cluster.stands_alone()
    return found


def _names(totem: Totem) -> frozenset[str]:
    return frozenset(node.name for node in totem.nodes)


def _online(here: Here) -> frozenset[str]:
    return frozenset(each.name for each in read(here.runner).members if each.joined)


def _told(totem: Totem, number: int) -> str:
    link = LinkState.of(totem, number)
    if not link.addresses:
        return f"without link {number}"
    each = ", ".join(f"{name} {address}" for name, address in sorted(link.addresses.items()))
    return f"link {number} of priority {link.priority}: {each}"
