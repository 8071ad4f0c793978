"""What a fence agent says of itself (`fence_x -o metadata`, XML after the OCF's), as values. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trebol_common.errors import BadInput


class Kind(StrEnum):
    """What a parameter's value is; `SECOND`: a number of seconds."""

    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    SECOND = "second"
    SELECT = "select"


@dataclass(frozen=True)
class Parameter:
    """One parameter of an agent. `choices` of a SELECT; `replaces`: the older names for it; `default` is empty where
    it has none."""

    name: str
    kind: Kind
    required: bool
    default: str
    description: str
    choices: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    @property
    def is_secret(self) -> bool:
        """Whether its value is shown to nobody: a password, a key of IPMI, a community of SNMP."""
        return self.name.endswith(("passwd", "password")) or self.name in ("hexadecimal_kg", "community")


@dataclass(frozen=True)
class Agent:
    """A program that fences: its parameters by their names of today, and the actions that it has."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    actions: frozenset[str]

    def parameter(self, name: str) -> Parameter | None:
        """The one of that name, be it an older one."""
        return next((each for each in self.parameters if name == each.name or name in each.replaces), None)


def parse(text: str, name: str) -> Agent:
    """From the XML that the agent `name` prints. Raises BadInput for what is none."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadInput(f"says of itself what is no XML: {error}", where=name) from error
    if root.tag != "resource-agent":
        raise BadInput("says of itself what is no description of an agent", where=name)
    found = list(root.iterfind("parameters/parameter"))
    older = {element.get("name", ""): element.get("obsoletes", "") for element in found}
    return Agent(
        name,
        root.get("shortdesc", ""),
        tuple(_parameters(found, older)),
        frozenset(action.get("name", "") for action in root.iterfind("actions/action")),
    )


def _parameters(found: list[ElementTree.Element], older: dict[str, str]) -> Iterator[Parameter]:
    """Without those that are only an older name of another."""
    replaced = set(older.values())
    for element in found:
        name = element.get("name", "")
        if name in replaced:
            continue
        content = element.find("content")
        assert content is not None or name, "each parameter has a content"
        kind = "string" if content is None else content.get("type", "string")
        yield Parameter(
            name,
            Kind(kind) if kind in set(Kind) else Kind.STRING,
            element.get("required") == "1",
            "" if content is None else content.get("default", ""),
            " ".join((element.findtext("shortdesc") or "").split()),
            () if content is None else tuple(each.get("value", "") for each in content.iterfind("option")),
            _all_before(name, older),
        )


def _all_before(name: str, older: dict[str, str]) -> tuple[str, ...]:
    """`password` obsoletes `passwd`, and that may obsolete another."""
    found: list[str] = []
    while (name := older.get(name, "")) and name not in found:
        found.append(name)
    return tuple(found)
