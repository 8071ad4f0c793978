"""What a node shows of its cluster's witness. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.witness.record import Witness
from trebol_node.cluster.witness.rules import PORT


class State(StrEnum):
    """INVITED: its token waits. COMES: it has used it, and has no place yet. WAITS: an odd number of nodes needs no
    vote. VOTES. SILENT: it should, and corosync here has no vote of it."""

    INVITED = "invited"
    COMES = "comes"
    WAITS = "waits"
    VOTES = "votes"
    SILENT = "silent"


def state(found: Witness, totem: Totem | None, membership: Membership | None) -> State:
    """As this node sees it."""
    if not found.here or totem is None or totem.device is None:
        return State.COMES if found.machine else State.INVITED
    if not totem.device_votes:
        return State.WAITS
    return State.VOTES if membership is not None and (membership.device_votes or 0) > 0 else State.SILENT


def shown(found: Witness, totem: Totem | None, membership: Membership | None) -> dict[str, Any]:
    """`store` is its part in the store: "voter", "learner", "waits" (offers a vote that is not needed, or not given
    yet) or "none"; `end` until when its token is good, where that was not used."""
    seen = state(found, totem, membership)
    store = "voter" if found.voter else "learner" if found.learner else "waits" if found.store else "none"
    return {
        "host": found.host,
        "address": found.address,
        "state": seen.value,
        "store": store,
        **({"end": found.end} if seen is State.INVITED else {}),
    }


def as_entry(found: Witness, totem: Totem | None, membership: Membership | None) -> dict[str, Any]:
    """Of GET /cluster/status, among nodes."""
    told = shown(found, totem, membership)
    online = int(told["state"] == State.VOTES)
    return {"id": "witness", "type": "witness", "name": told["host"], "ip": told["address"], "online": online, **told}


def as_device(found: Witness | None, totem: Totem | None, membership: Membership | None) -> dict[str, Any]:
    """The value of GET /cluster/config/qdevice: names of Proxmox VE's, and `witness`; empty where there is none."""
    if found is None:
        return {}
    told = shown(found, totem, membership)
    device = {}
    if totem is not None and totem.device is not None:
        device = {
            "Algorithm": "Fifty-Fifty split",
            "Model": "Net",
            "QNetd host": f"{totem.device.host}:{PORT}",
            "State": "Connected" if told["state"] == State.VOTES else "Disconnected",
        }
    return {**device, "witness": told}
