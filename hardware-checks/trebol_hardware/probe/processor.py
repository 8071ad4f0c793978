"""CPUs and memory, from /proc."""

from __future__ import annotations

import re
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_hardware.machine import Processor
from trebol_hardware.probe.sysfs import read_text


def read(root: Path) -> Processor:
    """The CPUs of /proc/cpuinfo. Where it has no topology, each thread counts as a core of one socket."""
    blocks = [_members(block) for block in read_text(root / "proc/cpuinfo").split("\n\n") if "processor" in block]
    if not blocks:
        raise TrebolError("lists no processor", where=str(root / "proc/cpuinfo"), hint="is /proc mounted?")
    first = blocks[0]
    sockets = {block["physical id"] for block in blocks if "physical id" in block}
    cores = {(block["physical id"], block["core id"]) for block in blocks if "core id" in block}
    return Processor(
        vendor=first.get("vendor_id", ""),
        model=first.get("model name", ""),
        sockets=len(sockets) or 1,
        cores=len(cores) or len(blocks),
        threads=len(blocks),
        flags=tuple(first.get("flags", "").split()),
    )


def memory(root: Path) -> int:
    """MemTotal in bytes: what the kernel can use."""
    path = root / "proc/meminfo"
    match = re.search(r"^MemTotal:\s+(\d+) kB$", read_text(path), re.MULTILINE)
    if match is None:
        raise TrebolError("does not say MemTotal", where=str(path), hint="is /proc mounted?")
    return int(match[1]) * 1024


def _members(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
