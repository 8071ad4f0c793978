"""`trebol check disk-write`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import Argument, Completed, Expected, ScriptedRunner
from trebol_hardware.checks.finding import Severity
from trebol_hardware.machine import Content, Disk, Machine, Partition
from trebol_hardware.measure import disk, disk_rating, fio, render
from trebol_hardware.measure.disk_target import DeviceTarget, DirectoryTarget, FileTarget, choose_disk, classify

GOLDEN = Path(__file__).parent / "golden"
MACHINES = Path(__file__).parents[1] / "machines"
REPORT = (GOLDEN / "fio-journal.json").read_text()

EMPTY = Disk("sdb", 4 * 10**12, serial="WD-42", model="DC HA210")
PARTITION = Partition("sdb1", 1, 2**20, 2**30)


def machine(*disks: Disk) -> Machine:
    return replace(Machine.load(MACHINES / "qemu-bios.json"), disks=disks)


def test_fios_report_is_read_also_behind_its_notes() -> None:
    writes = fio.parse(REPORT)
    assert writes.iops == pytest.approx(839.58, abs=0.01)
    assert writes.writes == 1680
    assert writes.bandwidth == 3438920
    assert writes.percentiles["99"] == pytest.approx(7569.408)
    assert writes.percentiles["99.99"] == pytest.approx(108527.616)
    assert writes.largest == pytest.approx(108854.329)
    assert fio.parse("fio: this is a note\n" + REPORT) == writes


def _changed(change: Callable[[dict[str, Any]], None]) -> str:
    report = json.loads(REPORT[REPORT.index("{") :])
    change(report["jobs"][0])
    return json.dumps(report)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "reported nothing"),
        ("fio: no such file", "reported nothing"),
        ("{", "not JSON"),
        ('{"a": ' * 100_000, "not JSON"),
        ("{}", "no job"),
        (_changed(lambda job: job.update(error=5)), "error 5"),
        (_changed(lambda job: job.update(write={})), "lacks"),
        (_changed(lambda job: job["write"].update(bw_bytes=float("inf"))), "lacks"),
        (_changed(lambda job: job["write"].update(total_ios=0)), "nothing was written"),
    ],
)
def test_a_report_without_result_is_an_error_and_no_zero(text: str, words: str) -> None:
    with pytest.raises(TrebolError, match=words):
        fio.parse(text)


def test_no_share_of_the_writes_is_slower_than_the_slowest() -> None:
    writes = fio.parse(_changed(lambda job: job["write"]["clat_ns"].update(max=100_000_000)))
    assert writes.percentiles["99.99"] == writes.largest == 100_000


@pytest.mark.parametrize("said", ["", "[]", '{"filesystems": []}', '{"filesystems": [{"fstype": "ext4"}]}'])
def test_a_findmnt_that_says_nothing_useful_is_an_error(tmp_path: Path, said: str) -> None:
    runner = ScriptedRunner([replace(_findmnt(tmp_path), stdout=said)])
    with pytest.raises(TrebolError, match="findmnt"):
        _measure(tmp_path, runner)


def test_fio_writes_as_journals_do() -> None:
    command = fio.command(Path("/dev/disk/by-path/pci-0000:00:1f.2"), size=2**30, seconds=30)
    for option in (
        "--direct=1",
        "--sync=dsync",
        "--bs=4k",
        "--iodepth=1",
        "--rw=write",
        "--runtime=30",
        "--time_based",
    ):
        assert option in command
    assert r"--filename=/dev/disk/by-path/pci-0000\:00\:1f.2" in command


@pytest.mark.parametrize(
    ("iops", "p99", "journal", "etcd"),
    [
        (25_000, 100, Severity.PASS, Severity.PASS),
        (10_000, 9_999, Severity.PASS, Severity.PASS),
        (9_999, 100, Severity.WARN, Severity.PASS),
        (1_000, 10_000, Severity.WARN, Severity.FAIL),
        (999, 2_000, Severity.FAIL, Severity.PASS),
        (499, 5_000, Severity.FAIL, Severity.WARN),
        (49, 9_000, Severity.FAIL, Severity.FAIL),
    ],
)
def test_the_rating_follows_iops_and_the_slowest_hundredth(
    iops: int, p99: int, journal: Severity, etcd: Severity
) -> None:
    writes = replace(fio.parse(REPORT), iops=iops, percentiles={"99": p99})
    findings = {finding.code: finding for finding in disk_rating.rate(writes)}
    assert findings["disk-write-journal"].severity is journal
    assert findings["disk-write-etcd"].severity is etcd
    for finding in findings.values():
        assert finding.requirement.source
        assert bool(finding.remedy) is (finding.severity is not Severity.PASS)
    assert render.status(list(findings.values())) == int(Severity.FAIL in (journal, etcd))


REFUSED: list[tuple[str, Disk, str]] = [
    ("partition table", replace(EMPTY, content=(Content("gpt"),)), "sdb: GPT"),
    ("file system", replace(EMPTY, content=(Content("ext4", "backup"),)), 'sdb: ext4 "backup"'),
    ("unreadable", replace(EMPTY, content=(Content("unreadable"),)), "cannot be read"),
    ("volume group", replace(EMPTY, content=(Content("LVM2_member", member_of="vg0"),)), "LVM group vg0"),
    ("an OSD", replace(EMPTY, content=(Content("ceph_bluestore"),)), "a Ceph OSD"),
    ("a partition", replace(EMPTY, partitions=(PARTITION,)), "sdb1"),
    ("its content", replace(EMPTY, partitions=(replace(PARTITION, content=(Content("xfs"),)),)), "sdb1: xfs"),
    ("mounted", replace(EMPTY, mountpoints=("/srv",)), "/srv"),
    ("swap", replace(EMPTY, partitions=(replace(PARTITION, mountpoints=("[SWAP]",)),)), "[SWAP]"),
    ("holder", replace(EMPTY, holders=("dm-0",)), "dm-0"),
    ("holder of a partition", replace(EMPTY, partitions=(replace(PARTITION, holders=("md127",)),)), "md127"),
    ("the medium", replace(EMPTY, medium=True), "installation medium"),
    ("read-only", replace(EMPTY, read_only=True), "read-only"),
]


@pytest.mark.parametrize(("what", "held", "words"), REFUSED, ids=[what for what, _disk, _words in REFUSED])
def test_a_disk_that_is_not_empty_is_refused_by_name_of_what_it_holds(what: str, held: Disk, words: str) -> None:
    with pytest.raises(Refused) as refused:
        choose_disk(machine(held), Path("/dev/sdb"), confirmation="WD-42")
    assert words in str(refused.value)
    assert refused.value.exit_status == 3


def test_all_reasons_come_at_once() -> None:
    held = replace(EMPTY, medium=True, mountpoints=("/run/live/medium",), content=(Content("iso9660"),))
    with pytest.raises(Refused) as refused:
        choose_disk(machine(held), Path("/dev/sdb"), confirmation="WD-42")
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize("said", [None, "", "yes", "sdb", "WD-4"])
def test_an_empty_disk_needs_its_serial_number_said(said: str | None) -> None:
    with pytest.raises(Refused, match="confirmed|serial") as refused:
        choose_disk(machine(EMPTY), Path("/dev/sdb"), confirmation=said)
    assert "--destroy WD-42" in str(refused.value)


def test_an_empty_disk_that_was_confirmed_is_taken() -> None:
    other = replace(EMPTY, name="sda", content=(Content("gpt"),))
    assert choose_disk(machine(other, EMPTY), Path("/dev/sdb"), confirmation="WD-42") is not None
    nameless = replace(EMPTY, serial="")
    assert choose_disk(machine(nameless), Path("/dev/sdb"), confirmation="sdb") == nameless


@pytest.mark.parametrize(
    ("device", "words"),
    [("/dev/sdb1", "partition of sdb"), ("/dev/dm-3", "no physical disk"), ("/dev/sdz", "no phys")],
)
def test_only_whole_disks_are_taken(device: str, words: str) -> None:
    held = replace(EMPTY, partitions=(PARTITION,))
    with pytest.raises(Refused, match=words):
        choose_disk(machine(held), Path(device), confirmation="WD-42")


def test_folders_new_files_and_devices_are_told_apart(tmp_path: Path) -> None:
    assert classify(tmp_path) == DirectoryTarget(tmp_path)
    assert classify(tmp_path / "new") == FileTarget(tmp_path / "new")
    (tmp_path / "link").symlink_to("/dev/null")
    with pytest.raises(BadInput, match="neither"):
        classify(tmp_path / "link")
    with pytest.raises(BadInput, match="no such device"):
        classify(Path("/dev/sd-nothing"))
    with pytest.raises(BadInput, match="no such folder"):
        classify(tmp_path / "none" / "file")


def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("precious")
    with pytest.raises(Refused, match="overwritten"):
        classify(file)
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    with pytest.raises(BadInput):
        classify(tmp_path / "dangling")


def _findmnt(folder: Path, kind: str = "ext4") -> Expected:
    command = ("findmnt", "--json", "--target", str(folder), "--output", "FSTYPE,SOURCE")
    return Expected(command, json.dumps({"filesystems": [{"fstype": kind, "source": "/dev/sda3"}]}))


class FioRunner(ScriptedRunner):
    """Looks at the file while fio would write to it, then ends as it was told."""

    def __init__(self, folder: Path, outcome: str | BaseException) -> None:
        super().__init__([_findmnt(folder)])
        self.folder = folder
        self.outcome = outcome
        self.files: list[str] = []

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        if command[0] != "fio":
            return super().run(command, **options)
        self.files = [path.name for path in self.folder.iterdir()]
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return Completed(0, self.outcome)


def _measure(target: Path, runner: ScriptedRunner) -> disk.DiskMeasurement:
    return disk.measure(target, seconds=1, confirmation=None, runner=runner, probe=lambda: machine(EMPTY))


@pytest.mark.parametrize("name", ["", "journal"])
@pytest.mark.parametrize(
    "outcome",
    [REPORT, "", KeyboardInterrupt(), TrebolError("fio failed")],
    ids=["done", "no report", "interrupted", "failed"],
)
def test_the_file_is_gone_afterwards_whatever_happens(
    tmp_path: Path, name: str, outcome: str | BaseException
) -> None:
    runner = FioRunner(tmp_path, outcome)
    if outcome == REPORT:
        assert _measure(tmp_path / name, runner).on == "ext4 on /dev/sda3"
    else:
        with pytest.raises((KeyboardInterrupt, TrebolError)):
            _measure(tmp_path / name, runner)
    assert len(runner.files) == 1
    assert list(tmp_path.iterdir()) == []


def test_sigterm_removes_the_file_too(tmp_path: Path) -> None:
    class Terminated(FioRunner):
        def run(self, command: Sequence[Argument], **options: Any) -> Completed:
            if command[0] == "fio":
                os.kill(os.getpid(), 15)
            return super().run(command, **options)

    with pytest.raises(KeyboardInterrupt):
        _measure(tmp_path, Terminated(tmp_path, REPORT))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_memory_is_no_disk(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="memory"):
        _measure(tmp_path, ScriptedRunner([_findmnt(tmp_path, "tmpfs")]))
    assert list(tmp_path.iterdir()) == []


def test_only_root_may_measure_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trebol_hardware.measure.disk.classify", lambda _path: DeviceTarget(Path("/dev/sdb")))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Refused, match="only root"):
        _measure(Path("/dev/sdb"), ScriptedRunner())


def test_a_disk_that_is_in_use_after_all_is_refused_before_fio_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def busy(_path: object, flags: int, *_rest: object, **_more: object) -> int:
        opened.append(flags)
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr("trebol_hardware.measure.disk.classify", lambda _path: DeviceTarget(Path("/dev/sdb")))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("trebol_hardware.measure.disk.os.open", busy)
    with pytest.raises(Refused, match="busy"):
        disk.measure(
            Path("/dev/sdb"),
            seconds=1,
            confirmation="WD-42",
            runner=ScriptedRunner(),
            probe=lambda: machine(EMPTY),
        )
    assert opened[0] & os.O_EXCL and not opened[0] & os.O_CREAT


def test_the_command_shows_figures_and_ends_with_the_status_of_its_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    from trebol_hardware.measure import commands

    app = typer.Typer()
    app.command()(commands.disk_write_command)
    fast = _changed(lambda job: job["write"].update(iops=2361.0))
    monkeypatch.setattr(commands, "CommandRunner", lambda: FioRunner(tmp_path, fast))
    shown = CliRunner().invoke(app, [str(tmp_path)])
    assert shown.exit_code == 0
    assert "2361 per second" in shown.output
    assert "WARN" in shown.output

    monkeypatch.setattr(commands, "CommandRunner", lambda: FioRunner(tmp_path, REPORT))
    slow = CliRunner().invoke(app, [str(tmp_path), "--json"])
    assert slow.exit_code == 1
    members = json.loads(slow.output)
    assert members["figures"]["writes"] == 1680
    assert [finding["code"] for finding in members["findings"]] == ["disk-write-journal", "disk-write-etcd"]
    assert [finding["severity"] for finding in members["findings"]] == ["fail", "pass"]
    assert isinstance(CliRunner().invoke(app, [str(tmp_path), "--seconds", "0"]).exception, BadInput)
