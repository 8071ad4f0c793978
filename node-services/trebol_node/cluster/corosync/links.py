"""One link of corosync's on all nodes: put there, changed, taken away; as a value of which versions follow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.corosync.configuration import Totem

#: Of a new link, where nobody says another.
PRIORITY = 1


@dataclass(frozen=True)
class LinkState:
    """What a link is: `addresses` by name of node, none of which: there is no such link; and its `priority`."""

    number: int
    addresses: Mapping[str, str] = field(default_factory=dict)
    priority: int = PRIORITY

    @classmethod
    def of(cls, totem: Totem, number: int) -> Self:
        """How it is now."""
        if number not in totem.links:
            return cls(number)
        found = {node.name: node.addresses[number] for node in totem.nodes}
        return cls(number, found, totem.links[number])

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Self:
        """From JSON values; `to_members` is its inverse."""
        return cls(int(members["number"]), dict(members["addresses"]), int(members["priority"]))

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {"number": self.number, "addresses": dict(self.addresses), "priority": self.priority}

    def changed(self, addresses: Mapping[str, str], priority: int | None) -> Self:
        """With these addresses in place of those nodes' own, and that priority where there is one."""
        wanted = self.priority if priority is None else priority
        return type(self)(self.number, {**self.addresses, **addresses}, wanted)


def put(totem: Totem, link: LinkState) -> Totem:
    """`totem` with the link as it is to be; itself where it is so. Nodes that have gone by now do not come back.

    Raises BadInput with all that is wrong with it, Refused for taking link 0 away.
    """
    number = link.number
    if not link.addresses:
        if number not in totem.links:
            return totem
        require_dispensable(number)
        given = {
            node.name: {other: address for other, address in node.addresses.items() if other != number}
            for node in totem.nodes
        }
        return totem.with_addresses(given)
    given = {
        node.name: {**node.addresses, number: link.addresses[node.name]}
        for node in totem.nodes
        if node.name in link.addresses
    }
    made = totem.with_addresses(given, {number: link.priority})
    same = made.nodes == totem.nodes and made.links == totem.links
    return totem if same else made


def require_dispensable(number: int) -> None:
    """Raises Refused for link 0."""
    if number == 0:
        raise Refused("corosync cannot do without link 0", where="link 0")


def require_there(totem: Totem, number: int) -> None:
    """Raises BadInput for a link that there is not."""
    if number not in totem.links:
        known = ", ".join(map(str, sorted(totem.links)))
        raise BadInput("there is no such link", where=f"link {number}", hint=f"there is {known}")
