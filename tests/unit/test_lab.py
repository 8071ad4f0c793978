"""Jobs of the end-to-end tests: handed out when ready, ended when let go, never waited for in vain."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from tests.e2e.lab import MACHINES, TRIES, Farm, Job, Lab
from tests.e2e.nodes import digest
from tests.e2e.reached import Reached

from trebol_common.run import CommandFailed, Completed
from trebol_image.qemu import EmulatorFault, VirtualMachine


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "t.iso", tmp_path, tmp_path / "key")


def job(name: str, log: list[str]) -> Job:
    @contextmanager
    def run(lab: Lab) -> Iterator[str]:
        log.append(f"{name} up")
        yield name
        log.append(f"{name} down")

    return run


def test_a_job_hands_out_and_ends_when_it_is_let_go(lab: Lab) -> None:
    log: list[str] = []
    with Farm(lab, {"a": job("a", log)}) as farm:
        assert farm.get("a") == "a"
        assert log == ["a up"]
        farm.let_go("a")
        assert log == ["a up", "a down"]


def test_only_so_many_jobs_live_at_once_and_they_start_in_order(lab: Lab) -> None:
    log: list[str] = []
    names = [str(number) for number in range(MACHINES + 1)]
    with Farm(lab, {name: job(name, log) for name in names}) as farm:
        for name in names[:-1]:
            farm.get(name)
        assert f"{names[-1]} up" not in log
        farm.let_go(names[0])
        assert farm.get(names[-1]) == names[-1]
        assert log.index(f"{names[0]} down") < log.index(f"{names[-1]} up")


@pytest.mark.parametrize(("broken", "tried"), [(0, 1), (TRIES - 1, TRIES)])
def test_a_machine_that_the_emulator_broke_is_started_again(lab: Lab, broken: int, tried: int) -> None:
    begun: list[str] = []

    @contextmanager
    def job(lab: Lab) -> Iterator[int]:
        begun.append("up")
        if len(begun) <= broken:
            raise EmulatorFault("Oops: int3")
        yield len(begun)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with Farm(lab, {"a": job}) as farm:
            assert farm.get("a") == tried
    assert len(told) == broken


def test_a_machine_that_the_emulator_breaks_each_time_fails(lab: Lab) -> None:
    def job(lab: Lab) -> AbstractContextManager[None]:
        raise EmulatorFault("Oops: int3")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Farm(lab, {"a": job}) as farm, pytest.raises(EmulatorFault, match="int3"):
            farm.get("a")


def test_what_went_wrong_in_a_job_is_told_to_each_test_that_asks(lab: Lab) -> None:
    @contextmanager
    def broken(lab: Lab) -> Iterator[str]:
        yield lab.iso.read_text()

    with Farm(lab, {"a": broken}) as farm:
        for _ in range(2):
            with pytest.raises(FileNotFoundError, match="t.iso"):
                farm.get("a")


def test_what_went_wrong_in_the_end_of_a_job_is_told_when_it_is_let_go(lab: Lab) -> None:
    @contextmanager
    def sloppy(lab: Lab) -> Iterator[str]:
        yield "node"
        raise ValueError("left something mounted")

    with Farm(lab, {"a": sloppy}) as farm:
        farm.get("a")
        with pytest.raises(ValueError, match="left something mounted"):
            farm.let_go("a")


def test_leaving_early_ends_running_jobs_and_starts_no_others(lab: Lab) -> None:
    log: list[str] = []
    names = [str(number) for number in range(MACHINES + 3)]
    with Farm(lab, {name: job(name, log) for name in names}) as farm:
        for name in names[:MACHINES]:
            farm.get(name)
    assert sorted(log) == sorted(f"{name} {what}" for name in names[:MACHINES] for what in ("up", "down"))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("machine")]


def test_one_changed_byte_of_a_disk_is_seen_and_holes_are_not(tmp_path: Path) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(b"data" + bytes(300_000) + b"more" + bytes(100_000))
    before = digest(image)
    sparse = tmp_path / "sparse.raw"
    with sparse.open("wb") as stream:
        for at, content in ((0, b"data"), (300_004, b"more")):
            stream.seek(at)
            stream.write(content)
        stream.truncate(400_008)
    assert digest(sparse) == before
    with image.open("r+b") as stream:
        stream.seek(200_000)
        stream.write(b"\1")
    assert digest(image) != before


@dataclass
class FakeMachine:
    """Ends as many SSH commands as `statuses` says before one is answered; has a broken kernel or not."""

    statuses: list[int]
    fault: str | None = None
    done: list[str] = field(default_factory=list)

    @property
    def serial(self) -> FakeMachine:
        return self

    def ssh(self, command: str, *, key: Path) -> Completed:
        self.done.append(command)
        if self.statuses:
            raise CommandFailed(f"ssh {command}", self.statuses.pop(0), ())
        return Completed(0, "yes", "")

    def reset(self) -> None:
        self.done.append("reset")

    def wait_for_ssh(self, *, within: float) -> None:
        self.done.append("wait")


@pytest.mark.parametrize(
    ("machine", "done"),
    [
        (FakeMachine([]), ["look"]),
        (FakeMachine([255]), ["look", "wait", "look"]),
        (FakeMachine([255], fault="Oops: int3: 0000"), ["look", "reset", "wait", "look"]),
    ],
)
@pytest.mark.filterwarnings("ignore:asked again")
def test_a_node_that_ssh_lost_is_asked_again(lab: Lab, machine: FakeMachine, done: list[str]) -> None:
    assert Reached(lab, cast("VirtualMachine", machine)).ssh("look") == "yes"
    assert machine.done == done


def test_a_command_that_fails_on_the_node_is_not_given_again(lab: Lab) -> None:
    machine = FakeMachine([1])
    with pytest.raises(CommandFailed):
        Reached(lab, cast("VirtualMachine", machine)).ssh("look")
    assert machine.done == ["look"]
