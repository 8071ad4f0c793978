"""Seeding an ISO: patching an answer file in place."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure
from bench.install import ANSWER
from trebol_common.errors import TrebolError
from trebol_common.run import CommandRunner
from trebol_image.seed import clear_seed, make_seed, read_seed, write_seed

RUNS = 15


def measure(iso: Path, folder: Path) -> list[Figure]:
    """Seed a copy of `iso` many times; the median counts. Raises TrebolError when it is not seeded then."""
    runner = CommandRunner()
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "seed.iso"
    runner.run(["cp", "--reflink=auto", iso, copy])
    answer = folder / "answer.toml"
    answer.write_text(ANSWER, encoding="utf-8")
    trebol = Path(sys.executable).with_name("trebol")

    def in_process() -> None:
        seed, _ = make_seed(answer, console="ttyS0")
        write_seed(copy, seed)

    def command() -> None:
        runner.run([trebol, "image", "seed", copy, answer, "--console", "ttyS0"])

    def start_up() -> None:
        runner.run([trebol, "image", "seed", "--help"])

    # The copy's own pages go to the disk first, not in the first run's fdatasync.
    runner.run(["sync", copy])
    seeding = _milliseconds(in_process)
    require_seeded(copy)
    clear_seed(copy)
    runner.run(["sync", copy])
    whole = _milliseconds(command)
    require_seeded(copy)
    copy.unlink()
    answer.unlink()
    return [
        Figure("seed an ISO", seeding, "ms", "under 50 ms, nothing copied"),
        Figure(
            "trebol image seed, as a command",
            whole,
            "ms",
            floor=_milliseconds(start_up),
            floor_is="the same command with --help: Python's start and its imports",
        ),
    ]


def require_seeded(iso: Path) -> None:
    """Raise TrebolError unless the answers are on the medium: what does nothing is fast."""
    if read_seed(iso).answer != ANSWER:
        raise TrebolError("was seeded, and does not hold the answers", where=str(iso))


def _milliseconds(run: Callable[[], None]) -> float:
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
