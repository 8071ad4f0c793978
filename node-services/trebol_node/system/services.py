"""The services of a node that matter to those who run it, as systemd tells of them: those that the worker acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trebol_common.run import CommandFailed, Runner
from trebol_node.worker.services import SERVICES, unit

_PROPERTIES = ("Id", "Description", "LoadState", "ActiveState", "SubState", "UnitFileState")
COMMAND = ("systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--no-pager", "--")


def read_services(runner: Runner) -> list[dict[str, str]]:
    """Those of `SERVICES`; empty where systemd does not run."""
    try:
        answer = runner.run([*COMMAND, *map(unit, SERVICES)], check=False)
    except CommandFailed:
        return []
    return services(answer.stdout) if answer.status == 0 else []


def services(text: str) -> list[dict[str, str]]:
    """The value of GET /nodes/{node}/services from the answer of systemctl, whose blocks come in the order asked."""
    return [_service(name, properties) for name, properties in zip(SERVICES, _blocks(text), strict=False)]


def _blocks(text: str) -> Iterator[dict[str, str]]:
    for block in text.strip().split("\n\n"):
        yield dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _service(name: str, properties: Mapping[str, str]) -> dict[str, str]:
    missing = properties.get("LoadState") == "not-found"
    return {
        "active-state": properties.get("ActiveState", "unknown"),
        "desc": name if missing else properties.get("Description", name),
        "name": name,
        "service": name,
        "state": properties.get("SubState", "unknown"),
        "unit-state": "not-found" if missing else properties.get("UnitFileState", "") or "unknown",
    }
