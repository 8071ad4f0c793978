"""Schedules of faults are the same for the same seed, and what they look for is found."""

from __future__ import annotations

import pytest
from tests.cluster.schedules import Fault, Schedule, View, halves, schedule, settled

NODES = ("n1", "n2", "n3")


def view(quorate: bool, *members: str) -> View:
    return View(quorate, frozenset(members))


def test_a_seed_makes_one_schedule_and_seeds_reach_every_fault() -> None:
    assert schedule(7, NODES) == schedule(7, NODES)
    found = [schedule(seed, NODES) for seed in range(200)]
    assert {fault for each in found for fault, _node in each.faults} == set(Fault)
    assert all(each.faults for each in found)


@pytest.mark.parametrize(
    ("faults", "sides"),
    [
        ([(Fault.PARTED, "n3")], [{"n1", "n2"}, {"n3"}]),
        ([(Fault.OFF, "n3")], [{"n1", "n2"}]),
        ([(Fault.PARTED, "n1"), (Fault.OFF, "n1")], [{"n2", "n3"}]),
        ([(Fault.PARTED, "n1"), (Fault.PARTED, "n2"), (Fault.PARTED, "n3")], [{"n1", "n2", "n3"}]),
        ([(Fault.COROSYNC, "n1")], [{"n1", "n2", "n3"}]),
    ],
)
def test_who_can_talk_to_each_other(faults: list[tuple[Fault, str]], sides: list[set[str]]) -> None:
    assert Schedule("a", tuple(faults)).sides(NODES) == tuple(map(frozenset, sides))


@pytest.mark.parametrize(
    ("views", "found"),
    [
        ({"n1": view(True, "n1", "n2"), "n2": view(True, "n1", "n2"), "n3": view(False, "n3")}, []),
        ({"n1": view(True, "n1", "n2"), "n2": view(True, "n1", "n2"), "n3": view(True, "n3")}, ["n1", "n2"]),
        ({"n1": view(True, "n1", "n2", "n3"), "n3": view(True, "n3")}, []),
        ({"n1": view(True, "n1"), "n2": view(True, "n2")}, ["n1"]),
    ],
)
def test_two_quorate_halves_are_told_from_a_view_that_is_late(views: dict[str, View], found: list[str]) -> None:
    assert sorted({one for one, _other in halves(views)}) == found


def test_a_cluster_has_settled_when_each_side_has_found_itself() -> None:
    sides = [frozenset({"n1", "n2"}), frozenset({"n3"})]
    views = {"n1": view(True, "n1", "n2"), "n2": view(True, "n1", "n2"), "n3": view(False, "n3")}
    assert settled(views, sides, 3)
    assert not settled({**views, "n3": view(True, "n1", "n2", "n3")}, sides, 3)
    assert not settled({"n1": views["n1"]}, sides, 3)
