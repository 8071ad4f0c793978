"""The plan: what is decided before anything is touched, and everything that is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import DHCP, GIB, answers, machine, made_machine, manifest

from trebol_common.errors import BadInput, Refused
from trebol_common.network import Dhcp, Link
from trebol_hardware.machine import Content, Disk, FirmwareMode, NetworkInterface, Partition, Volume, VolumeKind
from trebol_installer.plan import Plan, plan
from trebol_installer.plan_steps import fallback_name
from trebol_installer.render import describe, render, to_json
from trebol_installer.steps import (
    CreateThinPool,
    ExtractLayer,
    GetExecutable,
    InstallBootLoader,
    MakeSwap,
    PartitionDisk,
    PartitionRef,
    VerifyLayers,
    WipeDisk,
    WriteClusterIntent,
    WriteFirstBoot,
    WriteIdentity,
    WriteMounts,
    WriteNetwork,
    step_name,
)

GOLDEN = Path(__file__).parent / "golden"


def step(made: Plan, kind: type) -> Any:
    """The one step of that kind."""
    (found,) = [candidate for candidate in made.steps if isinstance(candidate, kind)]
    return found


def test_the_plan_for_people_is_as_recorded() -> None:
    made = plan(
        machine("qemu-uefi"),
        answers(
            ("disk-setup.disk-list", ["virtio-data0"]),
            ("disk-setup.wipe", "confirmed"),
            ("network.filter", {"INTERFACE": "ens1"}),
        ),
        manifest(),
    )

    # What the hardware checks say is for their own tests, and stands below.
    text = render(replace(made, findings=()))

    assert text == (GOLDEN / "plan-qemu-uefi.txt").read_text()
    assert render(made).startswith(f"{text}\nHardware checks, role node")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "disk", "interface"), [("rack-server", "sdd", "ens1f0np0"), ("disk-4kn", "sda", "eno1np0")]
)
def test_every_plan_fits_80_columns(name: str, disk: str, interface: str) -> None:
    changes = (("disk-setup.disk-list", [disk]), ("network.filter", {"INTERFACE": interface}))

    made = plan(machine(name), answers(*changes), manifest())

    assert max(map(len, render(made).splitlines())) <= 80


def test_control_characters_of_a_disk_are_shown_within_80_columns() -> None:
    disk = Disk("vda", 40 * GIB, by_id=("virtio-d1",), content=(Content("LVM2_member", member_of="\x1b[2J" * 12),))
    confirmed = answers(("disk-setup.disk-list", ["virtio-d1"]), ("disk-setup.wipe", "confirmed"))

    text = render(plan(made_machine(disk), confirmed, manifest()))

    assert r"\x1b[2J" in text and "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_plan_for_programs_has_every_step_and_no_secret() -> None:
    made = plan(made_machine(), answers(("global.subscription-key", "hunter2")), manifest())

    text = to_json(made)
    members = json.loads(text)

    assert "correct horse" not in text and "hunter2" not in text
    assert [each["step"] for each in members["steps"]] == [step_name(each) for each in made.steps]
    assert members["steps"][0] == {
        "step": "check-target",
        "disk": "/dev/disk/by-id/virtio-d1",
        "size": 40 * GIB,
        "serial": "d1",
        "edges": "",
    }
    assert members["disks"][0]["before"] == []
    assert {"number": 2, "kind": "esp", "start": 2097152, "size": 536870912} in members["steps"][4]["partitions"]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"mode": "stand-alone"}, None),
        ({"mode": "create", "name": "clover"}, "First boot creates the cluster clover"),
        ({"mode": "join", "peer": "node2"}, "First boot leaves joining the cluster of node2 to its console"),
        (
            {"mode": "join", "peer": "node2", "token": "hunter2-9f2c4e81b7d3605a1c88"},
            "First boot joins the cluster of node2",
        ),
    ],
)
def test_the_plan_tells_what_the_first_boot_will_offer(wanted: dict[str, str], told: str | None) -> None:
    made = plan(made_machine(), answers(("cluster", wanted)), manifest())

    assert [describe(each) for each in made.steps if isinstance(each, WriteClusterIntent)] == ([told] if told else [])
    assert "hunter2" not in to_json(made) + render(made)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (
            {"source": "from-url", "url": "https://me:hunter2@boot.example.org:8443/hunter2?token=hunter2"},
            [
                "Fetch what the first boot runs from https://boot.example.org:8443",
                "First boot: runs the executable once all is up",
            ],
        ),
        (
            {"source": "from-iso", "ordering": "network-online", "time-servers": ["ntp1"]},
            [
                "Read what the first boot runs from the medium",
                "First boot: runs the executable once the network is up, asks the time servers ntp1",
            ],
        ),
        ({"reboot": True}, ["First boot: restarts"]),
    ],
)
def test_the_plan_tells_what_the_first_boot_does_by_itself(wanted: dict[str, object], told: list[str]) -> None:
    made = plan(made_machine(), answers(("first-boot", wanted)), manifest())

    assert [describe(each) for each in made.steps if isinstance(each, GetExecutable | WriteFirstBoot)] == told
    assert "hunter2" not in to_json(made) + render(made) + repr(made)
    written = next(step for step in json.loads(to_json(made))["steps"] if step["step"] == "write-first-boot")
    assert written["to_do"]["reboot"] == wanted.get("reboot", False)


def test_what_the_first_boot_runs_is_there_before_anything_is_written() -> None:
    wanted = answers(("first-boot", {"source": "from-iso"}))
    names = [step_name(each) for each in plan(made_machine(), wanted, manifest()).steps]

    assert names[:5] == ["check-target", "get-executable", "verify-layers", "check-target", "wipe-disk"]


def test_the_same_input_gives_the_same_plan() -> None:
    assert plan(made_machine(), answers(), manifest()) == plan(made_machine(), answers(), manifest())


def test_nothing_is_written_before_the_medium_is_verified() -> None:
    names = [step_name(each) for each in plan(made_machine(), answers(), manifest()).steps]

    assert names[:4] == ["check-target", "verify-layers", "check-target", "wipe-disk"]
    assert names[-3:] == ["write-report", "close-target", "mark-finished"]


def test_the_live_layer_is_verified_and_not_installed() -> None:
    made = plan(made_machine(), answers(), manifest())

    assert step(made, VerifyLayers).layers == ("base", "appliance", "live")
    assert [each.layer for each in made.steps if isinstance(each, ExtractLayer)] == ["base", "appliance"]


def test_without_a_medium_the_size_of_the_system_is_assumed_and_said_so() -> None:
    made = plan(made_machine(), answers())

    assert made.notes == ("no medium at hand: the system is taken to need 3.0 GiB",)


@pytest.mark.parametrize("mode", list(FirmwareMode))
def test_both_boot_paths_are_on_every_disk(mode: FirmwareMode) -> None:
    made = plan(made_machine(mode=mode), answers(), manifest())

    kinds = [partition.kind.value for partition in step(made, PartitionDisk).partitions]
    assert kinds == ["bios-boot", "esp", "lvm"]
    assert step(made, InstallBootLoader).firmware is mode


def test_what_is_open_on_a_target_is_shown_as_a_tree_with_what_becomes_of_it() -> None:
    disk = Disk(
        "vda",
        40 * GIB,
        by_id=("virtio-d1",),
        content=(Content("gpt"),),
        partitions=(Partition("vda1", 1, 2**20, GIB, content=(Content("crypto_LUKS", uuid="5c06"),)),),
    )
    opened = Volume(
        "dm-0",
        VolumeKind.CRYPT,
        "/dev/mapper/vault",
        size=GIB,
        below=("vda1",),
        uuid="CRYPT-LUKS2-5c06-vault",
        content=(Content("ext4", "safe"),),
        mountpoints=("/mnt",),
    )
    made = plan(
        replace(made_machine(disk), volumes=(opened,)),
        answers(("disk-setup.disk-list", ["virtio-d1"]), ("disk-setup.wipe", "confirmed")),
        manifest(),
    )

    text = render(made)

    assert "Torn down:\n  /dev/disk/by-id/virtio-d1" in text
    assert "/mnt" in text and "/dev/mapper/vault" in text
    assert [step_name(each) for each in made.steps][2:6] == [
        "check-target",
        "release-mount",
        "close-volume",
        "wipe-disk",
    ]


def test_consoles_are_carried_over_to_the_target() -> None:
    made = plan(made_machine(), answers(), manifest(), console=("console=tty0", "console=ttyS0,115200"))

    assert step(made, InstallBootLoader).command_line == "ro console=tty0 console=ttyS0,115200"


def test_no_swap_is_made_where_none_is_wanted() -> None:
    made = plan(made_machine(), answers(("disk-setup.lvm.swapsize", 0)), manifest())

    assert not [each for each in made.steps if isinstance(each, MakeSwap)]
    assert [mount.at for mount in step(made, WriteMounts).mounts] == ["/", "/boot/efi"]


def test_a_small_disk_gets_no_thin_pool_and_a_note() -> None:
    made = plan(made_machine(Disk("vda", 10 * GIB)), answers(), manifest())

    assert not [each for each in made.steps if isinstance(each, CreateThinPool)]
    assert made.notes == ("no room for a thin pool: guests' disks need another store",)


def test_a_wipe_says_what_is_lost() -> None:
    made = plan(
        machine("qemu-uefi"),
        answers(
            ("disk-setup.disk-list", ["virtio-data0"]),
            ("disk-setup.wipe", "confirmed"),
            ("network.filter", {"INTERFACE": "ens1"}),
        ),
        manifest(),
    )

    contents = step(made, WipeDisk).contents
    assert contents[2] == 'vdb2: ext4 "data" (10.0 GiB)'
    assert made.disks[0].before == contents


def test_a_static_name_has_its_address_in_the_hosts_file() -> None:
    assert step(plan(made_machine(), answers(), manifest()), WriteIdentity) == WriteIdentity(
        "node1.example.org", "node1", "192.0.2.10"
    )


def test_a_name_from_dhcp_has_a_fallback_that_does_not_win() -> None:
    fqdn = ("global.fqdn", {"source": "from-dhcp", "domain": "example.org"})

    made = plan(made_machine(), answers(*DHCP, fqdn), manifest())

    assert step(made, WriteIdentity) == WriteIdentity(None, "trebol-123456", None)
    assert "systemd.hostname=trebol-123456" in step(made, InstallBootLoader).command_line
    bridge = step(made, WriteNetwork).network.bridges[0]
    assert bridge.addressing == Dhcp(domains=True)
    assert bridge.search == ("example.org",)


def test_two_nodes_never_share_a_fallback_name() -> None:
    names = {fallback_name(NetworkInterface("e", mac)) for mac in ("52:54:00:12:34:56", "52:54:00:12:34:57")}

    assert len(names) == 2


NICS = tuple(NetworkInterface(f"eno{i}", f"52:54:00:00:00:0{i}", carrier=i == 2) for i in (1, 2, 3))


def test_pinning_names_every_interface_the_mapped_ones_as_asked() -> None:
    pinning = {"enabled": True, "mapping": {"52:54:00:00:00:03": "nic0"}}

    made = plan(
        made_machine(interfaces=NICS),
        answers(*DHCP, ("network.interface-name-pinning", pinning)),
        manifest(),
    )

    network = step(made, WriteNetwork).network
    assert [(link.name, link.mac[-1]) for link in network.pinned] == [("nic1", "1"), ("nic2", "2"), ("nic0", "3")]
    assert network.links == (Link("nic2", "52:54:00:00:00:02"),)
    assert network.bridges[0].ports == ("nic2",)
    assert "vmbr0 on nic2 (now eno2)" in dict(made.summary)["network"]


def test_names_stay_as_they_are_without_pinning() -> None:
    mapping = ("network.interface-name-pinning.mapping", {"52:54:00:00:00:03": "lan0"})

    made = plan(made_machine(interfaces=NICS), answers(*DHCP, mapping), manifest())

    assert step(made, WriteNetwork).network.pinned == ()
    assert made.notes == ("network.interface-name-pinning.mapping has no effect without enabled = true",)


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"52:54:00:00:00:09": "lan0"}, "no interface has the MAC address 52:54:00:00:00:09; there are 52:54:00"),
        ({"52:54:00:00:00:01": "vmbr0"}, "'vmbr0' is a name with another meaning"),
        ({"52:54:00:00:00:01": "default"}, "'default' is a name with another meaning"),
    ],
)
def test_pinning_that_cannot_be_is_refused(mapping: dict[str, str], told: str) -> None:
    pinning = {"enabled": True, "mapping": mapping}

    with pytest.raises(BadInput, match=told):
        plan(made_machine(interfaces=NICS), answers(*DHCP, ("network.interface-name-pinning", pinning)), manifest())


def test_everything_that_is_wrong_is_told_at_once() -> None:
    small = Disk("vda", 4 * GIB, content=(Content("ext4"),))

    with pytest.raises(Refused) as caught:
        plan(made_machine(small, interfaces=()), answers(), manifest())

    text = str(caught.value)
    assert "is not empty: ext4" in text and "no network interface" in text


def test_a_disk_that_is_too_small_is_refused_with_both_sizes() -> None:
    with pytest.raises(Refused) as caught:
        plan(made_machine(Disk("vda", 9 * GIB)), answers(), manifest(unpacked=8 * GIB))

    assert str(caught.value) == (
        "/dev/vda: the disk has 9.0 GiB; at least 11.3 GiB are needed\n  → choose a larger disk"
    )


def test_a_wrong_size_names_its_key() -> None:
    with pytest.raises(BadInput, match="disk-setup: lvm.hdsize is 99.0 GiB; the disk has 40.0 GiB"):
        plan(made_machine(), answers(("disk-setup.lvm.hdsize", 99)), manifest())


def test_bad_input_and_danger_together_count_as_danger() -> None:
    holding = Disk("vda", 40 * GIB, content=(Content("ext4"),))

    with pytest.raises(Refused) as caught:
        plan(made_machine(holding), answers(("network.filter", {"INTERFACE": "no"})), manifest())

    assert len(caught.value.problems) == 2


def test_another_architecture_is_refused() -> None:
    with pytest.raises(BadInput, match="aarch64 machine"):
        plan(replace(made_machine(), architecture="aarch64"), answers(), manifest())


def test_partitions_are_named_by_stable_paths() -> None:
    made = plan(made_machine(), answers(), manifest())

    assert [each.esp for each in step(made, InstallBootLoader).boot] == [PartitionRef("/dev/disk/by-id/virtio-d1", 2)]
    assert all("/dev/vda" not in describe(each) for each in made.steps)


def test_a_second_path_to_the_disk_is_warned_of() -> None:
    first, second, third = (
        Disk(name, 40 * GIB, serial="d1", wwn=wwn, by_path=(f"sas-{name}",))
        for name, wwn in (("sda", "0x5000c5001"), ("sdb", "0x5000c5001"), ("sdc", "0x5000c5002"))
    )
    wanted = answers(("disk-setup.disk-list", ["sda"]))

    assert "sdb has the world wide name of sda" in plan(made_machine(first, second, third), wanted).warnings[0]
    assert not plan(made_machine(first, third), wanted).warnings


def test_a_record_that_somebody_sent_cannot_steer_the_terminal() -> None:
    disk = Disk("vda", 40 * GIB, model="\x1b[2Jgone", by_id=("virtio-\x1bd1",))

    text = render(plan(made_machine(disk), answers()))

    assert r"\x1b[2Jgone" in text and "\x1b" not in text
