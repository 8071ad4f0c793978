"""What a node shows of itself, from the files of the kernel and the answers of programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_common.errors import TrebolError
from trebol_common.run import ScriptedRunner
from trebol_node.system import clock, identity, names, node, proc, services
from trebol_node.worker.services import SERVICES, unit

# /proc ------------------------------------------------------------------------------------------------------------

#: Of a machine with two processors.
STAT = """\
cpu  8081946 572902 668538 4124910 105576 0 26893 94431 10 20
cpu0 3979961 260063 317212 2201261 18827 0 11089 46695 0 0
intr 1
"""


def test_guests_time_is_not_counted_twice() -> None:
    assert proc.ticks(STAT) == proc.Ticks(
        8081946 + 572902 + 668538 + 4124910 + 105576 + 26893 + 94431, 4124910, 105576
    )


@pytest.mark.parametrize("text", ["", "cpu 1 2", "intr 1", "cpuX"])
def test_without_processor_time_nothing_is_busy(text: str) -> None:
    assert proc.ticks(text) == proc.Ticks()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (proc.Ticks(0, 0, 0), proc.Ticks(100, 70, 10), (0.2, 0.1)),
        (proc.Ticks(100, 70, 10), proc.Ticks(100, 70, 10), (0.0, 0.0)),
        (proc.Ticks(100, 70, 10), proc.Ticks(200, 170, 5), (0.0, 0.0)),
        (proc.Ticks(100, 70, 10), proc.Ticks(50, 30, 5), (0.0, 0.0)),
        (proc.Ticks(0, 0, 0), proc.Ticks(100, 0, 0), (1.0, 0.0)),
    ],
)
def test_load_is_a_share_whatever_the_counters_do(
    before: proc.Ticks, after: proc.Ticks, expected: tuple[float, float]
) -> None:
    assert proc.busy(before, after) == expected


def test_bytes_of_hardware_alone_are_counted(tmp_path: Path) -> None:
    system = FakeSystem(tmp_path)
    system.write("proc/loadavg", "0.50 0.25 0.00 1/100 1234\n")
    system.write("proc/uptime", "10.5 1.0\n")
    system.write("proc/stat", STAT)
    for name, device, received in (("eno1", "pci0000:00/0000:04:00.0", "1000"), ("vmbr0", None, "5000")):
        folder = system.interface(name, device)
        system.attributes(f"{folder}/statistics", {"rx_bytes": received, "tx_bytes": "7"})
    for name in ("sda", "loop0", "dm-0"):
        system.disk(name, f"pci/{name}", attributes={"stat": "1 0 8 4 2 0 16 4 0 0 0"})
    found = proc.sample(tmp_path, at=1.0)
    assert (found.received, found.sent, found.read, found.written) == (1000, 7, 8 * 512, 16 * 512)
    assert (found.uptime, found.load) == (10.5, ("0.50", "0.25", "0.00"))


def test_without_proc_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrebolError, match="is /proc mounted"):
        proc.sample(tmp_path, at=0)


def test_the_kernel_and_the_processors_are_read_once(tmp_path: Path) -> None:
    system = FakeSystem(tmp_path)
    system.write("proc/sys/kernel/ostype", "Linux\n")
    system.write("proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1\n")
    system.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x06\0\0\0\x01")
    found = identity.read(tmp_path)
    assert (found.kernel.release, found.kernel.machine) == ("6.12.0-test", "x86_64")
    assert identity.boot_info(found.firmware) == {"mode": "efi", "secureboot": 1}
    assert (found.processor.sockets, found.processor.cores, found.processor.threads) == (2, 2, 3)


def test_a_fingerprint_is_shown_only_where_there_is_one(tmp_path: Path) -> None:
    now = proc.Sample(0, 5, ("0", "0", "0"), {"MemTotal": 10, "MemAvailable": 4}, proc.Ticks(), proc.Space(9, 3, 2))
    found = identity.read(FakeSystem(tmp_path).root)
    assert "ssl_fingerprint" not in node.node_entry("n", now, now, found, fingerprint="")
    entry = node.node_entry("n", now, now, found, fingerprint="AB:CD")
    assert (entry["ssl_fingerprint"], entry["mem"], entry["disk"]) == ("AB:CD", 6, 6)


# Names and time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 192.0.2.53\nnameserver 2001:db8::53\n", {"dns1": "192.0.2.53", "dns2": "2001:db8::53"}),
        ("# a\nsearch a.example b.example\n", {"search": "a.example b.example"}),
        ("domain a.example\nnameserver 1\nnameserver 2\nnameserver 3\nnameserver 4", {"search": "a.example"}),
        ("search .\nnameserver\n", {}),
        ("", {}),
    ],
)
def test_dns_has_three_servers_at_most(text: str, expected: dict[str, str]) -> None:
    found = names.dns(text)
    assert expected.items() <= found.items()
    assert found.keys() <= {"dns1", "dns2", "dns3", "search"}


def test_resolved_is_asked_for_what_it_asks_itself(tmp_path: Path) -> None:
    system = FakeSystem(tmp_path)
    system.write("etc/resolv.conf", "nameserver 127.0.0.53\n")
    assert names.read_dns(tmp_path) == {"dns1": "127.0.0.53"}
    system.write("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\n")
    assert names.read_dns(tmp_path) == {"dns1": "192.0.2.53"}


def test_hosts_have_the_digest_that_the_worker_compares(tmp_path: Path) -> None:
    from trebol_node.worker.node import digest_of

    FakeSystem(tmp_path).write("etc/hosts", "127.0.0.1 localhost\n")
    found = names.read_hosts(tmp_path)
    assert found == {"data": "127.0.0.1 localhost\n", "digest": digest_of("127.0.0.1 localhost\n")}
    assert names.read_hosts(tmp_path / "none")["data"] == ""


@pytest.mark.parametrize(
    ("target", "file", "expected"),
    [
        ("/usr/share/zoneinfo/America/Argentina/Ushuaia", "", "America/Argentina/Ushuaia"),
        ("../usr/share/zoneinfo/Etc/UTC", "", "Etc/UTC"),
        (None, "Europe/Madrid\n", "Europe/Madrid"),
        (None, "", "UTC"),
        (None, "../../etc/passwd", "UTC"),
    ],
)
def test_the_time_zone_has_its_name(tmp_path: Path, target: str | None, file: str, expected: str) -> None:
    (tmp_path / "etc").mkdir()
    if target:
        (tmp_path / "etc/localtime").symlink_to(target)
    if file:
        (tmp_path / "etc/timezone").write_text(file)
    assert clock.timezone(tmp_path) == expected


@pytest.mark.parametrize(
    ("zone", "shift"), [("Etc/UTC", 0), ("Europe/Madrid", 7200), ("Asia/Kolkata", 19800), ("No/Where", 0)]
)
def test_local_time_is_what_the_clocks_show(zone: str, shift: int) -> None:
    found = clock.time_of(1_790_000_000.7, zone)
    assert found == {"time": 1_790_000_000, "localtime": 1_790_000_000 + shift, "timezone": zone}


# Services ---------------------------------------------------------------------------------------------------------

#: What systemctl(1) of systemd 257 says.
SHOW = """\
Id=chrony.service
Description=chrony, an NTP client/server
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled

Id=cockpit.socket
Description=Cockpit Web Service Socket
LoadState=loaded
ActiveState=active
SubState=listening
UnitFileState=enabled

Id=corosync.service
Description=corosync.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
"""


def test_services_come_in_the_order_in_which_they_are_asked() -> None:
    found = services.services(SHOW)
    assert [each["service"] for each in found] == list(SERVICES)[:3]
    assert found[1] == {
        "active-state": "active",
        "desc": "Cockpit Web Service Socket",
        "name": "cockpit.socket",
        "service": "cockpit.socket",
        "state": "listening",
        "unit-state": "enabled",
    }
    assert (found[2]["unit-state"], found[2]["active-state"]) == ("not-found", "inactive")


def test_without_systemd_there_are_no_services() -> None:
    command = (*services.COMMAND, *map(unit, SERVICES))
    runner = ScriptedRunner().expect(*command, stderr="System has not been booted with systemd\n", status=1)
    assert services.read_services(runner) == []
