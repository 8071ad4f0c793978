"""What `trebol size` reckons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trebol_hardware.sizing import capacity, ceph, quorum, recovery, resources, units
from trebol_hardware.sizing.cluster import Cluster, DataDisk, Media, Redundancy, Server, erasure, replicated
from trebol_hardware.sizing.figure import Figure
from trebol_hardware.sizing.report import report
from trebol_hardware.sizing.warnings import warnings

MACHINES = Path(__file__).parents[1] / "machines"
TB = units.TB
GIB = units.GIB
GBIT = units.GBIT


def cluster(
    *disks: list[int],
    redundancy: Redundancy | None = None,
    memory: int | None = 64 * GIB,
    cores: int | None = 32,
    nics: tuple[int, ...] = (10 * GBIT, 10 * GBIT),
    media: Media = Media.SSD,
    fill: float = 0.85,
    monitors: int = 3,
    mds: int = 0,
) -> Cluster:
    """One server for each list of disks in TB."""
    servers = tuple(
        Server(f"s{index}", tuple(DataDisk(size * TB, media) for size in sizes), memory, cores, nics)
        for index, sizes in enumerate(disks)
    )
    return Cluster(servers, redundancy or replicated(3), fill=fill, monitors=monitors, mds=mds)


def brief() -> Cluster:
    """The brief's worked example."""
    four = [4, 4, 4, 4]
    return cluster(four, four, four, memory=32 * GIB, cores=12, nics=(10 * GBIT,), media=Media.HDD)


def figure(made: Cluster, code: str) -> Figure:
    return next(found for found in report(made).figures if found.code == code)


def codes(made: Cluster) -> set[str]:
    return {finding.code.removeprefix("size-") for finding in warnings(made)}


def test_the_report_fits_a_console_of_80_columns() -> None:
    lines = report(brief(), notes=("a note " * 30,)).to_text().splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert any("48.00 TB" in line for line in lines)


def test_three_servers_of_four_4_tb_disks_hold_16_tb_at_size_3() -> None:
    assert figure(brief(), "raw").value == 48 * TB
    assert figure(brief(), "usable").value == 16 * TB
    assert "raw / size" in figure(brief(), "usable").formula
    assert figure(brief(), "usable-at-fill-limit").value == pytest.approx(13.6 * TB)


def test_a_lost_server_of_three_cannot_be_replicated_anew_at_size_3_but_a_disk_can() -> None:
    server = figure(brief(), "usable-with-a-server-to-lose")
    assert server.value is None
    assert "fewer than the 3 parts" in server.reason
    # 12 TB are left on the server that lost a disk, and it holds a copy of everything.
    assert figure(brief(), "usable-with-a-disk-to-lose").value == pytest.approx(12 * 0.85 * TB)
    assert figure(brief(), "recommended").value == pytest.approx(12 * 0.85 * TB)
    assert figure(brief(), "recovery-server").value is None


NOT_MADE_GOOD: list[tuple[str, Cluster, str, str, float]] = [
    ("a disk per server", cluster([4], [4], [4]), "until the disk is replaced", "3 servers less one", 3.4),
    ("one copy", cluster([4, 4], [4, 4], redundancy=replicated(1)), "one copy only", "one copy only", 13.6),
    ("a server without", cluster([4, 4], [4, 4], [4, 4], []), "", "3 servers less one", 3.4),
    ("nothing fits", cluster([4, 4], [4, 4]), "until the disk is replaced", "2 servers less one", 0),
]


@pytest.mark.parametrize(
    ("what", "made", "disk", "server", "plan"), NOT_MADE_GOOD, ids=[row[0] for row in NOT_MADE_GOOD]
)
def test_what_cannot_be_made_good_is_said_and_does_not_make_the_plan_nothing(
    what: str, made: Cluster, disk: str, server: str, plan: float
) -> None:
    for lost, why in (("disk", disk), ("server", server)):
        for code in (f"usable-with-a-{lost}-to-lose", f"recovery-{lost}"):
            found = figure(made, code)
            assert ((found.value is None) == bool(why), why in found.reason) == (True, True), (code, found)
    assert figure(made, "recommended").value == pytest.approx(plan * TB)


def test_the_largest_cluster_is_reckoned() -> None:
    server = Server("s", tuple(DataDisk(TB) for _ in range(100)))
    made = Cluster(tuple(replace(server, name=str(number)) for number in range(1000)), replicated(1000))
    assert figure(made, "usable").value == 100 * TB


@pytest.mark.parametrize(
    ("terabytes", "gbit", "exact", "rounded", "said"),
    [
        (1, 1, 3 * 3600, 3600, 3 * 3600),
        (3, 1, 9 * 3600, 3600, 9 * 3600),
        (1, 10, 18 * 60, 600, 20 * 60),
        (3, 10, 54 * 60, 3600, 3600),
    ],
)
def test_replication_takes_as_long_as_the_brief_says(
    terabytes: int, gbit: int, exact: int, rounded: int, said: int
) -> None:
    taken = recovery.replication_time(terabytes * TB, gbit * GBIT)
    assert taken == pytest.approx(exact)
    assert round(taken / rounded) * rounded == said


