"""The probe for the checks, as a whole: what programs answer finds its place, and nothing at all makes it raise."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.effort import effort
from tests.unit.fakesys import AnsweringRunner, FakeSystem, TableUdev, server

from trebol_common.errors import TrebolError
from trebol_common.run import Completed
from trebol_hardware.machine import Machine
from trebol_hardware.probe import health
from trebol_hardware.probe.questions import answered
from trebol_hardware.probe.whole import probe

TRACKING = "C0A80101,192.168.1.1,3,1795389313.65,0.000000123,0.0,0.0,-8.1,0.0,0.02,0.001,0.0005,64.2,Normal\n"
SOURCES = "^,*,192.168.1.1,2,6,377,35,0.000000100,0.000000200,0.0004\n"
SMART = json.dumps({"smart_status": {"passed": True}, "temperature": {"current": 31}})
LINK = '[{"ifname": "eno1", "supported-link-modes": ["1000baseT/Full", "10000baseT/Full"]}]'

#: What files hold that no kernel would write.
ABSURD = (
    *(b"", b"\n", b"-1\n", b"0\n", b"9" * 30, b"9" * 5000, b"0x", b"nan", b"\xff\xfe\x00", b"\0" * 100, b"1 2 3\n"),
    *(b"-", b" - ", b"a - b", b"a b c d e - f", b"x" * 20_000, b"MemTotal: 99999999999999999999 kB", b"\n\n" * 50),
    *(b"processor : 0\ncore id : 1\n", b"Node 0 MemTotal: 99999999999999999999999 kB", b"18446744073709551615\n"),
)

#: What wipefs and pvs would never say.
ABSURD_LISTS = (
    *('{"signatures": 7}', '{"signatures": [{"device": "sdb", "type": 7, "uuid": [], "label": {"a": 1}}]}'),
    *('{"report": [{"pv": [{}]}]}', '{"report": [{"pv": [{"pv_uuid": 7, "vg_name": ["a"]}]}]}', "[]", "7"),
)

contents = st.one_of(st.none(), st.sampled_from(ABSURD), st.binary(max_size=64), st.text(max_size=64).map(str.encode))
texts = st.one_of(
    st.text(max_size=80),
    st.sampled_from([SMART, TRACKING, SOURCES, LINK, *ABSURD_LISTS]),
)
answers = st.builds(Completed, st.sampled_from([0, 1, 2, 124, 127, 255, -9]), texts)


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return server(tmp_path)


def test_what_programs_answer_stands_in_the_record(system: FakeSystem) -> None:
    runner = AnsweringRunner(
        {
            "smartctl": Completed(64, SMART),
            "ethtool": Completed(0, LINK),
            "chronyc": Completed(0, TRACKING),
            "timedatectl": Completed(0, "NTPSynchronized=yes\n"),
            "ipmitool": Completed(0, " 11 c0 a8 00 78\n"),
            "wipefs": Completed(0, ""),
        }
    )

    machine = probe(system.root, udev=system.udev, runner=runner, health=True)

    assert Machine.from_json(machine.to_json()) == machine
    assert machine.disks[0].health is not None
    assert (machine.disks[0].health.passed, machine.disks[0].health.temperature) == (True, 31)
    assert machine.interfaces[0].fastest == 10000
    assert (machine.clock.synchronised, machine.clock.offset, machine.clock.daemon) == (True, 0, "chronyd")
    assert machine.bmc is not None
    assert (machine.bmc.address, machine.bmc.interface) == ("192.168.0.120", "kcs")


def test_facts_of_the_kernel_and_firmware_stand_in_the_record(system: FakeSystem) -> None:
    machine = probe(system.root, udev=system.udev)

    assert machine.kvm.feature_control == 5
    assert machine.kvm.messages == ("x86/cpu: VMX (outside TXT) disabled by BIOS",)
    assert [item.size for item in machine.memory_details.modules or ()] == [16 * 2**30]
    assert [item.address for item in machine.pci] == ["0000:00:17.0"]
    assert [item.plugged for item in machine.power_supplies] == [False]
    assert machine.kernel_words == ("BOOT_IMAGE=/vmlinuz", "quiet", "intel_iommu=on")
    assert machine.tpm == "2.0"
    assert machine.disks[0].pci == "0000:00:17.0"
    assert machine.disks[0].health is None


def test_every_program_for_the_checks_has_a_bound_on_its_time(system: FakeSystem) -> None:
    plain, checks = AnsweringRunner({"wipefs": Completed(0, "")}), AnsweringRunner({"wipefs": Completed(0, "")})
    probe(system.root, udev=system.udev, runner=plain)
    probe(system.root, udev=system.udev, runner=checks, health=True)

    asked = [command for command in checks.asked if command not in plain.asked]

    assert {command[0] for command in asked} == {"timeout"}
    assert sorted({command[3] for command in asked}) == ["chronyc", "ethtool", "ipmitool", "smartctl", "timedatectl"]


@pytest.mark.parametrize("silent", [Completed(health.ASLEEP), Completed(124)], ids=["asleep", "hung"])
def test_the_checks_read_no_disk_that_sleeps_or_hangs(system: FakeSystem, silent: Completed) -> None:
    for index, name in enumerate(("sdb", "sdc", "sdd")):
        system.disk(
            name,
            f"pci0000:00/0000:00:17.0/ata{index + 2}/host0/target0:0:0/0:0:0:{index}/block",
            udev={"ID_FS_TYPE": "LVM2_member", "ID_FS_UUID": name} if name != "sdd" else {},
        )
    group = '{"report": [{"pv": [{"pv_uuid": "sdc", "vg_name": "trebol"}]}]}'
    runner = AnsweringRunner(
        {"pvs": Completed(0, group), "wipefs": Completed(0, "")}, devices={"/dev/sdb": silent, "/dev/sdd": silent}
    )

    machine = probe(system.root, udev=system.udev, runner=runner, health=True)

    readers = [command for command in runner.asked if command[0] in ("pvs", "wipefs")]
    assert [command[-2:] for command in readers] == [("--devices", "/dev/sdc")]
    assert [content.member_of for disk in machine.disks for content in disk.content] == ["", "trebol"]


def test_without_programs_health_is_unknown_with_the_reason(system: FakeSystem) -> None:
    installed = AnsweringRunner({"wipefs": Completed(0, "")})
    none = probe(system.root, udev=system.udev, runner=installed, health=True).disks[0].health
    unasked = probe(system.root, udev=system.udev, health=True).disks[0].health

    assert none is not None and none.unknown == health.NO_SMARTCTL
    assert unasked is not None and unasked.unknown == health.NOT_ASKED


def test_others_than_root_are_told_that_health_needs_root(system: FakeSystem) -> None:
    runner = AnsweringRunner({"smartctl": Completed(0, SMART), "ethtool": Completed(0, LINK)})

    machine = answered(probe(system.root, udev=system.udev), runner, privileged=False)

    assert machine.disks[0].health is not None and machine.disks[0].health.unknown == health.NOT_ASKED
    assert machine.interfaces[0].fastest == 10000
    assert {command[3] for command in runner.asked}.isdisjoint({"smartctl", "ipmitool"})


def test_an_empty_system_is_a_machine_of_unknowns_for_the_checks(tmp_path: Path) -> None:
    machine = probe(tmp_path, udev=TableUdev(), health=True)

    assert Machine.from_json(machine.to_json()) == machine
    assert (machine.processor.threads, machine.processor.cores, machine.processor.sockets) == (0, 0, 0)
    assert machine.memory == 0
    with pytest.raises(TrebolError, match="processor"):
        probe(tmp_path, udev=TableUdev())


@settings(max_examples=effort(40), deadline=None)
@given(data=st.data())
def test_any_missing_or_absurd_file_still_gives_a_machine(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        system = server(Path(folder))
        files = sorted(path for path in system.root.rglob("*") if path.is_file() and not path.is_symlink())
        for index, content in data.draw(st.dictionaries(st.integers(0, len(files) - 1), contents)).items():
            if content is None:
                files[index].unlink()
            else:
                files[index].write_bytes(content)
        assert_recordable(system, AnsweringRunner())


@pytest.mark.parametrize("content", ABSURD, ids=lambda content: repr(content[:20]))
def test_the_same_absurd_text_in_every_file_still_gives_a_machine(tmp_path: Path, content: bytes) -> None:
    system = server(tmp_path)
    for path in system.root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(content)
    assert_recordable(system, AnsweringRunner())


@pytest.mark.parametrize(
    "content", [None, b"", b"7\n", b"-1\n", b"9" * 30, b"\xff\xfe\0", b"a - b\n\nprocessor : 0\n"]
)
def test_one_absurd_file_among_sound_ones_still_gives_a_machine(system: FakeSystem, content: bytes | None) -> None:
    for path in list(system.root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            sound = path.read_bytes()
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
            assert_recordable(system, AnsweringRunner())
            path.write_bytes(sound)


@pytest.mark.parametrize("kind", ["folder", "loop", "nowhere"])
def test_what_is_not_a_file_still_gives_a_machine(system: FakeSystem, kind: str) -> None:
    entries = [path for path in system.root.rglob("*") if path.is_symlink() or path.is_file()]
    for path in entries:
        aside = path.rename(path.with_name("aside"))
        if kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(path if kind == "loop" else "/nowhere")
        assert_recordable(system, AnsweringRunner())
        path.rmdir() if kind == "folder" else path.unlink()
        aside.rename(path)


@settings(max_examples=effort(40), deadline=None)
@given(
    said=st.dictionaries(
        st.sampled_from(["smartctl", "ethtool", "chronyc", "timedatectl", "ipmitool", "wipefs", "pvs"]), answers
    ),
    fs_type=st.sampled_from(["", "ext4", "LVM2_member"]),
)
def test_whatever_programs_answer_gives_a_machine(said: dict[str, Completed], fs_type: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        system = server(Path(folder))
        system.disk(
            "sdb", "pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0/block", udev={"ID_FS_TYPE": fs_type}
        )
        assert_recordable(system, AnsweringRunner(said))


def assert_recordable(system: FakeSystem, runner: AnsweringRunner) -> None:
    """The probe raises nothing, and what it gives survives being recorded."""
    machine = probe(system.root, udev=system.udev, runner=runner, health=True)
    assert Machine.from_json(machine.to_json()) == machine
