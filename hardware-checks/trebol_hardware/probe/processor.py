"""CPUs and memory, from /proc."""

from __future__ import annotations

import re
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_hardware.machine import Processor
from trebol_hardware.probe.sysfs import count, names, read_text, to_count

VULNERABILITIES = "sys/devices/system/cpu/vulnerabilities"


def read(root: Path) -> Processor:
    """The CPUs of /proc/cpuinfo. Where it has no topology, each thread counts as a core of one socket.

    Where it lists none at all, there are 0 of everything.
    """
    blocks = [_members(block) for block in read_text(root / "proc/cpuinfo").split("\n\n")]
    blocks = [block for block in blocks if "processor" in block]
    first = blocks[0] if blocks else {}
    sockets = {block["physical id"] for block in blocks if "physical id" in block}
    cores = {(block.get("physical id", ""), block["core id"]) for block in blocks if "core id" in block}
    return Processor(
        vendor=first.get("vendor_id", ""),
        model=first.get("model name", ""),
        sockets=len(sockets) or min(1, len(blocks)),
        cores=len(cores) or len(blocks),
        threads=len(blocks),
        flags=tuple(first.get("flags", "").split()),
        family=to_count(first.get("cpu family", "")),
        model_number=to_count(first.get("model", "")),
        stepping=to_count(first.get("stepping", "")),
        microcode=first.get("microcode", ""),
        vulnerabilities={name: read_text(root / VULNERABILITIES / name) for name in names(root / VULNERABILITIES)},
    )


def memory(root: Path) -> int:
    """MemTotal in bytes: what the kernel can use; 0 where it does not say."""
    match = re.search(r"^MemTotal:\s+(\d+) kB$", read_text(root / "proc/meminfo"), re.MULTILINE)
    return kibibytes(match[1]) if match else 0


def kibibytes(text: str) -> int:
    """The bytes in so many kB, as the kernel writes them; 0 of what no machine can have."""
    return count((to_count(text) or 0) * 1024) or 0


def demand(root: Path, processor: Processor, memory: int) -> None:
    """Raise TrebolError unless /proc told of processors and memory: nothing can be planned without."""
    if not processor.threads:
        raise TrebolError(_("lists no processor"), where=str(root / "proc/cpuinfo"), hint=_("is /proc mounted?"))
    if not memory:
        raise TrebolError(_("does not say MemTotal"), where=str(root / "proc/meminfo"), hint=_("is /proc mounted?"))


def _members(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _colon, value in pairs}
