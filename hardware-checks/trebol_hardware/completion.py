"""What a shell completes of a machine's values: disks, codes of checks.

Of them, typer takes those that begin as the word does.
"""

from __future__ import annotations

from pathlib import Path

_BLOCK = Path("/sys/block")


def disks() -> list[str]:
    """Names of this machine's disks; volumes and loop devices have no device behind them."""
    return sorted(each.name for each in _BLOCK.iterdir() if (each / "device").exists())


def codes() -> list[str]:
    """Codes of the hardware checks."""
    from trebol_hardware.checks.registry import checks

    return [check.code for check in checks()]
