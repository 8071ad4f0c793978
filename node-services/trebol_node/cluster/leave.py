"""A node leaves its cluster, and stands alone after: its steps, done on it.

While the others are there (`How.LEAVE`) they take it out of everything first. The last node (`LAST`) and one that was
removed (`FORCED`) have nobody to ask: they begin anew by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trebol_common.errors import Refused, TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.quorum import margins
from trebol_node.cluster.corosync.status import Membership, read
from trebol_node.cluster.corosync.values import Node
from trebol_node.cluster.here import certificates, corosync, daemons, pacemaker, store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.removal import Removal, take_vote
from trebol_node.cluster.steps.engine import Step, Work
from trebol_node.cluster.under_way import Kind
from trebol_node.cluster.voters.members import Members
from trebol_node.keys import names_now
from trebol_node.store import reached
from trebol_node.store.configuration import client_url, peer_url
from trebol_node.store.records import Records

KIND = "leave"

#: Seconds until all others have a new configuration of corosync: they follow the record.
_APPLIED_WITHIN = 20.0

_FORCED_HINT = "trebol cluster leave --forced makes it stand alone"


class How(StrEnum):
    """With the others; as the last one; without anybody."""

    LEAVE = "leave"
    LAST = "last"
    FORCED = "forced"


@dataclass(frozen=True)
class Store:
    """The cluster's store as somebody reaches it."""

    records: Records
    members: Members


#: Opens the store at these URLs; without any, where this node reaches it.
Open = Callable[[Sequence[str]], Store]


@dataclass(frozen=True)
class Leave:
    """The steps on this node; `now` in seconds since 1970."""

    here: Here
    open: Open
    now: Callable[[], float] = time.time

    def steps(self, how: How) -> Sequence[Step]:
        """In their order. Arguments: those that `prepared` gives."""
        anew = (
            Step("keys", self._make_keys, point_of_no_return=True),
            Step("store", self._begin_store, point_of_no_return=True),
            Step("files", self._clear, point_of_no_return=True),
            Step("end", self._end, point_of_no_return=True),
        )
        stop = (
            Step("pacemaker", self._stop_pacemaker, self._start_pacemaker),
            Step("corosync", self._stop_corosync, self._start_corosync),
        )
        if how is not How.LEAVE:
            return (*stop, *anew)
        return (
            Step("announce", self._announce, self._stay),
            *stop,
            Step("configuration", self._configure, self._configure_again),
            Step("vote", self._take_vote, point_of_no_return=True),
            Step("records", self._forget, point_of_no_return=True),
            *anew,
        )

    def prepared(self, how: How) -> dict[str, Any]:
        """What the steps need, before anything has begun. Raises Refused with what to do instead, TrebolError where
        it cannot be known whether the others do without this node."""
        match how:
            case How.LEAVE:
                return {"how": how.value, **self._with_others()}
            case How.LAST:
                require_last(self.open(()).records, self.here.name)
            case How.FORCED:
                require_nobody(self.here)
        return {"how": how.value}

    def _with_others(self) -> dict[str, Any]:
        found, name = self.open(()), self.here.name
        totem = require_member(found.records, name)
        under_way.require_none(found.records, but=name)
        membership = self._require_dispensable(found, totem)
        members = cluster.members(found.records)
        node = totem.node(name)
        return {
            "id": node.id,
            "addresses": {str(link): address for link, address in node.addresses.items()},
            "urls": [client_url(each.address) for each in members if each.voter and each.name != name],
            "online": sorted(_online(membership) - {name}),
        }

    def _require_dispensable(self, found: Store, totem: Totem) -> Membership:
        """What corosync says, where the others do without this node. Raises Refused where they do not."""
        name, membership = self.here.name, read(self.here.runner)
        require_spare(totem, name, membership)
        mine = next(each for each in cluster.members(found.records) if each.name == name)
        found.members.require_dispensable(peer_url(mine.address))
        return membership

    def _others(self, work: Work) -> Store:
        return self.open(work.arguments["urls"])

    def _removal(self, work: Work) -> Removal:
        return Removal(self._others(work).records, self.now)

    def _announce(self, work: Work) -> None:
        self._removal(work).begin(self.here.name, Kind.LEAVE)
        # Another one may have gone since this was asked for; from here on none does.
        found = self._others(work)
        self._require_dispensable(found, require_member(found.records, self.here.name))

    def _stay(self, work: Work) -> None:
        self._removal(work).stay(self.here.name)

    def _stop_pacemaker(self, work: Work) -> None:
        self.here.stop(pacemaker.UNIT)

    def _start_pacemaker(self, work: Work) -> None:
        self.here.start(pacemaker.UNIT)

    def _stop_corosync(self, work: Work) -> None:
        self.here.stop(corosync.UNIT)

    def _start_corosync(self, work: Work) -> None:
        """With the configuration of now: with an older one than the others have it would end."""
        if "urls" not in work.arguments:
            self.here.start(corosync.UNIT)
            return
        totem = cluster.totem(self._others(work).records)
        if totem is None:
            raise cluster.stands_alone()
        corosync.enter(self.here, totem.render())

    def _configure(self, work: Work) -> None:
        removal = self._removal(work)
        self._await_applied(removal.records, removal.configure(self.here.name), work)

    def _configure_again(self, work: Work) -> None:
        removal = self._removal(work)
        addresses = {int(link): address for link, address in work.arguments["addresses"].items()}
        node = Node(self.here.name, work.arguments["id"], addresses)
        self._await_applied(removal.records, removal.configure_again(node), work)

    def _await_applied(self, records: Records, totem: Totem, work: Work) -> None:
        """Wait until those that were there when this began have it; they load it at once then."""

        def look() -> str:
            missing = sorted(set(work.arguments["online"]) - cluster.having(records, totem.digest))
            return f"{', '.join(missing)} has not got the new configuration of corosync" if missing else ""

        self.here.wait(look, seconds=_APPLIED_WITHIN, where="trebold")

    def _take_vote(self, work: Work) -> None:
        store.persist(self.here, lambda: take_vote(self._others(work).members, work.arguments["addresses"]["0"]))

    def _forget(self, work: Work) -> None:
        store.persist(self.here, lambda: self._removal(work).end(self.here.name))

    def _make_keys(self, work: Work) -> None:
        certificates.begin_anew(self.here)

    def _begin_store(self, work: Work) -> None:
        store.begin_anew(self.here, names_now(self.here.root, self.here.runner).host)

    def _clear(self, work: Work) -> None:
        pacemaker.leave(self.here)
        corosync.leave(self.here)

    def _end(self, work: Work) -> None:
        daemons.restart(self.here)


