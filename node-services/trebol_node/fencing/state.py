"""Whether each node can be fenced, and so whether HA may run anything: the one rule, for whoever asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trebol_common.errors import BadInput
from trebol_node.cluster import records as cluster
from trebol_node.fencing import records as kept
from trebol_node.fencing.device import Device, Proof, digest_of
from trebol_node.store.records import Records


class Path(StrEnum):
    """How far a node's fencing is."""

    NONE = "none"
    UNTESTED = "untested"
    CHANGED = "changed"
    FAILED = "failed"
    PROVEN = "proven"


#: What each means where it keeps HA off.
_WORDS = {
    Path.NONE: "has no fence device: trebol fence add {node} --agent AGENT …",
    Path.UNTESTED: "has fence devices that were never tested: trebol fence test {node}",
    Path.CHANGED: "has other fence devices than those that were tested: trebol fence test {node}",
    Path.FAILED: "has fence devices that failed their last test: trebol fence test {node}",
}


@dataclass(frozen=True)
class NodeState:
    """Of one node: `path`, and the last test of its devices, if there was any."""

    node: str
    path: Path
    proof: Proof | None

    @property
    def reason(self) -> str:
        """Why HA cannot be on; empty: it does not keep it off."""
        words = _WORDS.get(self.path)
        return "" if words is None else f"{self.node} {words.format(node=self.node)}"


def path_of(devices: Iterable[Device], proof: Proof | None) -> Path:
    """Of one node's devices by their last test."""
    known = tuple(devices)
    if not known:
        return Path.NONE
    if proof is None:
        return Path.UNTESTED
    if proof.digest != digest_of(known):
        return Path.CHANGED
    return Path.FAILED if proof.problems else Path.PROVEN


def states(records: Records) -> tuple[NodeState, ...]:
    """Of all nodes of the cluster, those that join too. Raises BadInput where records are damaged."""
    found = []
    for member in cluster.members(records):
        proof = kept.proof(records, member.name)
        found.append(NodeState(member.name, path_of(kept.of_node(records, member.name), proof), proof))
    return tuple(found)


def against_ha(records: Records) -> tuple[str, ...]:
    """Why HA stays off; nothing: it may be on. A node alone has nobody who takes over, and nobody who fences it."""
    try:
        found = states(records)
        if len(found) < 2:
            return ("there is one node: nobody could take over from it",)
        reasons = tuple(each.reason for each in found if each.reason)
        return reasons or (() if kept.is_written(records) else ("pacemaker does not have the fence devices yet",))
    except BadInput as error:
        return tuple(f"{each.where}: {each.what}" for each in error.problems)