def test_block_db_of_the_briefs_disks_fits_the_briefs_two_80_gb_ssds() -> None:
    assert figure(brief(), "db-least").value == 40 * 10**9
    assert figure(brief(), "db-least-server").value == 2 * 80 * 10**9
    assert figure(brief(), "db-most").value == 160 * 10**9


def test_a_filestore_journal_is_twice_throughput_times_interval_of_the_slower_of_disk_and_network() -> None:
    assert figure(brief(), "journal").value == 2 * 100 * 10**6 * 5
    slow = cluster([1], [1], [1], nics=(GBIT,), media=Media.SSD)
    assert figure(slow, "journal").value == 2 * 125 * 10**6 * 5


@pytest.mark.parametrize(
    ("osds", "parts", "groups"), [(12, 3, 512), (1, 3, 64), (3, 3, 128), (200, 3, 8192), (1, 200, 1), (32, 25, 128)]
)
def test_placement_groups_are_a_power_of_two(osds: int, parts: int, groups: int) -> None:
    assert ceph.placement_groups(osds, parts) == groups


@pytest.mark.parametrize(("votes", "lost"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_a_minority_of_votes_may_be_lost(votes: int, lost: int) -> None:
    assert quorum.tolerance(votes) == lost


def test_a_qdevice_makes_two_nodes_survive_one() -> None:
    two = cluster([4], [4], redundancy=replicated(2))
    assert figure(two, "quorum-nodes").value == 0
    assert figure(two, "quorum-nodes-qdevice").value == 1


def test_memory_and_cores_are_reckoned_by_the_brief_and_by_todays_figures() -> None:
    made = brief()
    # By hand: 32 - 1 - 4 x 0.5 - 1 and 32 - 2 - 4 x 4 x 1.2 - 5 GiB; 12 - 1 - 4 x 2 - 1 and 12 - 1 - 4 x 1 - 2 cores.
    assert figure(made, "guest-memory-brief").value == 28 * GIB
    assert figure(made, "guest-memory-upstream").value == pytest.approx(5.8 * GIB, abs=1)
    assert figure(made, "guest-cores-brief").value == 2
    assert figure(made, "guest-cores-upstream").value == 5
    assert figure(made, "guest-memory-one-down-brief").value == 56 * GIB
    assert all(found.source for found in resources.figures(made))


def test_only_servers_that_run_a_daemon_give_memory_to_it() -> None:
    five = cluster([1], [1], [1], [1], [1], mds=1)
    taken = [resources.memory_taken(five, place, resources.BRIEF) / GIB for place in range(5)]
    assert taken == [2.5, 2.5, 2.5, 1.5, 2.5]


def test_what_was_not_said_is_not_known() -> None:
    found = figure(cluster([4], [4], [4], memory=None, nics=()), "guest-memory-brief")
    assert (found.value, found.shown) == (None, "–")
    assert found.reason
    assert figure(cluster([4], [4], [4], nics=()), "recovery-disk").reason == "no network speed was given"


WARNED: list[tuple[str, Cluster, str]] = [
    ("one server", cluster([4, 4]), "one-node"),
    ("two servers", cluster([4], [4], redundancy=replicated(2)), "two-nodes"),
    ("four servers", cluster([4], [4], [4], [4]), "even-nodes"),
    ("17 servers", cluster(*([4] for _ in range(17))), "many-nodes"),
    ("5 monitors on 3 servers", cluster([4], [4], [4], monitors=5), "monitors-share-a-server"),
    ("4 MDS on 3 servers", cluster([4], [4], [4], mds=4), "mds-share-a-server"),
    ("one monitor", cluster([4], [4], [4], monitors=1), "few-monitors"),
    ("four monitors", cluster([4], [4], [4], [4], [4], monitors=4), "even-monitors"),
    ("size 3 on 2 servers", cluster([4], [4]), "parts-exceed-servers"),
    ("4+2 on 5 servers", cluster(*([4] for _ in range(5)), redundancy=erasure(4, 2)), "parts-exceed-servers"),
    ("size 3 on 3 servers", cluster([4], [4], [4]), "no-spare-server"),
    ("size 1", cluster([4], [4], [4], redundancy=replicated(1)), "single-copy"),
    ("size 2", cluster([4], [4], [4], redundancy=replicated(2)), "single-failure"),
    ("m of 1", cluster([4], [4], [4], [4], redundancy=erasure(2, 1)), "single-failure"),
    ("min_size 1", cluster([4], [4], [4], redundancy=replicated(3, 1)), "low-min-size"),
    ("min_size 3 of 3", cluster([4], [4], [4], redundancy=replicated(3, 3)), "high-min-size"),
    ("fill of 0.93", cluster([4], [4], [4], fill=0.93), "fill-limit"),
    ("little memory", cluster([4, 4], [4, 4], [4, 4], memory=2 * GIB), "little-memory-brief"),
    ("enough for the brief only", cluster([4, 4], [4, 4], [4, 4], memory=8 * GIB), "little-memory-upstream"),
    ("few cores", cluster([4, 4], [4, 4], [4, 4], cores=4), "few-cores-upstream"),
    ("a server without disks", cluster([4], [4], [4], []), "no-disks"),
    ("uneven servers", cluster([4], [4], [8]), "uneven-servers"),
    ("HDDs", brief(), "hdd-needs-db"),
    ("one port", brief(), "single-nic"),
    ("1 Gbit/s", cluster([4], [4], [4], nics=(GBIT, GBIT)), "slow-network"),
]


@pytest.mark.parametrize(("what", "made", "code"), WARNED, ids=[what for what, _made, _code in WARNED])
def test_what_is_unwise_is_warned_of(what: str, made: Cluster, code: str) -> None:
    assert code in codes(made)
    assert all(finding.reason and finding.remedy and finding.requirement.source for finding in warnings(made))


def test_a_good_cluster_has_no_warnings() -> None:
    assert codes(cluster(*([4, 4] for _ in range(5)))) == set()


def test_mixed_media_are_not_reckoned_together_in_silence() -> None:
    disks = (DataDisk(TB, Media.HDD), DataDisk(TB, Media.SSD))
    made = Cluster(tuple(Server(name, disks) for name in "abc"), replicated(3))
    assert "mixed-media" in codes(made)


CAPACITIES = st.lists(st.integers(0, 10**15), min_size=1, max_size=12)
REDUNDANCIES = st.one_of(
    st.integers(1, 6).map(replicated),
    st.tuples(st.integers(2, 8), st.integers(1, 4)).map(lambda code: erasure(*code)),
)


@given(CAPACITIES, REDUNDANCIES)
def test_parts_never_need_more_room_than_there_is(capacities: list[int], redundancy: Redundancy) -> None:
    usable = capacity.usable(capacities, redundancy)
    part = usable // redundancy.data
    assert 0 <= usable * redundancy.parts <= sum(capacities) * redundancy.data
    assert sum(min(server, part) for server in capacities) >= part * redundancy.parts


@given(CAPACITIES, REDUNDANCIES)
def test_no_more_fits(capacities: list[int], redundancy: Redundancy) -> None:
    if len(capacities) >= redundancy.parts:
        more = capacity.usable(capacities, redundancy) // redundancy.data + 1
        assert sum(min(server, more) for server in capacities) < more * redundancy.parts


@given(CAPACITIES, REDUNDANCIES, st.data())
def test_a_larger_or_further_server_never_takes_room_away(
    capacities: list[int], redundancy: Redundancy, data: st.DataObject
) -> None:
    before = capacity.usable(capacities, redundancy)
    place = data.draw(st.integers(0, len(capacities) - 1))
    larger = [size + (index == place) * data.draw(st.integers(0, 10**15)) for index, size in enumerate(capacities)]
    assert capacity.usable(larger, redundancy) >= before
    assert capacity.usable([*capacities, data.draw(st.integers(0, 10**15))], redundancy) >= before


@given(st.integers(3, 9), st.integers(1, 8), st.integers(1, 20), st.integers(1, 3))
def test_each_wish_for_safety_costs_room(servers: int, disks: int, size: int, copies: int) -> None:
    made = cluster(*([size] * disks for _ in range(servers)), redundancy=replicated(copies))
    usable = capacity.usable(made.capacities, made.redundancy)
    server = capacity.survives_server(made)
    assert usable == servers * disks * size * TB // copies
    disk = capacity.survives_disk(made)
    assert capacity.recommended(made) <= int(usable * made.fill) <= usable <= sum(made.capacities)
    assert (disk is None) == (copies == 1 or (servers == copies and disks == 1))
    if disk is not None:
        assert 0 < capacity.recommended(made) <= disk <= int(usable * made.fill)
    if server is not None:
        assert disk is not None and server <= disk


@given(st.integers(1, 10**16), st.integers(1, 10**12))
def test_more_takes_longer_and_a_faster_network_less(size: int, speed: int) -> None:
    taken = recovery.replication_time(size, speed)
    assert taken <= recovery.replication_time(size * 2, speed)
    assert taken >= recovery.replication_time(size, speed * 2)
    assert taken > size * 8 / speed  # Never faster than the line.


@given(st.integers(1, 5000), st.integers(1, 20))
def test_placement_groups_of_an_osd_stay_within_twice_the_target(osds: int, parts: int) -> None:
    groups = ceph.placement_groups(osds, parts)
    assert groups * parts < 2 * (osds * 100 + parts)
    assert groups * parts >= osds * 100
    assert groups & (groups - 1) == 0