def require_member(records: Records, node: str) -> Totem:
    """Corosync's configuration, where `node` can be taken out of it and others stay. Raises Refused."""
    totem = cluster.totem(records)
    if totem is None:
        raise cluster.stands_alone()
    if cluster.is_foreign(records, node):
        raise Refused(f"was removed from the cluster {totem.name}", where=node, hint=_FORCED_HINT)
    if [each.name for each in totem.nodes] == [node]:
        hint = "trebol cluster leave --last ends the cluster"
        raise Refused(f"is the last node of the cluster {totem.name}", where=node, hint=hint)
    return totem


def require_last(records: Records, node: str) -> None:
    """Raises Refused where there are other nodes, or one is about to join, or there is no cluster."""
    totem = cluster.totem(records)
    if totem is None:
        raise cluster.stands_alone()
    under_way.require_none(records, but=node)
    names = {each.name for each in totem.nodes} | {each.name for each in cluster.members(records)}
    if others := sorted(names - {node}):
        raise Refused(f"is not the last node: there is {', '.join(others)}", where=node, hint="trebol cluster leave")


def require_spare(totem: Totem, node: str, membership: Membership) -> None:
    """Raises Refused where the others would have no quorum once `node` has gone: while it still counts, which it does
    for a moment, and after."""
    others = _online(membership) & {each.name for each in totem.nodes} - {node}
    device = membership.device_votes is not None
    for left in (totem, totem.without_node(node)):
        found = margins(left, others, device_online=device)
        if not found.quorate:
            missing = sorted({each.name for each in totem.nodes} - others - {node})
            what = f"without it the others would have no quorum: {found.votes} of {found.needed} votes"
            hint = f"start {', '.join(missing)}, or remove what is dead: trebol cluster remove NODE --dead"
            raise Refused(what, where=node, hint=hint)


def require_nobody(here: Here) -> None:
    """Raises Refused where the node stands alone already, or works together with others."""
    if not any(map(here.is_there, (reached.PATH, corosync.ASIDE, certificates.ASIDE, certificates.GONE))):
        raise cluster.stands_alone()
    try:
        membership = read(here.runner)
    except TrebolError:
        # It does not run: whoever is there does without this node.
        return
    others = sorted(_online(membership) - {here.name})
    if membership.quorate and others:
        raise Refused(f"works together with {', '.join(others)}", where=here.name, hint="trebol cluster leave")


def how_of(arguments: Mapping[str, Any]) -> How:
    """Of a journal's."""
    return How(arguments["how"])


def _online(membership: Membership) -> set[str]:
    return {each.name for each in membership.members if each.joined}
