"""Sizes, speeds and times: reading what people type, and showing it.

Disks are sold in decimal units (1 TB = 10^12 bytes), memory in binary ones whose label says GB (JEDEC JESD100B.01),
so the two are read by two functions. Sizes are bytes, speeds bit/s, times seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trebol_common.errors import BadInput

TB = 10**12
GIB = 2**30
GBIT = 10**9

_DECIMAL = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_BINARY = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
#: What stands on a memory module as GB is 2^30 bytes.
_MEMORY = {"MB": 2**20, "GB": 2**30, "TB": 2**40, **_BINARY}

_SPEEDS = dict.fromkeys(("", "G", "Gbit", "Gbit/s"), GBIT) | dict.fromkeys(("M", "Mbit", "Mbit/s"), 10**6)

_QUANTITY = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,6})?) ?(?P<unit>[A-Za-z/]*)")
_COUNTED = re.compile(r"(?:(?P<count>[0-9]{1,4}) ?[x×] ?)?(?P<rest>.+)")


def read_disk_size(text: str, *, where: str) -> int:
    """Bytes from "4TB" (decimal) or "3.6TiB". Raises BadInput naming `where`."""
    return _read(text, {**_DECIMAL, **_BINARY}, where=where, example="4TB, 960GB, 3.6TiB")


def read_memory_size(text: str, *, where: str) -> int:
    """Bytes from "64GB" as on a module's label (2^30 each) or "64GiB". Raises BadInput naming `where`."""
    return _read(text, _MEMORY, where=where, example="64GB, 1TiB")


def read_speed(text: str, *, where: str) -> int:
    """bit/s from "10G", "10Gbit/s" or "100M"; a bare number is Gbit/s. Raises BadInput naming `where`."""
    return _read(text, _SPEEDS, where=where, example="10G, 1Gbit/s")


def read_counted(text: str, *, where: str) -> list[tuple[int, str]]:
    """("4", "4TB"), ("2", "1TB") of "4x4TB,2x1TB": how many of what. Raises BadInput naming `where`."""
    found = []
    for item in text.split(","):
        match = _COUNTED.fullmatch(item.strip())
        if match is None or match["count"] == "0":
            raise BadInput(f"{item!r} is not a number of something", where=where, hint="for instance 4x4TB")
        found.append((int(match["count"] or 1), match["rest"]))
    return found


def _read(text: str, units: Mapping[str, int], *, where: str, example: str) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match["unit"] not in units:
        raise BadInput(f"{text!r} is not understood", where=where, hint=f"for instance {example}")
    amount = round(float(match["number"]) * units[match["unit"]])
    if amount == 0:
        raise BadInput(f"{text!r} is nothing", where=where, hint=f"for instance {example}")
    return amount


def show_disk_size(size: int) -> str:
    """Both ways that people count: `16.00 TB (14.55 TiB)`, `80.00 GB (74.51 GiB)`."""
    for (decimal, large), (binary, large_binary) in zip(
        reversed(_DECIMAL.items()), reversed(_BINARY.items()), strict=True
    ):
        if abs(size) >= large:
            return f"{size / large:.2f} {decimal} ({size / large_binary:.2f} {binary})"
    return f"{size / 10**6:.2f} MB ({size / 2**20:.2f} MiB)"


def show_memory_size(size: int) -> str:
    """`29.0 GiB`; below zero for what is missing."""
    return f"{size / GIB:.1f} GiB"


def show_speed(speed: int) -> str:
    """`10 Gbit/s`, `2.5 Gbit/s`, `100 Mbit/s`."""
    return f"{speed / GBIT:g} Gbit/s" if speed >= GBIT else f"{speed / 10**6:g} Mbit/s"


def show_time(seconds: float) -> str:
    """`18 min`, `3 h`, `9 h 30 min`, `2 d 4 h`: two units at most."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    words = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return " ".join(words[:2])
