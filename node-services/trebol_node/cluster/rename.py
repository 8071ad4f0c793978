"""A node of a cluster gets another name: its steps, done on it.

Corosync knows a node by its number, which stays; pacemaker, certificates, the store and its records know it by name.
So pacemaker and corosync stop here, the others load a configuration with the new name, and have pacemaker forget the
old one; then everything here starts under the new one. All of it, with both names swapped, is the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_node.cluster import linked, naming, under_way
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import read
from trebol_node.cluster.here import corosync, daemons, pacemaker, pacemaker_names, store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.leave import Open, require_spare
from trebol_node.cluster.records import State
from trebol_node.cluster.steps.disk import utc_now
from trebol_node.cluster.steps.engine import Step, Work
from trebol_node.fencing import sealing
from trebol_node.fencing.device import Device
from trebol_node.keys import names_now
from trebol_node.pki import AUTHORITY, FOLDER, remake_store, renew
from trebol_node.store.configuration import peer_url
from trebol_node.store.errors import Unavailable
from trebol_node.store.records import Records

KIND = "rename"

#: Seconds until all others have loaded a configuration, and pacemaker was told: daemons look every 2 s, with 32
#: members every 4 s.
_LOADED_WITHIN = 30.0

#: What a rename remembers of pacemaker's entry of the node.
_ATTRIBUTES = "attributes"

#: Gives the system another full name.
RenameHost = Callable[[str], None]


@dataclass(frozen=True)
class Rename:
    """The steps on this node."""

    here: Here
    open: Open
    rename_host: RenameHost

    def steps(self) -> Sequence[Step]:
        """In their order. Arguments: those that `prepared` gives."""
        return (
            Step("announce", self._announce, self._end),
            Step("stop-pacemaker", self._leave_pacemaker, self._enter_pacemaker_back),
            Step("stop-corosync", self._stop_corosync, self._start_corosync_again),
            Step("configuration", self._configure, self._configure_back),
            Step("records", self._move, self._move_back),
            Step("name", self._name, self._name_back),
            Step("store", self._restart_store, self._restart_store_back),
            Step("corosync", self._start_corosync, self._stop_corosync),
            Step("pacemaker", self._start_pacemaker, self._stop_pacemaker),
            Step("end", self._finish, point_of_no_return=True),
        )

    def prepared(self, new: str, fqdn: str, before: str) -> dict[str, Any]:
        """What the steps need, before anything has begun; `fqdn` is the new full name, `before` the one of now.

        Raises BadInput for a name that cannot be had, Refused with what to do instead where the others would have no
        quorum meanwhile, and where something runs here.
        """
        found, old = self.open(()), self.here.name
        totem = cluster.totem(found.records)
        if totem is None:
            raise cluster.stands_alone()
        require_name(found.records, totem, old, new)
        membership = read(self.here.runner)
        online = sorted({each.name for each in membership.members if each.joined} - {old})
        if len(totem.nodes) > 1:
            require_spare(totem, old, membership)
            members = cluster.members(found.records)
            found.members.require_dispensable(peer_url(next(each for each in members if each.name == old).address))
        require_idle(self.here, old)
        return {"old": old, "new": new, "fqdn": fqdn, "before": before, "online": online}

    def _records(self) -> Records:
        return self.open(()).records

    def _announce(self, work: Work) -> None:
        old, new = _names(work)
        since = utc_now().isoformat(timespec="seconds")
        store.persist(self.here, lambda: naming.begin(self._records(), old, new, since))

    def _end(self, work: Work) -> None:
        store.persist(self.here, lambda: naming.end(self._records(), *_names(work)))

    def _leave_pacemaker(self, work: Work) -> None:
        if _ATTRIBUTES not in work.facts:
            work.remember(**{_ATTRIBUTES: pacemaker_names.attributes(self.here.runner, _names(work)[0])})
        self._stop_pacemaker(work)

    def _stop_pacemaker(self, work: Work) -> None:
        self.here.stop(pacemaker.UNIT)

    def _enter_pacemaker_back(self, work: Work) -> None:
        self._started_pacemaker(work, _names(work)[0])

    def _started_pacemaker(self, work: Work, name: str) -> None:
        """Start, online by that name, and with the attributes that went with the other one."""
        self.here.start(pacemaker.UNIT)
        pacemaker.await_online(self.here, name)
        pacemaker_names.put_back(self.here.runner, name, work.facts.get(_ATTRIBUTES, "<node/>"))

    def _stop_corosync(self, work: Work) -> None:
        self.here.stop(corosync.UNIT)

    def _start_corosync_again(self, work: Work) -> None:
        """With the configuration of now: with an older one than the others have it would end."""
        corosync.enter(self.here, _totem(self._records()).render())

    def _configure(self, work: Work) -> None:
        self._configured(work, *_names(work))

    def _configure_back(self, work: Work) -> None:
        old, new = _names(work)
        self._configured(work, new, old)

    def _configured(self, work: Work, old: str, new: str) -> None:
        """Have the others know it by `new`: corosync, and pacemaker, which one of them tells."""
        records = self._records()
        totem = naming.configure(records, old, new)
        others = frozenset(work.arguments["online"])
        if not others:
            return

        def look() -> str:
            found = linked.said(records)
            missing = sorted(name for name in others if name not in found or found[name].version < totem.version)
            if missing:
                return f"{', '.join(missing)} has not loaded the new configuration of corosync"
            renaming = naming.renaming(records)
            is_known = renaming is None or renaming.known == new
            return "" if is_known else f"pacemaker of {', '.join(sorted(others))} does not know the name {new}"

        self.here.wait(look, seconds=_LOADED_WITHIN, where="trebold")

    def _move(self, work: Work) -> None:
        old, new = _names(work)
        if "proven" not in work.facts:
            work.remember(proven=naming.is_proven(self._records(), old))
        self._moved(work, old, new)

    def _move_back(self, work: Work) -> None:
        old, new = _names(work)
        self._moved(work, new, old)

    def _moved(self, work: Work, old: str, new: str) -> None:
        proven = bool(work.facts.get("proven"))
        store.persist(self.here, lambda: naming.move(self._records(), old, new, proven=proven, reseal=self._reseal))

    def _reseal(self, before: Device, after: Device) -> Device:
        if not before.sealed:
            return after
        key = sealing.Key.read(AUTHORITY.pair(self.here.at(FOLDER)).key)
        secrets = sealing.open_all(key, before.id, before.sealed)
        return replace(after, sealed=sealing.seal_all(key, after.id, secrets))

    def _name(self, work: Work) -> None:
        self._named(work.arguments["fqdn"])

    def _name_back(self, work: Work) -> None:
        self._named(work.arguments["before"])

    def _named(self, fqdn: str) -> None:
        """The system's own name, and certificates that speak for it."""
        here = self.here
        self.rename_host(fqdn)
        names, folder = names_now(here.root, here.runner), here.at(FOLDER)
        remake_store(names, here.runner, folder=folder, own=here.own)
        renew(names, here.runner, folder=folder, own=here.own)
        # Its paths, and what it writes, have the name in them.
        here.runner.run(["systemctl", "try-restart", "--no-block", "trebold.service"], check=False)

    def _restart_store(self, work: Work) -> None:
        self._store_named(work, _names(work)[1])

    def _restart_store_back(self, work: Work) -> None:
        self._store_named(work, _names(work)[0])

    def _store_named(self, work: Work, name: str) -> None:
        pair = _names(work)
        voters = {
            name if each.name in pair else each.name: each.address
            for each in cluster.members(self._records())
            if each.voter
        }
        store.rename(self.here, name, voters)
        store.persist(self.here, self._require_store)

    def _require_store(self) -> None:
        if not self._records().quorate:
            raise Unavailable("has no quorum", where=store.UNIT)

    def _start_corosync(self, work: Work) -> None:
        self._start_corosync_again(work)
        corosync.await_members(self.here, [_names(work)[1], *work.arguments["online"]])

    def _start_pacemaker(self, work: Work) -> None:
        old, new = _names(work)
        self._started_pacemaker(work, new)
        if not work.arguments["online"]:
            # Nobody else has told it.
            pacemaker_names.rename(self.here.runner, old, new)
            self._started_pacemaker(work, new)

    def _finish(self, work: Work) -> None:
        self._end(work)
        daemons.restart(self.here)


