"""The records of fencing.

fencing/devices/NODE.NAME    Device
fencing/proofs/NODE          Proof
fencing/applied/NAME         {"devices": digest}: that member has the secrets of these devices
fencing/written              {"devices": digest}: pacemaker has these devices
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trebol_common.errors import BadInput
from trebol_node.access.errors import Exists, Missing
from trebol_node.cluster import records as cluster
from trebol_node.fencing.device import LEVELS, NAME, Device, Proof, digest_of
from trebol_node.store.records import Records

DEVICES = "fencing/devices/"
PROOFS = "fencing/proofs/"
APPLIED = "fencing/applied/"
WRITTEN = "fencing/written"


def devices(records: Records) -> tuple[Device, ...]:
    """All of them, by id. One that cannot be read raises BadInput: a node would be fenced by half."""
    return tuple(Device.of(record.value, where=record.key) for record in records.below(DEVICES))


def of_node(records: Records, node: str) -> tuple[Device, ...]:
    """Those of one node."""
    return tuple(each for each in devices(records) if each.node == node)


def device(records: Records, ident: str) -> Device:
    """The one with that id. Raises Missing."""
    found = next((each for each in devices(records) if each.id == ident), None)
    if found is None:
        raise Missing(f"fence device '{ident[:96]}' does not exist", hint="trebol fence list")
    return found


def proof(records: Records, node: str) -> Proof | None:
    """The last test of a node's devices."""
    record = records.get(f"{PROOFS}{node}")
    return None if record is None else Proof.of(record.value)


def having(records: Records, devices: str) -> frozenset[str]:
    """Names of the members that have the secrets of the devices with that digest."""
    found = records.below(APPLIED)
    return frozenset(each.key.removeprefix(APPLIED) for each in found if each.value.get("devices") == devices)


def is_written(records: Records) -> bool:
    """Whether pacemaker has all devices as the store has them."""
    record = records.get(WRITTEN)
    return record is not None and record.value.get("devices") == digest_of(devices(records))


def say(records: Records, key: str, devices: str) -> None:
    """Note in `key` that something is done for the devices with that digest."""
    cluster.edit(records, key, lambda before: {"devices": devices})


def require_node(records: Records, node: str) -> None:
    """Raises BadInput for what is no node of the cluster, and where there is none."""
    names = {each.name for each in cluster.members(records)}
    if not names:
        raise BadInput(
            "this node stands alone: there is no other to fence it", where="node", hint="trebol cluster create"
        )
    if node not in names:
        raise BadInput(f"is no node of the cluster: it has {', '.join(sorted(names))}", where="node")


def free_name(records: Records, node: str, agent: str) -> str:
    """A name for another device of the node: the agent's, with a number from the second on."""
    base = agent.removeprefix("fence_").replace("_", "-")
    base = base if re.fullmatch(NAME, base) else f"device-{base}"
    taken = {each.name for each in of_node(records, node)}
    return next(name for name in (base, *(f"{base}-{number}" for number in range(2, 99))) if name not in taken)


def free_level(records: Records, node: str) -> int:
    """The one after all that the node has. Raises BadInput where there is none left."""
    last = max((each.level for each in of_node(records, node)), default=0)
    if last + 1 not in LEVELS:
        raise BadInput(f"there are no more than {LEVELS[-1]}", where="level")
    return last + 1


def require_own(records: Records, made: Device) -> None:
    """Raises BadInput for a device that another node has: one of both would be fenced in the other's place."""
    for other in devices(records):
        if other.node != made.node and other.agent == made.agent and place_of(other) == place_of(made):
            raise BadInput(
                f"is that of {other.node} too: {other.id}", where="plug" if "plug" in made.options else "ip"
            )


def place_of(device: Device) -> tuple[str, ...]:
    """What tells one machine's power from another's, as far as options say it."""
    names = ("ip", "ipport", "plug", "devices", "target", "systems_uri", "systems-uri")
    return tuple(device.options.get(name, "") for name in names)


def add(records: Records, made: Device) -> None:
    """Keep another one. Raises Exists."""

    def added(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if before is not None:
            raise Exists(f"fence device '{made.id}' already exists", hint=f"trebol fence remove {made.id}")
        return made.to_members()

    cluster.edit(records, f"{DEVICES}{made.id}", added)


def remove(records: Records, ident: str) -> None:
    """Forget one, and that its node was proved. Raises Missing."""
    found = device(records, ident)
    cluster.remove(records, f"{DEVICES}{found.id}")
    if not of_node(records, found.node):
        cluster.remove(records, f"{PROOFS}{found.node}")


def forget_node(records: Records, node: str) -> None:
    """What there is of a node that has gone: the next of its name is another machine. What is damaged goes too."""
    devices = (each.key for each in records.below(f"{DEVICES}{node}."))
    for key in (*devices, f"{PROOFS}{node}", f"{APPLIED}{node}"):
        cluster.remove(records, key)


def keep_proof(records: Records, node: str, tested: Proof) -> None:
    """Note a test; when one last succeeded stays known."""

    def noted(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        last = 0 if before is None else Proof.of(before).proven
        return {**tested.to_members(), "proven": tested.proven or last}

    cluster.edit(records, f"{PROOFS}{node}", noted)
