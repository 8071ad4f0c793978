"""Fence agents as Debian 13's fence-agents 4.16.0 describe themselves (`fence_x -o metadata`)."""

from __future__ import annotations

from pathlib import Path

from trebol_node.fencing.device import Device
from trebol_node.fencing.metadata import Agent, parse

FOLDER = Path(__file__).parent / "golden" / "fence"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.xml")))


def agent(name: str) -> Agent:
    """One of them."""
    return parse(text(name), name)


def text(name: str) -> str:
    """What it prints."""
    return (FOLDER / f"{name}.xml").read_text("utf-8")


def device(node: str = "n1", name: str = "ipmilan", level: int = 1, **options: str) -> Device:
    """A controller of a node, its password sealed."""
    return Device(node, name, "fence_ipmilan", level, {"ip": "192.0.2.61", **options}, {"password": "1:aa:bb"})


SCRIPT = """\
#!/bin/sh
# Stands in for an agent: describes itself as it does; knows one password, and a machine whose power is on.
[ "$1" = -o ] && exec cat '{description}'
given=$(cat)
case "$given" in
*password=Kleeblatt*) exit 0 ;;
*verbose=1*) echo 'RAKP 2 HMAC is invalid' >&2 ;;
esac
echo '2026-11-29 02:00:00,123 ERROR: Failed: Unable to obtain correct plug status' >&2
exit 1
"""


def install(folder: Path) -> Path:
    """Put stand-ins for all of them into `folder`, and one that fences nothing by itself; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*NAMES, "fence_kdump"):
        path = folder / name
        path.write_text(SCRIPT.format(description=FOLDER / f"{name}.xml"), "utf-8")
        path.chmod(0o755)
    return folder
