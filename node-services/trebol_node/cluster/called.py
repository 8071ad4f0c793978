"""The cluster gets another name. Corosync takes it when it starts: until then it goes on with the one of before, and
nodes with either are one cluster, for it is in none of their packets (its key is what makes them one)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.records import Settings, State
from trebol_node.store.records import Records


def call(records: Records, name: str) -> Totem:
    """Have the cluster be called `name`; corosync's configuration, which the members follow. Bears being done twice.

    Raises BadInput for what is no name of a cluster, Refused without one, and while a node comes or goes.
    """
    totem = cluster.totem(records)
    if totem is None:
        raise cluster.stands_alone()
    if totem.has(name):
        hint = f"the node is renamed on itself: trebol node rename NAME; {name} would be the name of both"
        raise BadInput("is the name of a node", where=name, hint=hint)
    totem.called(name)
    under_way.require_none(records)
    for member in cluster.members(records):
        if member.state is not State.MEMBER:
            raise Refused(f"is {member.state.value} at the moment", where=member.name, hint="wait until that is over")
    cluster.edit(records, cluster.SETTINGS, lambda before: _called(before, name))
    return cluster.edit_totem(records, lambda now: now if now.name == name else now.called(name))


def _called(before: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    if before is None:
        raise cluster.stands_alone()
    found = Settings.of(before)
    return Settings(name, found.id, found.since).to_members()
