"""Values of the node's API as people read them on a terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trebol_common.errors import printable
from trebol_common.i18n import _
from trebol_node.table import to_text


def network(interfaces: Sequence[Mapping[str, Any]], changes: str, trial: Mapping[str, Any] | None) -> str:
    """Interfaces, and what is to be of them."""
    rows = [
        {
            _("Interface"): each["iface"],
            _("Type"): each["type"],
            _("Up"): _("yes") if each.get("active") else _("no"),
            _("Address"): ", ".join(_addresses(each)) or "-",
            _("Gateway"): ", ".join(each[key] for key in ("gateway", "gateway6") if key in each) or "-",
            _("On"): each.get("bridge_ports") or each.get("slaves") or each.get("vlan-raw-device") or "-",
            "MTU": each.get("mtu", "-"),
        }
        for each in interfaces
    ]
    parts = [to_text(rows)]
    if trial is not None:
        parts.append(_("A change is tried: confirm it, or it is undone (trebol node network confirm)."))
    elif changes:
        parts.append(_("Not applied yet (trebol node network apply):") + "\n" + printable(changes.rstrip("\n")))
    return "\n\n".join(parts)


def _addresses(interface: Mapping[str, Any]) -> list[str]:
    """What it is to have, or for DHCP what it has."""
    fixed = [interface[key] for key in ("cidr", "cidr6") if key in interface]
    if interface["method"] == "dhcp":
        return [f"{each} (DHCP)" for each in interface.get("live-addresses", ())] or ["DHCP"]
    return fixed


def services(found: Sequence[Mapping[str, str]]) -> str:
    """Services and how they are."""
    rows = [
        {
            _("Service"): each["service"],
            _("State"): f"{each['active-state']} ({each['state']})",
            _("At boot"): each["unit-state"],
            _("Description"): each["desc"],
        }
        for each in found
        if each["unit-state"] != "not-found"
    ]
    return to_text(rows)


def tasks(found: Sequence[Mapping[str, Any]]) -> str:
    """Tasks, the newest first."""
    if not found:
        return _("no tasks")
    rows = [
        {
            _("Begun"): moment(each["starttime"]),
            _("Took"): f"{each['endtime'] - each['starttime']} s" if "endtime" in each else "-",
            _("Asked by"): each["user"],
            _("Task"): f"{each['type']} {each['id']}".rstrip(),
            _("Status"): each.get("status", _("running")),
            "UPID": each["upid"],
        }
        for each in found
    ]
    return to_text(rows)


def time(value: Mapping[str, Any]) -> str:
    """The node's clock: the time there, its zone; servers that it was given to follow."""
    local = datetime.fromtimestamp(value["localtime"], UTC)
    lines = [f"{local:%Y-%m-%d %H:%M:%S} {value['timezone']}"]
    if value.get("servers"):
        lines.append(f"{_('Time servers')}: {', '.join(value['servers'])}")
    return printable("\n".join(lines))


def updates(found: Sequence[Mapping[str, Any]]) -> str:
    """Packages that could be brought up to date."""
    if not found:
        return _("All is up to date, by what the node knows of the mirrors.")
    rows = [
        {
            _("Package"): each["Package"],
            _("Version"): each.get("OldVersion", "-"),
            _("New"): each["Version"],
            _("From"): each["Origin"] or "-",
        }
        for each in found
    ]
    return to_text(rows)


def moment(seconds: int) -> str:
    """A moment as the clock of whoever reads it shows it."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"
