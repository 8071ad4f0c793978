"""A node's name in pacemaker's configuration (the CIB). Pure, but for having pacemaker take it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from trebol_common.errors import TrebolError
from trebol_common.run import Runner
from trebol_node.fencing.pacemaker import patch


def rename(runner: Runner, old: str, new: str) -> None:
    """Have pacemaker know `new` by what it knew `old` by: attributes and constraints stay. `old` is off.

    Raises TrebolError, CommandFailed.
    """
    patch(runner, lambda text: renamed(text, old, new))
    kept = node_of(runner.run(["cibadmin", "--query"]).stdout, new)
    # What it remembers besides: of two names with one number it would take either. By the number it takes the node's
    # entry with all its attributes too, by whatever name.
    runner.run(["crm_node", "--force", "--remove", old])
    if kept is not None:
        patch(runner, lambda text: with_node(text, kept))


def node_of(text: str, name: str) -> str | None:
    """The entry of a node, with its attributes, as XML; None where there is none. Raises TrebolError."""
    found = _parsed(text).find(f"configuration/nodes/node[@uname='{name}']")
    return None if found is None else ElementTree.tostring(found, encoding="unicode")


def with_node(text: str, entry: str) -> str:
    """The CIB with that entry of a node; the same text where it has one of its number. Raises TrebolError."""
    root, made = _parsed(text), ElementTree.fromstring(entry)
    nodes = root.find("configuration/nodes")
    if nodes is None or any(each.get("id") == made.get("id") for each in nodes):
        return text
    nodes.append(made)
    return ElementTree.tostring(root, encoding="unicode")


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
