"""A cluster of one: the first node, which others join."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.here import corosync, pacemaker, store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.records import Member, Settings, State
from trebol_node.cluster.steps.disk import utc_now
from trebol_node.cluster.steps.engine import Step, Work
from trebol_node.keys import names_now
from trebol_node.pki import FOLDER, remake_store
from trebol_node.store.records import Records

KIND = "create"


@dataclass(frozen=True)
class Creation:
    """The steps on this node. `records` opens the store's for a while: it is restarted in between; `reach` its list
    of members."""

    here: Here
    records: Callable[[], Records]
    reach: store.Reach

    def steps(self) -> Sequence[Step]:
        """In their order. Arguments: `cluster`, its name; `links`, this node's addresses by number of link."""
        return (
            Step("certificates", self._certificates),
            Step("store", self._move_store, self._move_store_back),
            Step("corosync", self._enter_corosync, self._leave_corosync),
            Step("pacemaker", self._enter_pacemaker, self._leave_pacemaker),
            Step("records", self._write, self._forget),
        )

    def require_possible(self, name: str, links: Mapping[int, str]) -> None:
        """Raises Refused in a cluster, BadInput for what no cluster can be made of."""
        require_alone(self.records())
        Totem.first(name, self.here.name, links)
        require_own(links, self.here.addresses())

    def _totem(self, work: Work) -> Totem:
        return Totem.first(work.arguments["cluster"], self.here.name, numbered(work.arguments["links"]))

    def _certificates(self, work: Work) -> None:
        """The store's is to speak for the address at which other nodes reach it."""
        here = self.here
        remake_store(names_now(here.root, here.runner), here.runner, folder=here.at(FOLDER), own=here.own)

    def _move_store(self, work: Work) -> None:
        store.open_to_others(self.here, numbered(work.arguments["links"])[0], self.reach)

    def _move_store_back(self, work: Work) -> None:
        store.close_to_others(self.here, self.reach)

    def _enter_corosync(self, work: Work) -> None:
        corosync.enter(self.here, self._totem(work).render())
        corosync.await_members(self.here, [self.here.name])

    def _leave_corosync(self, work: Work) -> None:
        corosync.leave(self.here)

    def _enter_pacemaker(self, work: Work) -> None:
        pacemaker.enter(self.here, first=True)

    def _leave_pacemaker(self, work: Work) -> None:
        pacemaker.leave(self.here)

    def _write(self, work: Work) -> None:
        totem, records = self._totem(work), self.records()
        since = utc_now().isoformat(timespec="seconds")
        settings = Settings(totem.name, secrets.token_hex(8), since)
        address = totem.nodes[0].addresses[0]
        member = Member(self.here.name, self.here.machine, address, State.MEMBER, voter=True)
        cluster.edit(records, f"{cluster.NODES}{self.here.name}", lambda before: member.to_members())
        cluster.edit(records, cluster.COROSYNC, lambda before: totem.to_members())
        # The last: what makes it one.
        cluster.edit(records, cluster.SETTINGS, lambda before: before or settings.to_members())

    def _forget(self, work: Work) -> None:
        forget(self.records())


def require_alone(records: Records) -> None:
    """Raises Refused for a node of a cluster."""
    found = cluster.settings(records)
    if found is not None:
        raise Refused(f"is of the cluster {found.name} already", where="this node", hint="trebol cluster leave")


def require_own(links: Mapping[int, str], addresses: frozenset[str]) -> None:
    """Raises BadInput for addresses that this node does not have."""
    for number, address in links.items():
        if address not in addresses:
            have = ", ".join(sorted(addresses))
            raise BadInput(f"{address} is no address of this node", where=f"link{number}", hint=f"it has {have}")


def forget(records: Records) -> None:
    """What the store holds of a cluster."""
    for record in (*records.below("cluster/"),):
        cluster.remove(records, record.key)


def numbered(links: Mapping[str, str]) -> dict[int, str]:
    """As JSON has them, with numbers for keys."""
    return {int(number): address for number, address in links.items()}
