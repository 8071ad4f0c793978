"""Answers for properties: layouts, choices of disks, checks, a cluster, what follows; of a random source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.unit.answer_files import manifest
from tests.unit.generated_machines import MODULE_KEY

from trebol_common.answers.model import Checks, Cluster, DiskSetup, FailOn, FirstBoot, Webhook
from trebol_common.medium import Manifest
from trebol_hardware.machine import Disk, Machine
from trebol_installer.layout_rules import rule

#: What is installed from, and that nothing is at hand.
MEDIA: dict[str, Manifest | None] = {"with ZFS": manifest(zfs=True), "without ZFS": manifest(), "none": None}


@dataclass(frozen=True)
class Shape:
    """What of a layout a reinstallation that keeps data cannot change."""

    filesystem: str
    raid: str | None
    encryption: str = ""

    @property
    def table(self) -> str:
        return self.filesystem if self.filesystem in _KNOBS else "lvm"

    def layout(self, knobs: Mapping[str, Any]) -> dict[str, Any]:
        """The layout as members of `[disk-setup]`."""
        raid = {"raid": self.raid} if self.raid else {}
        encryption = {"encryption": _ENCRYPTIONS[self.encryption]} if self.encryption else {}
        return {"filesystem": self.filesystem, self.table: {**knobs, **raid}, **encryption}


_PASSPHRASE = {"passphrase": "four leaves of clover"}
_ENCRYPTIONS = {"passphrase": _PASSPHRASE, "tpm": {**_PASSPHRASE, "tpm2": True}}
_RAIDS: dict[str, tuple[str | None, ...]] = {
    "ext4": (None, "raid1", "raid10"),
    "xfs": (None, "raid1", "raid10"),
    "btrfs": ("raid0", "raid1", "raid10"),
    "zfs": ("raid0", "raid1", "raid10", "raidz-1", "raidz-2", "raidz-3"),
}
SHAPES = tuple(
    Shape(filesystem, raid, encryption)
    for filesystem, raids in _RAIDS.items()
    for raid in raids
    for encryption in ("", "", "passphrase", *(("tpm",) if filesystem != "zfs" else ()))
)

_HDSIZE = [9, 16.5, 25, 30]
_KNOBS: dict[str, dict[str, list[Any]]] = {
    "lvm": {
        "hdsize": _HDSIZE,
        "swapsize": [0, 0.5, 2, 30],
        "maxroot": [3, 6.25, 20],
        "maxvz": [0, 3, 20],
        "minfree": [0, 2, 30],
    },
    "btrfs": {"hdsize": _HDSIZE, "compress": ["on", "off", "zlib", "lzo", "zstd"]},
    "zfs": {
        "hdsize": _HDSIZE,
        "arc-max": [64, 512, 4096],
        "ashift": [9, 12, 13],
        "checksum": ["on", "sha256"],
        "compress": ["off", "gzip", "zstd"],
        "copies": [1, 2, 3],
    },
}


def some_layout(shape: Shape, random: Random) -> dict[str, Any]:
    """A layout of a shape, with some of its knobs turned."""
    return shape.layout(
        {key: random.choice(values) for key, values in _KNOBS[shape.table].items() if random.random() < 0.4}
    )


#: Filters for so many disks; the last ones cannot be understood.
_FILTERS = (
    {"position": "1-{n}"},
    {"ID_SERIAL": "d[0-{last}]"},
    {"ID_BUS": "virt*", "position": "1-{n}"},
    {"by-id": "virtio-d[0-{last}]"},
    {"serial": "d?", "size": ">= 9G", "position": "1-{n}"},
    {"by-path": "pci-0000:00:0[0-{last}].0"},
    {"transport": "virtio", "model": "qemu*", "position": "1-{n}"},
    {"rotational": "true"},
    {"size": "30G..50GiB"},
    {"size": "large", "colour": "red"},
)


@dataclass(frozen=True)
class Choice:
    """How the disks are chosen, from which medium, and what the answers say of what the disks hold.

    By a disk-list of those from the one numbered `turn` on, `spelt` in one of four ways, or by `filter`. As many as
    the layout wants at least, with `every` all that the machine has where it takes them.
    """

    spelt: str
    turn: int
    every: bool
    filter: Mapping[str, str] | None
    match: str
    wipe: bool
    keep: bool
    medium: str
    module_key: str

    def setup(self, layout: Mapping[str, Any], machine: Machine) -> DiskSetup:
        """A layout on the disks of a machine that are chosen."""
        wants, there = rule(disk_setup(layout)).disks, len(machine.disks)
        number = there if self.every and wants.allows(there) else wants.least
        chosen: dict[str, Any]
        if self.filter is None:
            turned = (*machine.disks[self.turn % there :], *machine.disks[: self.turn % there])
            chosen = {"disk-list": list(dict.fromkeys(self._spell(disk) for disk in turned[:number]))}
        else:
            texts = {key: value.format(n=number, last=number - 1) for key, value in self.filter.items()}
            chosen = {"filter": texts, "filter-match": self.match}
        if self.wipe:
            chosen["wipe"] = "confirmed"
        if self.keep:
            chosen["keep"] = ["data"]
        return disk_setup({**layout, **chosen})

    def _spell(self, disk: Disk) -> str:
        folders = {"by-id": disk.by_id, "by-path": disk.by_path}
        links = [*folders.get(self.spelt.removeprefix("/dev/disk/"), ())]
        if not links:
            return disk.name
        return f"{self.spelt}/{links[0]}" if self.spelt.startswith("/") else links[0]


def disk_setup(members: Mapping[str, Any]) -> DiskSetup:
    """`[disk-setup]` of these members; where they choose no disk, of any."""
    named = "disk-list" in members or "filter" in members
    return DiskSetup.model_validate(members if named else {**members, "disk-list": ["any"]})


def some_choice(random: Random) -> Choice:
    """A choice of disks, most often of those that have a chance."""
    return Choice(
        # A kernel's name seldom: what is on such a disk is never given up.
        spelt=random.choices(["by-id", "/dev/disk/by-id", "by-path", "/dev/disk/by-path", "kernel"], [3, 3, 3, 3, 1])[
            0
        ],
        turn=random.choice([0, 0, 0, 1, 2]),
        every=random.random() < 0.5,
        filter=random.choice(_FILTERS) if random.random() < 0.3 else None,
        match=random.choice(["any", "all", "all"]),
        wipe=random.random() < 0.9,
        keep=random.random() < 0.1,
        medium=random.choice(["with ZFS", "with ZFS", *MEDIA]),
        module_key=random.choice([MODULE_KEY, ""]),
    )


def some_checks(random: Random) -> Checks:
    """What the hardware checks are asked, most often without a say."""
    return Checks(
        for_=random.choice(["node", "node", "cluster", "ha", "ceph-osd", "mixed"]),
        fail_on=random.choice([FailOn.NEVER] * 8 + [FailOn.FAIL, FailOn.WARN]),
        mute=random.choice([(), ("memory-errors",)]),
    )


def some_cluster(random: Random) -> Cluster:
    """What is wanted of a cluster, most often nothing."""
    join = {"mode": "join", "peer": random.choice(["192.0.2.11", "2001:db8::2", "node2.example.org"])}
    create = {"mode": "create", "name": "clover-1"}
    agreed = {"token": "9f2c4e81b7d3605a1c88e4f2070b9d6e"}
    creates = random.choice([create, {**create, **agreed}, {**create, **agreed, "nodes": ["node8", "node9"]}])
    return Cluster.model_validate(random.choice([{}, {}, creates, join, {**join, **agreed}]))


def some_first_boot(random: Random) -> FirstBoot | None:
    """What the first boot does by itself, most often nothing."""
    fetched = {"source": "from-url", "url": "https://boot.example.org/first-boot", "ordering": "network-online"}
    table = random.choice([None, None, fetched, {"source": "from-iso"}, {"updates": True, "reboot": True}])
    return None if table is None else FirstBoot.model_validate(table)


def some_webhook(random: Random) -> Webhook | None:
    """Who is told of the installation, most often nobody."""
    table = random.choice([None, None, {"url": "https://hook.example.org/"}])
    return None if table is None else Webhook.model_validate(table)
