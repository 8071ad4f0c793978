"""The installer's screens: the medium's way to the first of them, keys to what they change, and memory.

Keys and memory are measured on a terminal of this machine, on a recorded machine, beside a program of urwid's that
does nothing but show lines to type into.
"""

from __future__ import annotations

import os
import select
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect

from bench.figures import Figure
from bench.install import FLOOR as TO_FIRST_PROCESS
from bench.install import floor_script, read_manifest_of
from bench.screens_shown import FLOOR
from trebol_common.errors import TrebolError
from trebol_common.medium import LIVE_MEDIUM, SLOT
from trebol_common.tui.app import COLUMNS, ROWS
from trebol_image.qemu import Disk, Firmware, MachineConfig, Medium, VirtualMachine, create_disk, image_qemu
from trebol_image.qemu.seeded import seeded_copy

#: What is typed on which screen: Tab goes through its fields, letters into the first of them.
KEYS = {"disks": "\t" * 40, "node": "node1.example.org" * 2, "network": "\t" * 40}
#: Seconds without a byte after which a screen is drawn, and in which it has to be there.
QUIET = 0.03
DRAWN_WITHIN = 20.0
FIRST_WITHIN = 900.0


@dataclass(frozen=True)
class Program:
    """A program on a terminal."""

    process: pexpect.spawn[str]

    def drawn(self, quiet: float = QUIET) -> float:
        """Read until nothing more is drawn; the monotonic time of the last byte. Raises TrebolError for none."""
        last = 0.0
        end = time.perf_counter() + DRAWN_WITHIN
        while (now := time.perf_counter()) < end:
            ready, _, _ = select.select([self.process], [], [], quiet if last else end - now)
            if not ready:
                break
            os.read(self.process.fileno(), 65536)
            last = time.perf_counter()
        if not last:
            raise TrebolError("draws nothing", where=" ".join(map(str, self.process.args or ())))
        return last

    def milliseconds(self, key: str) -> float:
        """From a key to the last byte that it draws."""
        began = time.perf_counter()
        self.process.send(key)
        return 1000 * (self.drawn() - began)

    def megabytes(self) -> float:
        """The most memory that it has had (proc_pid_status(5), VmHWM), in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e6


@contextmanager
def on_terminal(*words: str) -> Iterator[Program]:
    """A program of `bench.screens_shown` on a terminal of its own, drawn."""
    process = pexpect.spawn(sys.executable, ["-m", "bench.screens_shown", *words], dimensions=(ROWS, COLUMNS))
    process.delaybeforesend = None
    program = Program(process)
    try:
        program.drawn(quiet=1.0)
        yield program
    finally:
        process.close(force=True)


def measure(record: Path) -> Iterator[Figure]:
    """Keys and memory, on this machine's record. The first key of each screen warms up."""
    floors = {}
    for typed in sorted(set(KEYS.values())):
        with on_terminal(FLOOR) as program:
            floors[typed], floor_memory = statistics.median(_keys(program, typed)), program.megabytes()
    memory = 0.0
    for screen, typed in KEYS.items():
        with on_terminal(screen, str(record)) as program:
            keys = _keys(program, typed)
            memory = max(memory, program.megabytes())
        yield Figure(
            f"key to redraw, {screen}",
            statistics.median(keys),
            "ms",
            "under 50 ms",
            floors[typed],
            "urwid alone, sixteen lines to type into",
            notes={f"slowest of {len(keys)}": f"{max(keys):.1f} ms", "record": record.name},
        )
    yield Figure("memory of the screens, at most", memory, "MB", "under 150 MB", floor_memory, "urwid alone")


def _keys(program: Program, typed: str) -> Sequence[float]:
    program.milliseconds(typed[0])
    return [program.milliseconds(key) for key in typed]


def measure_first(iso: Path, folder: Path, firmware: Firmware) -> Figure:
    """From the machine's start to its first screen, beside the first user process of the same ISO."""
    emulator = image_qemu(iso, folder / "emulator")
    began = seeded_copy(iso, folder / "screens.iso", "")
    words = ("init=/bin/sh", "--", f"{LIVE_MEDIUM}/{SLOT}")
    floor = seeded_copy(iso, folder / "floor.iso", floor_script(read_manifest_of(iso)), words=words)
    started = dict(TO_FIRST_PROCESS)["to the first user process"]
    seconds = {
        name: _until(image, folder / f"{firmware}-{name}", firmware, pattern, emulator)
        for name, image, pattern in (("floor", floor, started), ("screens", began, "Language / Idioma"))
    }
    for image in (began, floor):
        image.unlink()
    return Figure(
        f"medium to first screen ({firmware})",
        seconds["screens"],
        "s",
        "at most 1.3 times the first user process",
        seconds["floor"],
        "the same ISO booted to its first user process",
    )


def _until(iso: Path, folder: Path, firmware: Firmware, pattern: str, emulator: Path) -> float:
    disk = Disk(create_disk(folder / "disk.qcow2", "32G"), "BENCH")
    config = MachineConfig(firmware=firmware, medium=Medium(iso), disks=(disk,), program=str(emulator))
    with VirtualMachine(config, folder / "machine", name=folder.name) as machine:
        machine.serial.expect(pattern, within=FIRST_WITHIN)
        return time.monotonic() - machine.started
