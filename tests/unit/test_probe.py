"""The probe as a whole, on made-up systems."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import ScriptedRunner
from trebol_hardware.machine import FirmwareMode, Machine
from trebol_hardware.probe import firmware, processor, product
from trebol_hardware.probe.udev import settle
from trebol_hardware.probe.whole import probe

MACHINES = Path(__file__).parents[1] / "machines"


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def test_a_probed_machine_survives_being_recorded(system: FakeSystem) -> None:
    system.attributes(
        "sys/class/dmi/id", {"sys_vendor": "QEMU", "product_name": "Standard PC", "bios_vendor": "SeaBIOS"}
    )
    system.disk("vda", "pci0000:00/0000:00:04.0/virtio1/block", udev={"ID_PATH": "pci-0000:00:04.0"})
    system.interface("ens3", "pci0000:00/0000:00:03.0/virtio0", driver="virtio_net")

    machine = probe(system.root, udev=system.udev)

    assert Machine.from_json(machine.to_json()) == machine
    assert machine.architecture == "x86_64"
    assert machine.kernel == "6.12.0-test"
    assert machine.memory == 8_000_000 * 1024
    assert machine.virtualisation == "qemu"
    assert [disk.name for disk in machine.disks] == ["vda"]
    assert [interface.name for interface in machine.interfaces] == ["ens3"]


def test_another_root_needs_its_own_udev_properties(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="running system only"):
        probe(tmp_path)


def test_no_program_runs_when_nothing_asks_for_one(system: FakeSystem) -> None:
    """A disk with a file system needs neither pvs nor wipefs."""
    system.disk("sda", "pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block", udev={"ID_FS_TYPE": "ext4"})
    runner = ScriptedRunner().expect("systemd-detect-virt", stdout="none\n", status=1)

    machine = probe(system.root, udev=system.udev, runner=runner)

    assert machine.virtualisation == ""
    assert runner.expected == []


def test_volume_groups_are_asked_once_for_all_disks(system: FakeSystem) -> None:
    for index, name in enumerate(("sda", "sdb")):
        system.disk(
            name,
            f"pci0000:00/ata{index}/host0/target0:0:0/0:0:0:{index}/block",
            udev={"ID_FS_TYPE": "LVM2_member", "ID_FS_UUID": f"uuid-{index}"},
        )
    report = '{"report": [{"pv": [{"pv_uuid": "uuid-0", "vg_name": "old"}, {"pv_uuid": "uuid-1", "vg_name": ""}]}]}'
    runner = ScriptedRunner()
    runner.expect("systemd-detect-virt", stdout="kvm\n")
    runner.expect(
        *("pvs", "--readonly", "--config", "devices{use_devicesfile=0}"),
        *("--segments", "--units", "b", "--nosuffix", "--reportformat", "json"),
        *("--options", "pv_uuid,vg_name,vg_uuid,lv_name,lv_tags"),
        stdout=report,
    )

    first, second = probe(system.root, udev=system.udev, runner=runner).disks

    assert [content.member_of for content in first.content] == ["old"]
    assert [content.member_of for content in second.content] == [""]
    assert runner.expected == []


def test_a_disk_that_looks_empty_to_udev_is_looked_at_again(system: FakeSystem) -> None:
    system.disk("sda", "pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block")
    system.disk("sdb", "pci0000:00/ata2/host0/target0:0:0/0:0:1:0/block")
    answer = (
        '{"signatures": ['
        '{"device": "sdb", "offset": "0x2000", "type": "btrfs", "uuid": "u", "label": "old"},'
        '{"device": "sdb", "offset": "0x438", "type": "ext4", "uuid": "v", "label": null}]}'
    )
    runner = ScriptedRunner()
    runner.expect("systemd-detect-virt", stdout="kvm\n")
    runner.expect("wipefs", "--json", "/dev/sda", "/dev/sdb", stdout=answer)

    first, second = probe(system.root, udev=system.udev, runner=runner).disks

    assert first.content == ()
    assert [(content.kind, content.label) for content in second.content] == [("btrfs", "old"), ("ext4", "")]


def test_a_disk_that_cannot_be_read_does_not_count_as_empty(system: FakeSystem) -> None:
    system.disk("sda", "pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block")
    system.disk("sdb", "pci0000:00/ata2/host0/target0:0:0/0:0:1:0/block")
    runner = ScriptedRunner()
    runner.expect("systemd-detect-virt", stdout="kvm\n")
    runner.expect("wipefs", "--json", "/dev/sda", "/dev/sdb", status=1)
    runner.expect("wipefs", "--json", "/dev/sda", status=1)
    runner.expect("wipefs", "--json", "/dev/sdb", stdout='{"signatures": []}')

    first, second = probe(system.root, udev=system.udev, runner=runner).disks

    assert [content.kind for content in first.content] == ["unreadable"]
    assert second.content == ()


def test_udev_is_waited_for_only_while_it_works(tmp_path: Path) -> None:
    settle(tmp_path, ScriptedRunner())
    (tmp_path / "run/udev").mkdir(parents=True)
    (tmp_path / "run/udev/queue").touch()
    runner = ScriptedRunner().expect("udevadm", "settle", "--timeout=60")
    settle(tmp_path, runner)
    assert runner.expected == []


@pytest.mark.parametrize(
    ("variable", "expected"), [(b"\x06\0\0\0\x01", True), (b"\x06\0\0\0\x00", False), (None, None), (b"", None)]
)
def test_secure_boot_is_read_from_the_firmware_variable(
    system: FakeSystem, variable: bytes | None, expected: bool | None
) -> None:
    (system.root / "sys/firmware/efi").mkdir(parents=True)
    if variable is not None:
        system.write(firmware.SECURE_BOOT, variable)
    found = firmware.read(system.root)
    assert found.mode is FirmwareMode.UEFI
    assert found.secure_boot is expected


def test_a_machine_without_efi_was_booted_by_bios(system: FakeSystem) -> None:
    system.write(firmware.SECURE_BOOT.replace("firmware/efi/", "elsewhere/"), b"\x06\0\0\0\x01")
    assert firmware.read(system.root).mode is FirmwareMode.BIOS
    assert firmware.read(system.root).secure_boot is None


def test_sockets_cores_and_threads_are_told_apart(system: FakeSystem) -> None:
    found = processor.read(system.root)
    assert (found.sockets, found.cores, found.threads) == (2, 2, 3)
    assert found.vendor == "GenuineIntel"
    assert found.flags == ("fpu", "vmx")


def test_processors_without_topology_count_as_cores_of_one_socket(system: FakeSystem) -> None:
    system.write("proc/cpuinfo", "processor : 0\nmodel name : x\n\nprocessor : 1\nmodel name : x\n")
    found = processor.read(system.root)
    assert (found.sockets, found.cores, found.threads) == (1, 2, 2)


@pytest.mark.parametrize("path", ["proc/cpuinfo", "proc/meminfo"])
def test_a_missing_proc_is_named(system: FakeSystem, path: str) -> None:
    (system.root / path).unlink()
    with pytest.raises(TrebolError) as caught:
        probe(system.root, udev=system.udev)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("dmi", "expected"),
    [
        ({"sys_vendor": "QEMU"}, "qemu"),
        ({"sys_vendor": "VMware, Inc."}, "vmware"),
        ({"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}, "microsoft"),
        ({"sys_vendor": "Dell Inc.", "product_name": "PowerEdge R650"}, ""),
    ],
)
def test_a_hypervisor_is_known_by_its_label(system: FakeSystem, dmi: dict[str, str], expected: str) -> None:
    system.attributes("sys/class/dmi/id", dmi)
    assert product.virtualisation(system.root, None) == expected


def test_without_systemd_the_label_tells_the_hypervisor(system: FakeSystem) -> None:
    system.attributes("sys/class/dmi/id", {"sys_vendor": "QEMU"})
    runner = ScriptedRunner().expect("systemd-detect-virt", status=127)
    assert product.virtualisation(system.root, runner) == "qemu"


@pytest.mark.parametrize("path", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_machines_are_whole(path: Path) -> None:
    machine = Machine.load(path)
    assert Machine.from_json(machine.to_json()) == machine
    assert machine.disks and machine.interfaces
    for disk in machine.disks:
        for link in (*(f"by-id/{name}" for name in disk.by_id), *(f"by-path/{name}" for name in disk.by_path)):
            assert f"/dev/disk/{link}" in disk.udev["DEVLINKS"].split(" ")
        assert all(partition.start + partition.size <= disk.size for partition in disk.partitions)
    assert len({interface.mac for interface in machine.interfaces}) == len(machine.interfaces)
