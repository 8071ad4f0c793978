"""The steps of a plan: frozen values, one class for each thing that is done to a disk or to the new system.

No step holds a secret, a device name of this boot where there is a better one, or a UUID of what is made: plans are
printed, stored and compared. Secrets come from the answers and new UUIDs are made when a step runs. What was there
before is named by the UUID that it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trebol_installer.steps.devices import (
    Device,
    Held,
    PartitionKind,
    PartitionRef,
    PlannedPartition,
    VolumeRef,
)
from trebol_installer.steps.storage import (
    AssembleArray,
    BindToTpm,
    CreateArray,
    CreateDataset,
    CreatePool,
    CreateThinPool,
    CreateVolume,
    CreateVolumeGroup,
    EncryptDevice,
    MakeBtrfs,
    MakeFilesystem,
    MakeSwap,
    MountDataset,
    MountTarget,
    OpenContainer,
    PartitionDisk,
    ReplaceSubvolume,
    ReusePool,
    ReuseVolumeGroup,
    UnbindFromTpm,
)
from trebol_installer.steps.system import (
    BootPartition,
    CheckTarget,
    CloseTarget,
    ExtractLayer,
    GatherNews,
    GetExecutable,
    InstallBootLoader,
    LoadZfs,
    MarkFinished,
    MergePackages,
    Mount,
    TellWebhook,
    VerifyLayers,
    WriteAccess,
    WriteClusterIntent,
    WriteEncryption,
    WriteFirstBoot,
    WriteIdentity,
    WriteLocale,
    WriteMounts,
    WriteNetwork,
    WriteNodeConfiguration,
    WritePool,
    WriteReport,
)
from trebol_installer.steps.teardown import (
    CloseGroup,
    CloseVolume,
    ExportPool,
    LeaveBcache,
    ReleaseMount,
    ReleaseSwap,
    WipeDisk,
    WipeVolume,
)

__all__ = [
    "AssembleArray",
    "BindToTpm",
    "BootPartition",
    "CheckTarget",
    "CloseGroup",
    "CloseTarget",
    "CloseVolume",
    "CreateArray",
    "CreateDataset",
    "CreatePool",
    "CreateThinPool",
    "CreateVolume",
    "CreateVolumeGroup",
    "Device",
    "EncryptDevice",
    "ExportPool",
    "ExtractLayer",
    "GatherNews",
    "GetExecutable",
    "Held",
    "InstallBootLoader",
    "LeaveBcache",
    "LoadZfs",
    "MakeBtrfs",
    "MakeFilesystem",
    "MakeSwap",
    "MarkFinished",
    "MergePackages",
    "Mount",
    "MountDataset",
    "MountTarget",
    "OpenContainer",
    "PartitionDisk",
    "PartitionKind",
    "PartitionRef",
    "PlannedPartition",
    "ReleaseMount",
    "ReleaseSwap",
    "ReplaceSubvolume",
    "ReusePool",
    "ReuseVolumeGroup",
    "Step",
    "TellWebhook",
    "UnbindFromTpm",
    "VerifyLayers",
    "VolumeRef",
    "WipeDisk",
    "WipeVolume",
    "WriteAccess",
    "WriteClusterIntent",
    "WriteEncryption",
    "WriteFirstBoot",
    "WriteIdentity",
    "WriteLocale",
    "WriteMounts",
    "WriteNetwork",
    "WriteNodeConfiguration",
    "WritePool",
    "WriteReport",
    "step_name",
    "step_to_json",
]

Step = (
    CheckTarget
    | GetExecutable
    | VerifyLayers
    | LoadZfs
    | ReleaseSwap
    | ReleaseMount
    | ExportPool
    | CloseGroup
    | CloseVolume
    | LeaveBcache
    | WipeVolume
    | WipeDisk
    | PartitionDisk
    | CreateArray
    | EncryptDevice
    | CreateVolumeGroup
    | AssembleArray
    | OpenContainer
    | BindToTpm
    | UnbindFromTpm
    | ReuseVolumeGroup
    | ReplaceSubvolume
    | ReusePool
    | CreateVolume
    | CreateThinPool
    | MakeSwap
    | MakeFilesystem
    | MakeBtrfs
    | CreatePool
    | CreateDataset
    | MountDataset
    | MountTarget
    | ExtractLayer
    | MergePackages
    | WriteIdentity
    | WriteMounts
    | WriteEncryption
    | WritePool
    | WriteNetwork
    | WriteLocale
    | WriteAccess
    | WriteNodeConfiguration
    | WriteClusterIntent
    | WriteFirstBoot
    | InstallBootLoader
    | WriteReport
    | GatherNews
    | CloseTarget
    | MarkFinished
    | TellWebhook
)


def step_name(step: Step) -> str:
    """The step's name in events and JSON: `wipe-disk`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(step).__name__).lower()


def step_to_json(step: Step) -> dict[str, Any]:
    """The step as JSON members; devices are shown by their stable paths."""
    return {"step": step_name(step), **{key: _plain(value) for key, value in _members(step)}}


def _members(step: Step) -> Iterator[tuple[str, Any]]:
    for key in step.__dataclass_fields__:
        yield key, getattr(step, key)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case PartitionRef():
            return str(value)
        case tuple():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case str():
            return str(value)
        case _ if hasattr(value, "__dataclass_fields__"):
            return _plain({key: getattr(value, key) for key in value.__dataclass_fields__})
        case _:
            return str(value)
