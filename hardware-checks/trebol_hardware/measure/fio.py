"""fio(1): the one measurement, and reading its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trebol_common.errors import TrebolError
from trebol_common.i18n import _

#: Shares of writes whose latency is reported; fio names its percentiles with six digits.
PERCENTILES = ("50", "90", "99", "99.9", "99.99")


@dataclass(frozen=True)
class Writes:
    """What synchronous 4 KiB writes one after the other came to. Latencies in µs, `bandwidth` in bytes/s."""

    iops: float
    bandwidth: int
    writes: int
    seconds: float
    mean: float
    largest: float
    percentiles: Mapping[str, float]


def command(path: Path, *, size: int, seconds: int) -> list[str]:
    """Sequential 4 KiB writes into the first `size` bytes of a file or device, over and over, for so many seconds.

    As journals write: O_DIRECT past the page cache, O_DSYNC so that each write is on stable storage before the next
    starts, queue depth 1.
    """
    return [
        "fio",
        "--output-format=json",
        "--name=trebol-journal",
        # fio takes a colon for the end of a name.
        f"--filename={str(path).replace(':', chr(92) + ':')}",
        f"--size={size}",
        "--rw=write",
        "--bs=4k",
        "--ioengine=psync",
        "--iodepth=1",
        "--numjobs=1",
        "--direct=1",
        "--sync=dsync",
        # Write a file once before the clock runs: allocating blocks costs a write of the file system's journal each.
        "--overwrite=1",
        "--time_based",
        f"--runtime={seconds}",
        f"--percentile_list={':'.join(PERCENTILES)}",
    ]


def parse(text: str) -> Writes:
    """From fio's JSON, before which fio may print notes. Raises TrebolError where it has no result."""
    jobs = _report(text).get("jobs")
    if not isinstance(jobs, Sequence) or len(jobs) != 1:
        raise _damaged(_("its report has no job"))
    job = jobs[0]
    try:
        if job["error"]:
            raise _damaged(_("its job ended with error {number}").format(number=job["error"]))
        write = job["write"]
        latency = write["clat_ns"]
        if not write["total_ios"]:
            raise _damaged(_("nothing was written"))
        return Writes(
            iops=float(write["iops"]),
            bandwidth=int(write["bw_bytes"]),
            writes=int(write["total_ios"]),
            seconds=int(write["runtime"]) / 1000,
            mean=float(latency["mean"]) / 1000,
            largest=int(latency["max"]) / 1000,
            # Of its buckets fio gives the upper bound, which the largest of all may not reach.
            percentiles={
                share: min(int(latency["percentile"][f"{float(share):.6f}"]), int(latency["max"])) / 1000
                for share in PERCENTILES
            },
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(_("its report lacks {what}").format(what=error)) from error


def _report(text: str) -> Mapping[str, Any]:
    lines = text.splitlines(keepends=True)
    start = next((index for index, line in enumerate(lines) if line.startswith("{")), None)
    if start is None:
        raise _damaged(_("it reported nothing"))
    try:
        report, _end = json.JSONDecoder().raw_decode("".join(lines[start:]))
    except (ValueError, RecursionError) as error:
        raise _damaged(_("its report is not JSON: {error}").format(error=error)) from error
    return report if isinstance(report, Mapping) else {}


def _damaged(what: str) -> TrebolError:
    return TrebolError(what, where="fio", hint=_("run the measurement again; fio --version should be 3.26 or newer"))
