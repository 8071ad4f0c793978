"""What a node shows of its cluster: what the store says should be, and what corosync says is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.witness.record import witness
from trebol_node.cluster.witness.view import as_entry
from trebol_node.fencing.state import against_ha
from trebol_node.pki.validity import Ending
from trebol_node.store.records import Records


def status(
    records: Records, node: str, addresses: Sequence[str], membership: Membership | None
) -> list[dict[str, Any]]:
    """The value of GET /cluster/status on `node`, from memory: a dead node is waited for by nobody.

    `membership` is None where corosync does not run. Quorum is corosync's of a cluster, the store's of a node that
    stands alone; the cluster has `"silent": 1` where corosync does not say whether there is any. A node that joins
    has `"joining": 1`, one that leaves `"leaving": 1`; this node itself has `"removed": 1` where it is none of the
    cluster any more. `ha`: whether it may run anything; `ha-off`: why not.
    """
    totem = cluster.totem(records)
    if totem is None:
        return [_alone(records, node, addresses)]
    found = [_cluster(records, totem, membership), *(_nodes(records, totem, node, membership))]
    if (third := witness(records)) is not None:
        found.append(as_entry(third, totem, membership))
    if cluster.is_foreign(records, node):
        found.append({**_listed(node, addresses[0] if addresses else ""), "local": 1, "removed": 1})
    return found


def with_warnings(shown: list[dict[str, Any]], endings: Sequence[Ending]) -> list[dict[str, Any]]:
    """The same, and at this node's entry its certificates that end soon: `"warnings": [{"code", "severity", "path",
    "end", "days"}]`; left out where there are none."""
    found = [
        {
            "code": "certificate-ends",
            "severity": each.urgency.value,
            "path": str(each.path),
            "end": _text(each.end),
            "days": each.days,
        }
        for each in endings
    ]
    return [{**each, "warnings": found} if found and each.get("local") else each for each in shown]


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _alone(records: Records, node: str, addresses: Sequence[str]) -> dict[str, Any]:
    return {
        "id": f"node/{node}",
        "ip": addresses[0] if addresses else "",
        "level": "",
        "local": 1,
        "name": node,
        "nodeid": 0,
        "online": 1,
        "quorate": int(records.quorate),
        "type": "node",
    }


def _cluster(records: Records, totem: Totem, membership: Membership | None) -> dict[str, Any]:
    off = against_ha(records)
    return {
        "ha": int(not off),
        "ha-off": list(off),
        "id": "cluster",
        "name": totem.name,
        "nodes": len(totem.nodes),
        "quorate": int(membership is not None and membership.quorate),
        "type": "cluster",
        "version": totem.version,
        **({"silent": 1} if membership is None else {}),
    }


def _nodes(records: Records, totem: Totem, node: str, membership: Membership | None) -> list[dict[str, Any]]:
    online = {each.id for each in membership.members if each.joined} if membership else set()
    states = {each.name: _state(each) for each in cluster.members(records)}
    found = [
        {
            "id": f"node/{each.name}",
            "ip": each.addresses[0],
            "level": "",
            "local": int(each.name == node),
            "name": each.name,
            "nodeid": each.id,
            "online": int(each.id in online or each.name == node),
            "type": "node",
            **states.get(each.name, {}),
        }
        for each in totem.nodes
    ]
    # Listed before corosync knows it: nobody is to be left in between without a name.
    known = {each.name for each in totem.nodes}
    half = [
        {**_listed(each.name, each.address), "local": int(each.name == node), **_state(each)}
        for each in cluster.members(records)
        if each.name not in known
    ]
    return found + half


def _listed(name: str, address: str) -> dict[str, Any]:
    """One that corosync's configuration does not have."""
    return {
        "id": f"node/{name}",
        "ip": address,
        "level": "",
        "local": 0,
        "name": name,
        "nodeid": 0,
        "online": 0,
        "type": "node",
    }


def _state(member: cluster.Member) -> dict[str, Any]:
    return {} if member.state is cluster.State.MEMBER else {member.state.value: 1}
