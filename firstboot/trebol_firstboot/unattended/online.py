"""Waiting for a network that reaches further than this link: network-online.target does not wait for all of it.

Netplan lets that target be reached with a link-local address, and where a router announces itself, with IPv6 alone,
while DHCP is still asking. networkd's own program knows when an address of a family is there, and waits for events.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_firstboot.unattended.log import Log
from trebol_node.system.netplan import NetworkFiles, merged

FOLDER = "etc/netplan"
PROGRAM = "/usr/lib/systemd/systemd-networkd-wait-online"
#: Seconds; afterwards what is due is done all the same: it may need no network.
PATIENCE = 90


def wait(root: Path, runner: Runner, log: Log) -> None:
    """Return once an address is there that routers forward, or after PATIENCE."""
    if runner.run(command(_read(root)), check=False, on_line=log.add).status != 0:
        log.tell(_("no address that routers forward after {seconds} s: going on").format(seconds=PATIENCE))


def command(files: Mapping[str, str]) -> list[str]:
    """What waits for such an address, of IPv4 wherever netplan's `files` (name → text) ask for one."""
    families = _families(files)
    family = ["--ipv4"] if 4 in families else ["--ipv6"] if 6 in families else []
    return [PROGRAM, "--any", *family, "--operational-state=routable", f"--timeout={PATIENCE}"]


def _read(root: Path) -> dict[str, str]:
    with suppress(OSError):
        return {path.name: path.read_text("utf-8", "replace") for path in (root / FOLDER).glob("*.yaml")}
    return {}


def _families(files: Mapping[str, str]) -> set[int]:
    """Which are asked for; none where that cannot be told."""
    with suppress(BadInput, ValueError):
        plan = merged(NetworkFiles(others=files))
        interfaces = [members for table in plan.kinds.values() for members in table.values()]
        return {family for members in interfaces for family in _families_of(members)}
    return set()


def _families_of(members: Mapping[str, Any]) -> set[int]:
    addresses = {ipaddress.ip_interface(_text(each)).version for each in members.get("addresses") or ()}
    return addresses | {family for family in (4, 6) if members.get(f"dhcp{family}")}


def _text(address: str | Mapping[str, Any]) -> str:
    """An address may be a table with its options: {"10.0.0.2/24": {"lifetime": 0}}."""
    return address if isinstance(address, str) else next(iter(address))
