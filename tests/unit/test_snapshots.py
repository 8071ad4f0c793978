"""Snapshots: which are kept, which are damaged, and that what was there comes back where a restore fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fake_etcd import FakeEtcd, serving

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import Argument, CommandFailed, Completed, ScriptedRunner
from trebol_node.store.configuration import Configuration
from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import Gateway
from trebol_node.store.keeping import keep
from trebol_node.store.restore import restore
from trebol_node.store.snapshots import content, prune, require_whole, save, snapshots, take

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def hourly(count: int, *, until: datetime = NOW) -> list[datetime]:
    return [until - number * HOUR for number in range(count)]


def test_of_three_months_every_hour_the_last_of_hours_days_and_weeks_are_kept() -> None:
    kept = sorted(keep(hourly(24 * 90), NOW), reverse=True)
    hours = hourly(8)
    days = [NOW.replace(day=28 - number, hour=23) for number in range(1, 7)]
    # 28 November 2026 is a Saturday: the last hour of each of the three weeks before.
    weeks = [datetime(2026, 11, day, 23, 30, tzinfo=UTC) for day in (22, 15, 8)]
    assert kept == sorted({*hours, *days, *weeks}, reverse=True)


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([], 0),
        ([NOW], 1),
        ([NOW - timedelta(minutes=minute) for minute in range(25)], 1),
        (hourly(8), 8),
        # A node that was off for a year keeps what it had.
        (hourly(8, until=NOW - 365 * DAY), 8),
        ([NOW - number * 7 * DAY for number in range(10)], 8),
    ],
)
def test_as_many_are_kept_as_have_something_of_their_own(times: list[datetime], kept: int) -> None:
    assert len(keep(times, NOW)) == kept


def test_a_clock_that_was_wrong_costs_no_snapshot_its_place() -> None:
    right, ahead = hourly(100), hourly(100, until=NOW + 400 * DAY)
    assert keep([*right, *ahead], NOW) == keep(right, NOW) | keep(ahead, NOW + 400 * DAY)


def test_what_is_kept_is_kept_the_next_time_too() -> None:
    kept = keep(hourly(24 * 60), NOW)
    assert keep(kept, NOW) == kept


def test_taking_one_every_hour_never_leaves_more_than_there_are_places() -> None:
    kept: frozenset[datetime] = frozenset()
    for time in reversed(hourly(24 * 45)):
        kept = keep({*kept, time}, time)
        assert time in kept and len(kept) <= 8 + 7 + 4
    assert min(kept) >= NOW - 29 * DAY
    # Seven days, this week's Saturday and last week's Sunday among them, and the Sundays of the two weeks before.
    assert len({time.date() for time in kept}) == 7 + 2


def whole(text: bytes = b"etcd's file") -> bytes:
    """As etcdctl writes it: whole sectors, and the checksum of them."""
    body = text.ljust(1024, b"\0")
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (b"", "was cut off"),
        (whole()[:700], "was cut off"),
        (whole()[:-32], "was cut off"),
        (whole().replace(b"file", b"fire"), "checksum is wrong"),
        (b"x" * (512 + 32), "checksum is wrong"),
    ],
)
def test_a_damaged_snapshot_is_called_so(tmp_path: Path, found: bytes, words: str) -> None:
    path = tmp_path / "some.db"
    path.write_bytes(found)
    with pytest.raises(BadInput, match=words) as caught:
        require_whole(path)
    assert caught.value.problems[0].where == str(path)


@pytest.fixture
def etcd() -> Iterator[FakeEtcd]:
    with serving(FakeEtcd()) as served:
        yield served


def test_a_snapshot_is_roots_alone_and_named_by_its_time(etcd: FakeEtcd, tmp_path: Path) -> None:
    folder = tmp_path / "trebol"
    etcd.file = whole()
    taken = take(Gateway(etcd.url), now=NOW, folder=folder)
    assert (taken.path, taken.time, taken.size) == (folder / "20261128T123000Z.db", NOW, 1056)
    assert taken.path.read_bytes() == whole()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert taken.path.stat().st_mode & 0o777 == 0o600
    assert snapshots(folder) == (taken,)


@pytest.mark.parametrize(
    ("file", "refusal", "error"),
    [
        (whole()[:1000], None, BadInput),
        (whole(), (503, {"error": {"code": 14, "message": "etcdserver: no leader"}}), Unavailable),
        (whole(), (200, {"error": {"code": 13, "message": "snapshot failed"}}), Unavailable),
    ],
)
def test_half_a_snapshot_is_none(
    etcd: FakeEtcd,
    tmp_path: Path,
    file: bytes,
    refusal: tuple[int, dict[str, object]] | None,
    error: type[TrebolError],
) -> None:
    etcd.file = file
    if refusal is not None:
        etcd.refusals["maintenance/snapshot"] = refusal
    with pytest.raises(error):
        save(tmp_path / "mine.db", Gateway(etcd.url))
    assert list(tmp_path.iterdir()) == []


def test_only_snapshots_of_the_timer_are_removed(tmp_path: Path) -> None:
    for time in hourly(30):
        (tmp_path / time.strftime("%Y%m%dT%H%M%SZ.db")).write_bytes(whole())
    mine = tmp_path / "before-the-upgrade.db"
    mine.write_bytes(whole())
    gone = prune(tmp_path, now=NOW)
    assert len(gone) == 30 - 9 and not any(path.exists() for path in gone)
    assert mine.exists()
    assert len(snapshots(tmp_path)) == 9
    assert prune(tmp_path, now=NOW) == ()


class Node(ScriptedRunner):
    """A node's programs, as far as a restore needs them: its store holds `data`, and starts or does not."""

    def __init__(self, data: Path, *, starts: bool) -> None:
        super().__init__()
        self.fresh = data.with_name("trebol.restored")
        self._starts, self._started = starts, False

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        if command[:3] == ["etcdutl", "snapshot", "restore"]:
            assert not self.fresh.exists()
            self.fresh.mkdir()
            (self.fresh / "from").write_text("snapshot")
        if command[:2] == ["systemctl", "start"]:
            status = 1 if not self._starts and not self._started else 0
            self._started = True
            self.expect(*map(str, command), status=status)
        elif command[0] in ("systemctl", "chown"):
            self.expect(*map(str, command))
        elif command[0] == "etcdutl":
            self.expect(*map(str, command), stdout=json.dumps({"revision": 52, "totalKey": 57}))
        return super().run(command, **options)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    path.write_bytes(whole())
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "etcd/trebol"
    folder.mkdir(parents=True)
    (folder / "from").write_text("before")
    return folder