def require_name(records: Records, totem: Totem, old: str, new: str) -> None:
    """Raises BadInput for a name that the node cannot have, Refused while something else is under way."""
    totem.node(old)
    if new == old:
        raise BadInput("is its name already", where=new)
    if any(each.name == new for each in cluster.members(records)):
        raise BadInput("is the name of a node of the cluster already", where=new, hint="give it another name")
    totem.renamed(old, new)
    under_way.require_none(records)
    for member in cluster.members(records):
        if member.state is not State.MEMBER:
            raise Refused(f"is {member.state.value} at the moment", where=member.name, hint="wait until that is over")
        if member.name == old and member.learner:
            raise Refused("is getting a vote in the store at the moment", where=old, hint="wait a minute")


def require_idle(here: Here, node: str) -> None:
    """Raises Refused where pacemaker runs something here: it would be moved, and nobody asked for that."""
    try:
        text = here.runner.run(["crm_mon", "--one-shot", "--output-as=xml"]).stdout
    except TrebolError as error:
        hint = "systemctl status pacemaker"
        raise Refused("does not answer, so nobody knows what runs here", where="pacemaker", hint=hint) from error
    if found := pacemaker_names.running(text, node):
        raise Refused(f"runs {', '.join(found)}", where=node, hint="move that to another node first")


def _names(work: Work) -> tuple[str, str]:
    return str(work.arguments["old"]), str(work.arguments["new"])


def _totem(records: Records) -> Totem:
    found = cluster.totem(records)
    if found is None:
        raise cluster.stands_alone()
    return found
