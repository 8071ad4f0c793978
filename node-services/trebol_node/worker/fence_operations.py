"""What the worker does for fencing: see `trebol_node.worker.operations`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from trebol_node.worker.operation import NodeName, Operation, Secret

#: Fence devices of a cluster, at most.
FENCE_DEVICES = 256


class FenceDevice(BaseModel):
    """A `trebol_node.fencing.device.Device`, whose secrets are sealed."""

    model_config = Operation.model_config

    node: NodeName
    name: Annotated[str, Field(max_length=32)]
    agent: Annotated[str, Field(max_length=64)]
    level: int
    options: dict[str, str] = {}
    sealed: dict[str, str] = {}


FenceDevices = Annotated[list[FenceDevice], Field(max_length=FENCE_DEVICES)]


class SealSecrets(Operation):
    """Seal the secrets of the fence device with the id `device`: the same names with what the store may have."""

    name = "fence-seal"
    device: Annotated[str, Field(max_length=128)]
    secrets: dict[str, Annotated[Secret, Field(max_length=1024)]]


class InstallFencing(Operation):
    """Have the secrets of all fence devices as files of root's, where pacemaker looks for them. Nothing."""

    name = "fence-install"
    devices: FenceDevices


class SweepFencing(Operation):
    """Forget the secrets of all others: pacemaker has these devices. Nothing."""

    name = "fence-sweep"
    devices: FenceDevices


class WriteFencing(Operation):
    """Have pacemaker know these fence devices, all of them, and fence the node `delayed` later. Whether that was a
    change."""

    name = "fence-write"
    devices: FenceDevices
    delayed: NodeName | None = None


class TestFencing(Operation):
    """Ask the fence devices of a node, and with `power_cycle` cut its power; keep what came of it. `online`: the node
    is there. A UPID."""

    __test__ = False

    name = "fence-test"
    node: NodeName
    online: bool
    power_cycle: bool = False
