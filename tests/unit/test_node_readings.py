"""What a node shows of itself, from the files of the kernel and the answers of programs."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fakesys import FakeSystem
from tests.unit.shown_node import MACHINES

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import ScriptedRunner
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Machine
from trebol_node.system import clock, held, identity, names, node, proc, report, services, smart
from trebol_node.system.disks import disks
from trebol_node.system.journal import Journal, Syslog, journal_command, line_of, read_journal, read_syslog
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


# The journal ------------------------------------------------------------------------------------------------------

ENTRY: dict[str, Any] = {
    "__CURSOR": "s=6f;i=1a;b=7c;m=1;t=2;x=3",
    "__REALTIME_TIMESTAMP": "1790000001000000",
    "_SOURCE_REALTIME_TIMESTAMP": "1790000000123456",
    "_HOSTNAME": "node1",
    "SYSLOG_IDENTIFIER": "sshd-session",
    "_PID": "812",
    "MESSAGE": "Accepted publickey for root",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Sep 21 14:13:20 node1 sshd-session[812]: Accepted publickey for root"),
        ({"SYSLOG_PID": "9"}, "Sep 21 14:13:20 node1 sshd-session[9]: Accepted publickey for root"),
        (
            {"SYSLOG_IDENTIFIER": None, "_COMM": "sshd"},
            "Sep 21 14:13:20 node1 sshd[812]: Accepted publickey for root",
        ),
        ({"_PID": None, "SYSLOG_IDENTIFIER": "kernel"}, "Sep 21 14:13:20 node1 kernel: Accepted publickey for root"),
        ({"_SOURCE_REALTIME_TIMESTAMP": None, "MESSAGE": "a"}, "Sep 21 14:13:21 node1 sshd-session[812]: a"),
        # Bytes, where the text has control characters or is no UTF-8.
        ({"MESSAGE": [27, 91, 109, 104, 105]}, "Sep 21 14:13:20 node1 sshd-session[812]: \x1b[mhi"),
        ({"MESSAGE": ["once", "twice"]}, "Sep 21 14:13:20 node1 sshd-session[812]: once"),
        ({"MESSAGE": None}, "Sep 21 14:13:20 node1 sshd-session[812]: "),
    ],
)
def test_an_entry_is_a_line_of_syslog(changes: dict[str, Any], expected: str) -> None:
    assert line_of({**ENTRY, **changes}, UTC) == expected


def test_lines_have_the_nodes_time() -> None:
    assert line_of(ENTRY, timezone(timedelta(hours=2))).startswith("Sep 21 16:13:20 ")


def entries(*numbers: int) -> str:
    return "".join(
        json.dumps({**ENTRY, "__CURSOR": f"i={number}", "MESSAGE": str(number)}) + "\n" for number in numbers
    )


@pytest.mark.parametrize(
    ("wanted", "last", "answer", "shown"),
    [
        (Journal(entries=2), ("--lines=2",), (1, 2), ["i=1", "1", "2", "i=2"]),
        (Journal(since=5, until=9), ("--since=@5", "--until=@9", "--lines=5000"), (1,), ["i=1", "1", "i=1"]),
        (Journal(start="i=1"), ("--after-cursor=i=1",), (2, 3), ["i=2", "2", "3", "i=3"]),
        (Journal(start="i=1"), ("--after-cursor=i=1",), (), ["i=1"]),
        # The last two before a cursor: journalctl counts backwards, and shows the cursor's own line first.
        (
            Journal(end="i=5", entries=2),
            ("--reverse", "--cursor=i=5", "--lines=3"),
            (5, 4, 3),
            ["i=3", "3", "4", "i=4"],
        ),
        (Journal(service="ssh", entries=1), ("--unit=ssh", "--lines=1"), (), []),
        (Journal(entries=9_999_999), ("--lines=5000",), (), []),
    ],
)
def test_the_journal_is_read_between_cursors(
    wanted: Journal, last: tuple[str, ...], answer: tuple[int, ...], shown: list[str]
) -> None:
    command = journal_command(wanted)
    assert command[-len(last) :] == last
    runner = ScriptedRunner().expect("timeout", "30", *command, stdout=entries(*answer))
    found = read_journal(runner, wanted, UTC)
    assert [line.rpartition(": ")[2] for line in found] == shown


def test_syslog_reads_one_line_more_than_it_shows() -> None:
    base = journal_command(Journal())[:5]
    runner = ScriptedRunner().expect(
        "timeout", "30", *base, "--lines=+4", "--since=2026-09-21 10:00", "--unit=ssh", stdout=entries(1, 2, 3, 4)
    )
    lines, total = read_syslog(runner, Syslog(1, 2, since="2026-09-21 10:00", service="ssh"), UTC)
    assert [(line["n"], line["t"][-1]) for line in lines] == [(2, "2"), (3, "3")]
    assert total == 4


@pytest.mark.parametrize(
    "wanted",
    [
        Syslog(since="yesterday"),
        Syslog(until="2026-09-21 10:00; reboot"),
        Syslog(service="--output=export"),
        Syslog(service="a b"),
        Syslog(start=10**9),
    ],
)
def test_nothing_that_is_no_moment_or_service_reaches_journalctl(wanted: Syslog) -> None:
    with pytest.raises(BadInput):
        read_syslog(ScriptedRunner(), wanted, UTC)


def test_a_journal_that_cannot_be_read_is_an_error() -> None:
    command = journal_command(Journal())
    runner = ScriptedRunner().expect("timeout", "30", *command, stderr="No journal files were found.\n", status=1)
    with pytest.raises(TrebolError, match="No journal files were found"):
        read_journal(runner, Journal(), UTC)


# Disks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_the_disks_of_every_recorded_machine_have_all_that_clients_read(path: Path) -> None:
    machine = Machine.load(path)
    found = disks(machine, {}, partitions=True)
    assert len([each for each in found if "parent" not in each]) == len(machine.disks)
    for each in found:
        assert each["devpath"].startswith("/dev/") and each["size"] >= 0 and each["gpt"] in (0, 1)
    assert json.loads(json.dumps(found)) == found


def test_uses_and_kinds_of_disks() -> None:
    machine = Machine.load(MACHINES / "rack-server.json")
    found = {each["devpath"]: each for each in disks(machine, {"sda": DiskHealth(passed=True, used=3)})}
    assert {(each["type"], each.get("used", "")) for each in found.values()} == {
        (each["type"], each.get("used", "")) for each in disks(machine, {})
    }
    assert (found["/dev/sda"]["health"], found["/dev/sda"]["wearout"]) == ("PASSED", 97)
    others = [each for path, each in found.items() if path != "/dev/sda"]
    assert all((each["health"], each["wearout"]) == ("UNKNOWN", "N/A") for each in others)


#: Of smartctl 7.4 (smartmontools' ataprint.cpp), a solid-state disk; shortened.
ATA = {
    "smart_status": {"passed": True},
    "ata_smart_attributes": {
        "revision": 1,
        "table": [
            {
                "id": 5,
                "name": "Reallocated_Sector_Ct",
                "value": 100,
                "worst": 100,
                "thresh": 10,
                "when_failed": "",
                "flags": {"value": 51, "string": "PO--CK "},
                "raw": {"value": 0, "string": "0"},
            },
            {
                "id": 177,
                "name": "Wear_Leveling_Count",
                "value": 92,
                "worst": 92,
                "thresh": 0,
                "when_failed": "past",
                "flags": {"value": 19, "string": "PO--C- "},
                "raw": {"value": 70, "string": "70"},
            },
        ],
    },
}
#: nvmeprint.cpp.
NVME = {
    "smart_status": {"passed": False, "nvme": {"value": 4}},
    "nvme_smart_health_information_log": {
        "critical_warning": 4,
        "temperature": 37,
        "available_spare": 9,
        "percentage_used": 104,
        "temperature_sensors": [37, 45],
    },
}


def test_attributes_of_an_ata_disk() -> None:
    found = smart.smart({"asleep": False, "report": ATA})
    assert (found["health"], found["type"], found["wearout"]) == ("PASSED", "ata", 92)
    assert found["attributes"][0] == {
        "id": "  5",
        "name": "Reallocated_Sector_Ct",
        "flags": "PO--CK",
        "value": 100,
        "normalized": 100,
        "worst": 100,
        "threshold": 10,
        "fail": "-",
        "raw": "0",
    }
    assert (found["attributes"][1]["id"], found["attributes"][1]["fail"]) == ("177", "past")


def test_an_nvme_disk_tells_in_text() -> None:
    found = smart.smart({"asleep": False, "report": NVME})
    assert (found["health"], found["type"], found["wearout"]) == ("FAILED!", "text", 0)
    assert found["text"].splitlines() == [
        "Critical warning: 4",
        "Temperature: 37",
        "Available spare: 9",
        "Percentage used: 104",
        "Temperature sensors: 37, 45",
    ]
    assert smart.smart({"asleep": False, "report": NVME}, health_only=True) == {"health": "FAILED!"}


@pytest.mark.parametrize(
    ("answer", "word"),
    [({"asleep": True, "report": {}}, "sleeps"), ({"asleep": False, "report": {}}, "nothing of its health")],
)
def test_a_disk_that_tells_nothing_says_why(answer: dict[str, Any], word: str) -> None:
    found = smart.smart(answer)
    assert found["health"] == "UNKNOWN" and word in found["text"] and "wearout" not in found


# The report -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "password=hunter2",
        'root-password = "hunter2"',
        '"token": "hunter2",',
        "Authorization: Bearer hunter2",
        "Authorization: PVEAPIToken=root@pam!ci=hunter2",
        "Cookie: PVEAuthCookie=PVE:root@pam:6AB13B80::hunter2",
        "root:$6$salt$hunter2:19000:0",
        "trebol.answer=https://me:hunter2@192.0.2.1/answer.toml",
        "api_key: hunter2",
        "CSRFPreventionToken: 6AB13B80:hunter2",
        "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2",
        "client-secret='hunter2 and more hunter2'",
        "passphrase: hunter2",
    ],
)
def test_a_report_has_no_secrets(line: str) -> None:
    text = report.report([("a", f"before\n{line}\n"), ("b", ["after"])])
    assert "hunter2" not in text
    assert "before" in text and "after" in text


def test_a_long_word_does_not_hold_the_daemon_up() -> None:
    # Looked through anew for each of its characters, it would take hours.
    assert report.redacted("a" * 2**19 + " password=hunter2").endswith(" password=***")


def test_a_report_keeps_what_is_no_secret() -> None:
    text = "user root, tokens: 3 of them, https://192.0.2.1/a, 52:54:00:12:34:56"
    assert text in report.report([("a", text), ("b", {"c": 1}), ("d", []), ("e", [{"f": 1}])])


# What is held -----------------------------------------------------------------------------------------------------


class Ticking:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_shown_until_it_is_too_old() -> None:
    async def run() -> None:
        ticking, answers = Ticking(), iter(["one", "", "", "two"])

        async def read() -> str:
            if answer := next(answers):
                return answer
            raise TrebolError("gone")

        value = held.Held("thing", 10, read, clock=ticking)
        assert (value.latest, value.age) == (None, None)
        await value.refresh()
        assert [await value.get(), value.age] == ["one", 0]
        ticking.now = 50
        await value.refresh()
        assert [await value.get(), value.age, value.error] == ["one", 50, "gone"]
        ticking.now = 101
        await value.refresh()
        with pytest.raises(held.NotRead, match="thing: gone"):
            await value.get()
        await value.refresh()
        assert (await value.get(), value.error) == ("two", "")

    asyncio.run(run())


def test_what_was_changed_is_read_again_at_once() -> None:
    async def run() -> None:
        readings: asyncio.Queue[int] = asyncio.Queue()

        async def read() -> int:
            number = readings.qsize()
            readings.put_nowait(number)
            return number

        value = held.Held("thing", 3600, read)
        async with held.refreshing([value]):
            assert await value.get() == 0
            value.stale()
            while readings.qsize() < 2:
                await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize("steps", range(12))
def test_readings_end_with_the_daemon_at_whatever_step(steps: int) -> None:
    """One that waits for another's first value is ended just when that comes."""

    async def run() -> None:
        ready = asyncio.Event()

        async def read() -> bool:
            return await ready.wait()

        first = held.Held("first", 3600, read)
        second = held.Held("second", 3600, first.get)
        async with asyncio.timeout(20):
            async with held.refreshing([first, second]):
                for _step in range(5):
                    await asyncio.sleep(0)
                ready.set()
                for _step in range(steps):
                    await asyncio.sleep(0)

    asyncio.run(run())


def test_the_first_reading_is_waited_for() -> None:
    async def run() -> None:
        ready = asyncio.Event()

        async def read() -> str:
            await ready.wait()
            return "there"

        value = held.Held("thing", 10, read)
        async with held.refreshing([value]):
            waiting = asyncio.create_task(value.get())
            await asyncio.sleep(0)
            assert not waiting.done()
            ready.set()
            assert await waiting == "there"

    asyncio.run(run())
