"""A cluster as a console shows it: by what the node's API says. Pure but for `look`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trebol_common.errors import TrebolError
from trebol_common.i18n import _

if TYPE_CHECKING:
    from trebol_node.client import Api

#: There on each node of a cluster, and on no other (`trebol_node.store.reached`).
MEMBER = "etc/trebol/store-urls.json"

#: Seconds that a banner waits for the daemon: the first login prompt waits for the banner.
WITHIN = 1.0


@dataclass(frozen=True)
class ClusterSeen:
    """A cluster that the node is in: how many members it has, and how many of them are there. `maintenance`: this
    node is taken out for a while; `silent`: its corosync does not say who is there."""

    name: str
    nodes: int
    online: int
    quorate: bool
    maintenance: bool = False
    silent: bool = False


class NodeState(StrEnum):
    """How a node of the cluster is."""

    ONLINE = "online"
    OFFLINE = "offline"
    JOINING = "joining"


@dataclass(frozen=True)
class NodeSeen:
    """A node of the cluster; `here`: this one."""

    name: str
    address: str
    state: NodeState
    here: bool = False


def cluster_of(items: Iterable[Mapping[str, Any]]) -> ClusterSeen | None:
    """What GET /cluster/status says of the cluster; None: the node stands alone. Who joins is no member yet."""
    known = tuple(items)
    members = [each for each in nodes_of(known) if each.state is not NodeState.JOINING]
    online = sum(each.state is NodeState.ONLINE for each in members)
    for each in known:
        if each.get("type") == "cluster":
            out = any(node.get("local") and node.get("maintenance") for node in known)
            quorate, silent = bool(each.get("quorate")), bool(each.get("silent"))
            return ClusterSeen(str(each["name"]), len(members), online, quorate, out, silent)
    return None


def nodes_of(items: Iterable[Mapping[str, Any]]) -> tuple[NodeSeen, ...]:
    """The nodes, likewise."""
    return tuple(
        NodeSeen(str(each["name"]), str(each.get("ip") or ""), _state(each), bool(each.get("local")))
        for each in items
        if each.get("type") == "node"
    )


def _state(node: Mapping[str, Any]) -> NodeState:
    if node.get("joining"):
        return NodeState.JOINING
    return NodeState.ONLINE if node.get("online") else NodeState.OFFLINE


def words(cluster: ClusterSeen) -> str:
    """In one line."""
    if cluster.silent:
        line = _("{name}: corosync is silent on this node").format(name=cluster.name)
    else:
        quorum = _("quorate") if cluster.quorate else _("NO QUORUM")
        told = _("{name}: {online} of {nodes} nodes, {quorum}")
        line = told.format(name=cluster.name, online=cluster.online, nodes=cluster.nodes, quorum=quorum)
    return _("{told}; this node is in maintenance").format(told=line) if cluster.maintenance else line


def look(root: Path, api: Api | None = None) -> ClusterSeen | None:
    """The cluster of this node; None while its daemon is silent, too: nothing is shown that is not known."""
    if not (root / MEMBER).exists():
        return None
    from trebol_node.client import Api

    try:
        return cluster_of((api or Api(patience=WITHIN)).get("/cluster/status"))
    except TrebolError:
        return None
