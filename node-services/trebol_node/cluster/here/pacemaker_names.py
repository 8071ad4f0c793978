"""A node's name in pacemaker's configuration (the CIB). Pure, but for having pacemaker take it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from trebol_common.errors import TrebolError
from trebol_common.run import Runner
from trebol_node.fencing.pacemaker import patch


def rename(runner: Runner, old: str, new: str) -> None:
    """Have pacemaker know `new` by what it knew `old` by: constraints stay. `old` is off.

    The node's entry goes: pacemaker would take a listed node that it has not seen for unclean, and may have it
    fenced. Its attributes are the node's own to put back (`attributes`, `put_back`). Raises TrebolError,
    CommandFailed.
    """
    patch(runner, lambda text: renamed(text, old, new))
    # What it remembers besides: of two names with one number it would take either.
    runner.run(["crm_node", "--force", "--remove", old])


def attributes(runner: Runner, name: str) -> str:
    """The permanent attributes of a node, as the XML of its entry. Raises TrebolError, CommandFailed."""
    found = _entry(_parsed(runner.run(["cibadmin", "--query"]).stdout), name)
    return "<node/>" if found is None else ElementTree.tostring(found, encoding="unicode")


def put_back(runner: Runner, name: str, entry: str) -> None:
    """Give the node, which is online, what is left of its `attributes`. Raises TrebolError, CommandFailed."""
    patch(runner, lambda text: with_attributes(text, name, entry))


def with_attributes(text: str, name: str, entry: str) -> str:
    """The CIB with those attributes of a node that it lacks; the same text where it lacks none, or does not list the
    node. Raises TrebolError."""
    root = _parsed(text)
    there = _entry(root, name)
    missing = [] if there is None else [each for each in ElementTree.fromstring(entry) if _lacks(there, each)]
    if there is None or not missing:
        return text
    for each in missing:
        kept = there.find(f"{each.tag}[@id='{each.get('id')}']")
        if kept is None:
            there.append(each)
        else:
            known = {pair.get("name") for pair in kept.iterfind("nvpair")}
            kept.extend(pair for pair in each.iterfind("nvpair") if pair.get("name") not in known)
    return ElementTree.tostring(root, encoding="unicode")


def _entry(root: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return root.find(f"configuration/nodes/node[@uname='{name}']")


def _lacks(node: ElementTree.Element, group: ElementTree.Element) -> bool:
    """Whether an entry has not all pairs of a group (`instance_attributes`, `utilization`)."""
    names = {pair.get("name") for pair in node.iterfind(f"{group.tag}[@id='{group.get('id')}']/nvpair")}
    return any(pair.get("name") not in names for pair in group.iterfind("nvpair"))


def renamed(text: str, old: str, new: str) -> str:
    """The CIB with the node by its other name; the same text where it does not name it. Raises TrebolError."""
    root = _parsed(text)
    found = [(element, name) for element, name in _names(root) if element.get(name) == old]
    if not found:
        return text
    for element, name in found:
        element.set(name, new)
    return ElementTree.tostring(root, encoding="unicode")


def _parsed(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise TrebolError(f"is no XML: {error}", where="CIB") from error


def _names(root: ElementTree.Element) -> Iterator[tuple[ElementTree.Element, str]]:
    """Where a node's name may stand: in itself, in constraints, in their rules, and as whom a device fences.

    Fence devices of Trebol's own follow its records, by whose names they are called.
    """
    for element in (*root.iterfind("configuration/nodes/node"), *root.iterfind("status/node_state")):
        yield element, "uname"
    for element in root.iter("rsc_location"):
        yield element, "node"
    for element in root.iter("expression"):
        if element.get("attribute") == "#uname":
            yield element, "value"
    for element in root.iter("fencing-level"):
        yield element, "target"


def running(text: str, node: str) -> list[str]:
    """What runs on a node by crm_mon's XML, but fence devices, which are there to look. Raises TrebolError."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise TrebolError(f"crm_mon says what is no XML: {error}", where="pacemaker.service") from error
    return sorted(
        {
            str(each.get("id"))
            for each in root.iter("resource")
            if not str(each.get("resource_agent", "")).startswith("stonith:")
            and any(on.get("name") == node for on in each.iterfind("node"))
        }
    )
