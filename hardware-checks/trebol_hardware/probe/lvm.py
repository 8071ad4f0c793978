"""Volume groups by physical volume, and the Ceph OSDs whose volumes lie on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trebol_common.run import CommandFailed, Runner
from trebol_hardware.lvm_report import pvs
from trebol_hardware.machine import BLUESTORE, Content

COMMAND = pvs("pv_uuid", "vg_name", "vg_uuid", "lv_name", "lv_tags")


@dataclass(frozen=True)
class Osd:
    """A part of an OSD in a logical volume, by the tags that ceph-volume(8) gave it."""

    volume: str
    content: Content


@dataclass(frozen=True)
class Member:
    """What a physical volume belongs to: a volume group, its UUID, and the OSDs that have a piece of it."""

    group: str
    uuid: str = ""
    osds: tuple[Osd, ...] = ()


def volume_groups(runner: Runner, *, only: Sequence[str] = ()) -> Mapping[str, Member]:
    """By UUID of the physical volume; none where LVM's tools are missing or fail: then it stays unknown.

    With `only`, no device but these is read; else all are.
    """
    try:
        return parse(runner.run([*COMMAND, *(("--devices", ",".join(only)) if only else ())]).stdout)
    except CommandFailed:
        return {}


def parse(text: str) -> dict[str, Member]:
    """From `pvs --segments --reportformat json`; physical volumes of no group are left out, as is what is no such
    report."""
    found: dict[str, Member] = {}
    try:
        rows = [
            row for report in json.loads(text)["report"] for row in report["pvseg" if "pvseg" in report else "pv"]
        ]
        for row in rows:
            if not row["vg_name"]:
                continue
            uuid = str(row["pv_uuid"])
            osds = found[uuid].osds if uuid in found else ()
            osd = _osd(row)
            osds = (*osds, osd) if osd is not None and osd not in osds else osds
            found[uuid] = Member(str(row["vg_name"]), str(row.get("vg_uuid") or ""), osds)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return found


def _osd(row: Mapping[str, Any]) -> Osd | None:
    """The OSD of a row. Only these tags: another one is the key to its encryption."""
    pairs = (tag.partition("=") for tag in str(row.get("lv_tags") or "").split(","))
    tags = {key.removeprefix("ceph."): value for key, _equals, value in pairs if key.startswith("ceph.")}
    if not tags.get("osd_id"):
        return None
    part = tags.get("type", "")
    content = Content(
        BLUESTORE,
        label="" if part == "block" else part,
        uuid=tags.get("osd_fsid", ""),
        member_of=f"osd.{tags['osd_id']}",
        group_uuid=tags.get("cluster_fsid", ""),
    )
    return Osd(str(row.get("lv_name") or ""), content)
