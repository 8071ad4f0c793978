"""A cluster that is made up: what the recorded world shows of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from trebol_firstboot.cluster_seen import ClusterSeen, NodeSeen, NodeState
from trebol_firstboot.screens.api_cluster import said
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.token import Token

#: The steps of the node's own tasks (`trebol_node.cluster`).
STEPS: Mapping[str, tuple[str, ...]] = {
    "create": ("certificates", "store", "corosync", "pacemaker", "records"),
    "join": ("admit", "keys", "store", "corosync", "pacemaker", "vote", "end"),
}

#: What a join comes to.
JOINED = ClusterSeen("clover", 2, 2, quorate=True)

_END = 1_796_000_000


def nodes(cluster: ClusterSeen, host: str, address: str) -> Iterator[NodeSeen]:
    """`host` first, at `address`; those that are away are the last."""
    yield NodeSeen(host.partition(".")[0], address, NodeState.ONLINE, here=True)
    for number in range(2, cluster.nodes + 1):
        state = NodeState.ONLINE if number <= cluster.online else NodeState.OFFLINE
        yield NodeSeen(f"node{number}", _address(number), state)


def token(node: str) -> str:
    """What is said of a token such as a cluster prints, but of none."""
    made = Token(
        cluster="clover",
        cluster_id="0" * 16,
        addresses=tuple(Address(_address(number)) for number in (1, 2)),
        ca="0" * 64,
        id="0" * 16,
        secret=SecretStr("0" * 32),
        end=_END,
        node=node or None,
    )
    return said(made.reveal(), _END)


def _address(number: int) -> str:
    return f"192.0.2.{9 + number}"
