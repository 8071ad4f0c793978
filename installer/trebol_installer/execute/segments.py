"""Where the pieces of old logical volumes lie, by LVM's metadata: for volumes that nobody opened, nothing else tells.

volume    0 ──── 512 MiB ┬──────────────────── 12 GiB        two segments, each somewhere on a physical volume,
          │              └──────┐                            which is a disk or a partition; extents count from
device    pe_start ── gap ──────┴─────────────               its pe_start
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trebol_common.run import Argument
from trebol_hardware.lvm_report import pvs
from trebol_installer.execute.state import Run

#: Free pieces are told too. pvseg_* are in extents (lvm2, lib/report/columns.h).
COMMAND = pvs(
    *("pv_name", "pe_start", "vg_extent_size", "pvseg_start", "pvseg_size"),
    *("lv_name", "seg_start", "seg_size", "stripe_size"),
)


@dataclass(frozen=True)
class Segment:
    """A piece of a logical volume on one device; all in bytes.

    `start` and `length` are of the piece on `device` (the kernel's name); `volume_start` and `volume_length` of the
    segment in the volume, which is longer than the piece where it is striped over several, `stripe` on each in turn.
    """

    device: str
    start: int
    length: int
    volume_start: int
    volume_length: int
    stripe: int = 0

    def place(self, offset: int, length: int) -> tuple[int, int] | None:
        """Start and length of what holds `length` bytes at `offset` of the volume, from the start of the device.

        None where another segment has them. Of stripes that may be more than needed, and on each device: the order of
        devices is not known here.
        """
        inside = offset - self.volume_start
        if not 0 <= inside < self.volume_length:
            return None
        begin = self.start + inside * self.length // self.volume_length
        return max(begin - self.stripe, self.start), length + 2 * self.stripe


def segments(nodes: Sequence[Argument], run: Run) -> list[Segment]:
    """The pieces of logical volumes on these devices. No other device is read."""
    devices = ("--devices", ",".join(map(str, nodes)))
    # Unchecked: it fails where a group lacks a disk, which may have been wiped just before, and tells the rest.
    return parse(run.runner.run([*COMMAND, *devices], check=False, on_line=lambda line: None).stdout)


def parse(text: str) -> list[Segment]:
    """From what `COMMAND` prints; none from nothing. Free space is left out."""
    reports = json.loads(text or "{}").get("report", [])
    rows = [row for report in reports for row in report.get("pvseg", ())]
    return [_segment(row) for row in rows if row["lv_name"]]


def _segment(row: dict[str, str]) -> Segment:
    extent = int(row["vg_extent_size"])
    return Segment(
        device=Path(row["pv_name"]).resolve().name,
        start=int(row["pe_start"]) + int(row["pvseg_start"]) * extent,
        length=int(row["pvseg_size"]) * extent,
        volume_start=int(row["seg_start"]),
        volume_length=int(row["seg_size"]),
        stripe=int(row["stripe_size"]),
    )