def test_a_restore_keeps_what_was_there(snapshot: Path, data: Path) -> None:
    runner = Node(data, starts=True)
    runner.fresh.mkdir()
    told = list(restore(snapshot, Configuration("node1", data=data), runner, now=NOW))
    kept = data.with_name("trebol.20261128T123000Z")
    assert (data / "from").read_text() == "snapshot"
    assert (kept / "from").read_text() == "before"
    assert told == [
        f"{snapshot} is whole: revision 52, 57 keys",
        "the store runs with it",
        f"what it held before is in {kept}",
    ]
    assert runner.seen == [
        ("etcdutl", "snapshot", "status", str(snapshot), "--write-out=json"),
        (
            *("etcdutl", "snapshot", "restore", str(snapshot), "--data-dir", str(runner.fresh), "--name", "node1"),
            *("--initial-cluster", "node1=https://127.0.0.1:2380", "--initial-cluster-token", "trebol"),
            *("--initial-advertise-peer-urls", "https://127.0.0.1:2380"),
            # Revisions are fencing tokens: none may come twice.
            *("--bump-revision", "1000000000", "--mark-compacted"),
        ),
        ("chown", "--recursive", "--no-dereference", "etcd:etcd", str(runner.fresh)),
        ("systemctl", "stop", "trebol-store.service"),
        ("systemctl", "start", "trebol-store.service"),
    ]


def test_a_store_that_does_not_start_with_it_goes_on_with_what_it_had(snapshot: Path, data: Path) -> None:
    runner = Node(data, starts=False)
    with pytest.raises(CommandFailed):
        list(restore(snapshot, Configuration("node1", data=data), runner, now=NOW))
    assert [path.name for path in data.parent.iterdir()] == ["trebol"]
    assert (data / "from").read_text() == "before"
    assert runner.seen[-2:] == [
        ("systemctl", "stop", "trebol-store.service"),
        ("systemctl", "start", "trebol-store.service"),
    ]


def test_a_disk_without_room_for_it_is_as_before(snapshot: Path, data: Path) -> None:
    class Full(Node):
        """Its disk fills while etcdutl writes."""

        def run(self, command: Sequence[Argument], **options: Any) -> Completed:
            """See `Runner.run`."""
            completed = super().run(command, **options)
            if "restore" in command:
                raise CommandFailed("etcdutl", 1, ("no space left on device",))
            return completed

    runner = Full(data, starts=True)
    with pytest.raises(CommandFailed, match="no space left"):
        list(restore(snapshot, Configuration("node1", data=data), runner, now=NOW))
    assert [path.name for path in data.parent.iterdir()] == ["trebol"]
    assert not any(command[0] == "systemctl" for command in runner.seen), "the store was not stopped"


def test_a_node_that_lost_its_store_gets_it_back(snapshot: Path, tmp_path: Path) -> None:
    data = tmp_path / "etcd/trebol"
    data.parent.mkdir()
    told = list(restore(snapshot, Configuration("node1", data=data), Node(data, starts=True), now=NOW))
    assert told[-1] == "the store runs with it"
    assert (data / "from").read_text() == "snapshot"


def test_a_damaged_snapshot_stops_nothing(snapshot: Path, data: Path) -> None:
    snapshot.write_bytes(whole().replace(b"file", b"fire"))
    runner = ScriptedRunner()
    with pytest.raises(BadInput, match="is damaged"):
        list(restore(snapshot, Configuration("node1", data=data), runner, now=NOW))
    assert runner.seen == []


def test_what_a_snapshot_holds_is_told(snapshot: Path) -> None:
    runner = ScriptedRunner().expect(
        *("etcdutl", "snapshot", "status", str(snapshot), "--write-out=json"),
        stdout='{"hash":1527324504,"revision":52,"totalKey":57,"totalSize":32768}\n',
    )
    held = content(snapshot, runner)
    assert (held.revision, held.keys) == (52, 57)
