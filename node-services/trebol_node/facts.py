"""Reading a node's facts from the running system: /proc, /sys, `ip -json`, `systemctl --output=json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from trebol_common import FINDINGS, INSTALLED, __version__
from trebol_common.run import CommandFailed, Runner
from trebol_node.hardware import Hardware, gravest
from trebol_node.status import Facts, node_addresses

#: By which Debian's tools tell of it.
REBOOT = "run/reboot-required"

ADDRESSES = ("ip", "-json", "address", "show")
STATE = ("systemctl", "show", "--property=SystemState", "--property=NFailedUnits")
FAILED = ("systemctl", "list-units", "--state=failed", "--output=json", "--no-pager")


@dataclass(frozen=True)
class Manager:
    """What systemd says of itself: its state, empty where it does not run, and the names of the units that failed."""

    state: str
    failed: tuple[str, ...]


def read_manager(runner: Runner) -> Manager:
    """Ask systemd."""
    said = dict(line.split("=", 1) for line in _answer(runner, STATE).splitlines() if "=" in line)
    failed = _json(runner, FAILED) if said.get("NFailedUnits", "0") != "0" else []
    return Manager(said.get("SystemState", ""), tuple(sorted(unit["unit"] for unit in failed)))


def read(root: Path, runner: Runner, manager: Manager | None = None) -> Facts:
    """The facts of the system below `root`; `manager` where systemd was asked already. What cannot be told (no
    systemd, no ip) is empty, not an error."""
    memory = _meminfo(root)
    usage = os.statvfs(root)
    manager = manager or read_manager(runner)
    one, five, fifteen = (float(word) for word in _text(root / "proc/loadavg").split()[:3])
    return Facts(
        host=_text(root / "proc/sys/kernel/hostname"),
        version=__version__,
        kernel=_text(root / "proc/sys/kernel/osrelease"),
        uptime=float(_text(root / "proc/uptime").split()[0]),
        load=(one, five, fifteen),
        memory_total=memory["MemTotal"],
        memory_available=memory["MemAvailable"],
        root_total=usage.f_blocks * usage.f_frsize,
        root_free=usage.f_bfree * usage.f_frsize,
        state=manager.state,
        failed_units=manager.failed,
        installed=_marker(root / INSTALLED),
        links=tuple(_json(runner, ADDRESSES)),
        physical=_physical(root / "sys/class/net"),
        hardware=_hardware(root / FINDINGS),
        boot=boot_id(root),
        reboot_due=reboot_due(root),
    )


def boot_id(root: Path) -> str:
    """Another one after each boot."""
    return _text(root / "proc/sys/kernel/random/boot_id")


def reboot_due(root: Path) -> tuple[str, ...] | None:
    """Packages that count only after the next boot, as Debian's tools leave word of them; None where none is due."""
    if not (root / REBOOT).exists():
        return None
    listed = root / f"{REBOOT}.pkgs"
    return tuple(listed.read_text(encoding="utf-8").split()) if listed.exists() else ()


def addresses(root: Path, runner: Runner) -> tuple[str, ...]:
    """The addresses by which others reach the node, without prefix lengths, IPv4 first."""
    found = node_addresses(_json(runner, ADDRESSES), _physical(root / "sys/class/net"))
    return tuple(str(ip_interface(address).ip) for address in found)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _meminfo(root: Path) -> dict[str, int]:
    """Bytes by name; the file counts in KiB."""
    lines = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    return {name.rstrip(":"): int(number) * 1024 for name, number, *_ in lines}


def _answer(runner: Runner, command: tuple[str, ...]) -> str:
    """What a program says; nothing where it is not installed."""
    try:
        return runner.run(command, check=False).stdout
    except CommandFailed:
        return ""


def _json(runner: Runner, command: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        answer = json.loads(_answer(runner, command) or "[]")
    except json.JSONDecodeError:
        return []
    return answer if isinstance(answer, list) else []


def _marker(path: Path) -> Mapping[str, Any] | None:
    try:
        marker = json.loads(_text(path))
    except FileNotFoundError:
        return None
    except (OSError, json.JSONDecodeError) as error:
        return {"unreadable": str(error)}
    return marker if isinstance(marker, dict) else {"unreadable": "not a JSON object"}


def _hardware(path: Path) -> Hardware | None:
    try:
        return gravest(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _physical(folder: Path) -> frozenset[str]:
    if not folder.is_dir():
        return frozenset()
    return frozenset(path.name for path in folder.iterdir() if (path / "device").exists())
