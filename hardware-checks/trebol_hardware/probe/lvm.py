"""Volume groups by physical volume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trebol_common.run import CommandFailed, Runner

#: --readonly takes no locks and writes nothing; a devices file of another system must not hide physical volumes.
COMMAND = (
    "pvs",
    "--readonly",
    "--config",
    "devices{use_devicesfile=0}",
    "--reportformat",
    "json",
    "--options",
    "pv_uuid,vg_name",
)


def volume_groups(runner: Runner, *, only: Sequence[str] = ()) -> Mapping[str, str]:
    """VG name by UUID of the physical volume; none where LVM's tools are missing or fail: then it stays unknown.

    With `only`, no device but these is read; else all are.
    """
    try:
        return parse(runner.run([*COMMAND, *(("--devices", ",".join(only)) if only else ())]).stdout)
    except CommandFailed:
        return {}


def parse(text: str) -> dict[str, str]:
    """From `pvs --reportformat json`; physical volumes of no group are left out, as is what is no such report."""
    try:
        return {
            str(volume["pv_uuid"]): str(volume["vg_name"])
            for report in json.loads(text)["report"]
            for volume in report["pv"]
            if volume["vg_name"]
        }
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
