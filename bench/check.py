"""Checking recorded machines: each whole check in this process, beside the start of the interpreter for a command."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.figures import Figure
from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner
from trebol_hardware.checks.registry import Role, check_machine
from trebol_hardware.checks.report import render
from trebol_hardware.machine import Machine

RUNS = 15


def measure(folder: Path) -> Iterator[Figure]:
    """The check of every record in `folder` as a mixed node, which has the most checks; the median counts.

    Raises BadInput where there is no record.
    """
    records = sorted(folder.glob("*.json"))
    if not records:
        raise BadInput("holds no recorded machine", where=str(folder), hint="python -m tests.machines.recorded")
    for record in records:
        yield Figure(f"check {record.stem}", _milliseconds(partial(whole_check, record)), "ms", "under 50 ms")
    runner = CommandRunner()
    trebol = Path(sys.executable).with_name("trebol")
    largest = max(records, key=lambda record: record.stat().st_size)
    command: list[str | Path] = [trebol, "check", "--for", "mixed", "--machine", largest]
    yield Figure(
        f"trebol check --machine {largest.name}, as a command",
        _milliseconds(lambda: runner.run(command, check=False)),
        "ms",
        floor=_milliseconds(lambda: runner.run([sys.executable, "-c", ""])),
        floor_is="Python's start, with nothing imported",
    )


def whole_check(record: Path) -> str:
    """Read a record, check it and render the report, as `trebol check --machine` does."""
    return render(check_machine(Machine.load(record), Role.MIXED))


def _milliseconds(run: Callable[[], object]) -> float:
    run()  # Imports, and the disk's first read, are no part of a check.
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
