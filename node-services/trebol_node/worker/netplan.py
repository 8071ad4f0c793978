"""netplan files as values: what is one, its secrets out and in again, which interface is the node's own. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import yaml

from trebol_common.errors import BadInput
from trebol_common.network import MANAGEMENT_BRIDGE

#: What stands for a secret where trebold may read it.
HIDDEN = "***"

#: netplan(5): of 802.1X, access points, modems, tunnels, WireGuard.
_SECRETS = frozenset({"password", "client-key-password", "key", "keys", "pin", "private", "shared"})

#: Of GRE tunnels these are numbers, and no secrets.
_NUMBERS = frozenset({"key", "keys"})

_HEADER = "# Written by Trebol.\n"

#: `# vmbr0: "for guests"`
_COMMENT = re.compile(r'# [^\s:]+: "[^"\\]*(?:\\.[^"\\]*)*"')

#: Brackets within brackets; netplan knows three. The time that PyYAML takes grows with their square.
_DEEPEST = 50

#: In the order in which one of them is taken for the node's own.
_KINDS = ("vlans", "bridges", "bonds", "ethernets")


def parse(text: str) -> dict[str, Any]:
    """The tree of a netplan file, `{"network": {…}}`. Raises BadInput; whether it means something, netplan says."""
    where = "netplan"
    depth = accumulate((character in "[{") - (character in "]}") for character in text)
    if max(depth, default=0) > _DEEPEST:
        raise BadInput("is not YAML: too deep", where=where)
    try:
        # One reference to another, and so on, is a gigabyte in a line.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise BadInput("references (*name) are not supported", where=where)
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"is not YAML: {_first_line(error)}", where=where) from None
    network = tree.get("network") if isinstance(tree, dict) else None
    if not isinstance(network, dict):
        raise BadInput("has no section 'network'", where=where)
    if network.get("renderer", "networkd") != "networkd":
        raise BadInput("has another renderer than networkd", where=where)
    return {"network": network}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def render(tree: Mapping[str, Any], *, like: str = "") -> str:
    """The file of a tree, with the comments on interfaces that the file `like` has (`trebol_node.system.netplan`)."""
    comments = "".join(f"{line}\n" for line in like.splitlines() if _COMMENT.fullmatch(line))
    return _HEADER + comments + yaml.safe_dump(dict(tree), sort_keys=False, default_flow_style=False)


def hide(value: Any) -> Any:
    """A tree with HIDDEN in place of its secrets."""
    match value:
        case dict():
            return {name: HIDDEN if _is_secret(name, inner) else hide(inner) for name, inner in value.items()}
        case list():
            return [hide(each) for each in value]
        case other:
            return other


def unhide(value: Any, before: Any) -> Any:
    """A tree with the secrets that `before` has where it says HIDDEN. Raises BadInput where that has none."""
    match value:
        case dict():
            known = before if isinstance(before, dict) else {}
            return {name: _unhidden(name, inner, known.get(name)) for name, inner in value.items()}
        case list():
            others = before if isinstance(before, list) else []
            return [
                unhide(each, others[index : index + 1][0] if index < len(others) else None)
                for index, each in enumerate(value)
            ]
        case other:
            return other


def _unhidden(name: str, value: Any, before: Any) -> Any:
    if not _is_secret(name, value) or value != HIDDEN:
        return unhide(value, before)
    if not _is_secret(name, before):
        raise BadInput(f"{name}: the secret behind {HIDDEN} is not known", where="netplan")
    return before


def _is_secret(name: str, value: Any) -> bool:
    """Whether `value` is one: YAML reads a password of digits as a number."""
    if name not in _SECRETS or value is None or isinstance(value, dict | list):
        return False
    return isinstance(value, str) or name not in _NUMBERS


def own_interface(tree: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and name of the interface that has the node's own address ("bridges", "vmbr0"); None without any.

    The one with a default route or DHCP; of several the first of VLANs, bridges, bonds, NICs, and there `vmbr0`.
    """
    for kind in _KINDS:
        members = tree["network"].get(kind)
        if not isinstance(members, dict):
            continue
        for name in sorted(members, key=lambda each: each != MANAGEMENT_BRIDGE):
            if _is_own(members[name]):
                return kind, name
    return None


def _is_own(settings: Any) -> bool:
    if not isinstance(settings, dict):
        return False
    routes = settings.get("routes")
    to = [route.get("to") for route in routes if isinstance(route, dict)] if isinstance(routes, list) else []
    return settings.get("dhcp4") is True or bool({"default", "0.0.0.0/0", "::/0"} & set(map(str, to)))


def with_dns(tree: Mapping[str, Any], servers: list[str], search: list[str]) -> dict[str, Any] | None:
    """The tree with these name servers on the node's own interface; None where it has none."""
    found = own_interface(tree)
    if found is None:
        return None
    kind, name = found
    network = tree["network"]
    settings = {key: value for key, value in network[kind][name].items() if key != "nameservers"}
    if given := {key: value for key, value in (("addresses", servers), ("search", search)) if value}:
        settings["nameservers"] = given
    if settings.get("dhcp4") is True:
        # With servers of its own, those of the DHCP server would be asked beside them.
        overrides = {key: value for key, value in settings.pop("dhcp4-overrides", {}).items() if key != "use-dns"}
        if overrides := {**overrides, **({"use-dns": False} if servers else {})}:
            settings["dhcp4-overrides"] = overrides
    return {"network": {**network, kind: {**network[kind], name: settings}}}
