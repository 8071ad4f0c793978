"""corosync.conf of a cluster as a value, rendered (corosync.conf.j2 beside this file), and what may be changed. Pure.

One value is one text, byte for byte, so that members can compare theirs by its SHA-256. Every change makes a new
value whose version is one higher: corosync ends on a node that starts with an older one (corosync.conf(5),
config_version).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trebol_common.errors import BadInput, Problem, Refused, raise_for
from trebol_node.cluster.corosync.rules import canonical, place, problems
from trebol_node.cluster.corosync.values import Algorithm, Cipher, Device, Hash, Node

if TYPE_CHECKING:
    import jinja2

_Value = TypeVar("_Value")

PATH = Path("/etc/corosync/corosync.conf")

#: Milliseconds (corosync.conf(5), token; its default since 3.1).
TOKEN = 3000

#: Milliseconds more for each node beyond the second. Corosync's 650 make 32 nodes wait 22 s for a dead one; 125 is
#: what Proxmox VE gives new clusters (pve-cluster, ClusterConfig.pm). in the file, so that no upgrade changes it.
COEFFICIENT = 125

#: Milliseconds between two pings of a link, for each eight nodes. A link is up after two of them; corosync's own 750,
#: which is the most here too, have a node that starts wait for a second and a half. Everybody pings everybody: with
#: as little time between them the pings of 32 nodes would be sixteen times those of eight.
PING, _PING_FOR, _PING_AT_MOST = 200, 8, 750


def ping_of(nodes: int) -> int:
    """Milliseconds between two pings of a link, in a cluster of so many nodes."""
    return min(PING * math.ceil(nodes / _PING_FOR), _PING_AT_MOST)


@dataclass(frozen=True)
class Totem:
    """What corosync.conf is rendered from: the record `cluster/corosync`. `checked` makes sure that it makes sense.

    `nodes` are in the order of their numbers. `links` is number → priority (0 to 255): of the links that work, the
    one of the highest carries everything (corosync.conf(5), link_mode passive); of equals that of the lowest number.
    `token`, `coefficient` and `ping` in milliseconds; without `ping`, of a cluster that is older than that, corosync
    has its own.
    """

    name: str
    nodes: tuple[Node, ...]
    links: Mapping[int, int] = field(default_factory=lambda: {0: 1})
    version: int = 1
    token: int = TOKEN
    coefficient: int = COEFFICIENT
    cipher: Cipher = Cipher.AES256
    hash: Hash = Hash.SHA256
    device: Device | None = None
    ping: int | None = None

    @classmethod
    def first(cls, name: str, node: str, addresses: Mapping[int, str]) -> Totem:
        """A cluster of one. Raises BadInput with all that is wrong."""
        made = Node(node, 1, _canonical(addresses))
        return checked(cls(name, (made,), dict.fromkeys(sorted(made.addresses), 1), ping=PING))

    @classmethod
    def of(cls, members: Mapping[str, Any], *, where: str = "cluster/corosync") -> Totem:
        """The value of the record `cluster/corosync`; `to_members` is its inverse. Raises BadInput."""
        try:
            device, ping = members.get("device"), members.get("ping")
            made = cls(
                name=str(members["name"]),
                nodes=tuple(
                    Node(str(node["name"]), int(node["id"]), _by_number(node["addresses"], str))
                    for node in members["nodes"]
                ),
                links=_by_number(members["links"], int),
                version=int(members["version"]),
                token=int(members["token"]),
                coefficient=int(members["coefficient"]),
                cipher=Cipher(members["cipher"]),
                hash=Hash(members["hash"]),
                device=device and Device(str(device["host"]), Algorithm(device["algorithm"])),
                ping=None if ping is None else int(ping),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"is no configuration of corosync: {error!r}", where=where) from error
        return checked(made)

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        device = self.device
        return {
            "name": self.name,
            "version": self.version,
            "nodes": [
                {
                    "name": node.name,
                    "id": node.id,
                    "addresses": {str(link): address for link, address in sorted(node.addresses.items())},
                }
                for node in self.nodes
            ],
            "links": {str(link): priority for link, priority in sorted(self.links.items())},
            "token": self.token,
            "coefficient": self.coefficient,
            "cipher": self.cipher.value,
            "hash": self.hash.value,
            "device": device and {"host": device.host, "algorithm": device.algorithm.value},
            "ping": self.ping,
        }

    def render(self) -> str:
        """The text of corosync.conf."""
        return _template().render(totem=self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.render().encode()).hexdigest()

    @property
    def device_votes(self) -> int:
        """Votes of the quorum device; 0 where there is none, or it waits."""
        return self.device.votes(len(self.nodes)) if self.device else 0

    @property
    def expected_votes(self) -> int:
        """Votes of all nodes and of the device, more than half of which make quorum."""
        return len(self.nodes) + self.device_votes

    @property
    def two_node(self) -> bool:
        """Whether each of two nodes goes on alone, and fencing decides which (votequorum(5), two_node)."""
        return len(self.nodes) == 2 and not self.device_votes

    @property
    def token_timeout(self) -> int:
        """Milliseconds until a node that says nothing is taken for dead (corosync.conf(5), token_coefficient)."""
        return self.token + max(0, len(self.nodes) - 2) * self.coefficient

    @property
    def next_id(self) -> int:
        """The smallest number that no node has."""
        taken = {node.id for node in self.nodes}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def has(self, name: str) -> bool:
        """Whether there is a member of that name."""
        return any(node.name == name for node in self.nodes)

    def node(self, name: str) -> Node:
        """A member by its name. Raises BadInput where there is none."""
        found = next((node for node in self.nodes if node.name == name), None)
        if found is None:
            names = ", ".join(node.name for node in self.nodes)
            raise BadInput("is no member of the cluster", where=place(name), hint=f"members: {names}")
        return found

    def with_node(self, name: str, addresses: Mapping[int, str], id: int | None = None) -> Totem:
        """One node more, with the smallest free number or `id`. Raises BadInput with all that is wrong."""
        made = Node(name, self.next_id if id is None else id, _canonical(addresses))
        ping = None if self.ping is None else max(self.ping, min(ping_of(len(self.nodes) + 1), self.token // 4))
        return self._changed(nodes=(*self.nodes, made), ping=ping)

    def without_node(self, name: str) -> Totem:
        """One node less. Raises BadInput where it is no member, Refused where it is the last."""
        gone = self.node(name)
        if len(self.nodes) == 1:
            raise Refused("is the last node of the cluster", where=place(name), hint="end the cluster instead")
        return self._changed(nodes=tuple(node for node in self.nodes if node != gone))

    def called(self, name: str) -> Totem:
        """The cluster gets another name, which none of corosync's packets bears. Raises BadInput."""
        return self._changed(name=name)

    def renamed(self, name: str, new: str) -> Totem:
        """A node gets another name; its number stays, by which corosync knows it. Raises BadInput."""
        old = self.node(name)
        return self._changed(nodes=tuple(replace(node, name=new) if node == old else node for node in self.nodes))

    def with_addresses(
        self, addresses: Mapping[str, Mapping[int, str]], priorities: Mapping[int, int] | None = None
    ) -> Totem:
        """The nodes named get all of these addresses in place of theirs; links come and go with them.

        A link is there for all nodes or for none: a new one needs an address of each. `priorities` are set on top of
        those that there are; a new link has 1. Corosync may not take it in one step: see `steps_to`. Raises BadInput
        with all that is wrong.
        """
        for name in addresses:
            self.node(name)
        nodes = tuple(
            replace(node, addresses=_canonical(addresses[node.name])) if node.name in addresses else node
            for node in self.nodes
        )
        there = {**dict.fromkeys(_links_of(nodes), 1), **self.links, **(priorities or {})}
        # One with a priority and without addresses is wrong only where somebody asks for it.
        asked = set(_links_of(nodes)) | set(priorities or {})
        return self._changed(nodes=nodes, links={link: there[link] for link in sorted(asked)})

    def with_device(self, host: str, algorithm: Algorithm = Algorithm.FFSPLIT, *, may_wait: bool = False) -> Totem:
        """With a quorum device, in place of the one before. Raises BadInput; Refused where it would have no vote:
        with `may_wait`, on a single node alone."""
        device = Device(canonical(host), algorithm)
        waits = may_wait and len(self.nodes) > 1
        if not device.votes(len(self.nodes)) and not waits:
            raise Refused.of([_without_vote(len(self.nodes))])
        return self._changed(device=device)

    def without_device(self) -> Totem:
        """Without quorum device. Raises BadInput where there is none."""
        if self.device is None:
            raise BadInput("there is no quorum device", where="device")
        return self._changed(device=None)

    def readdressed(self, other: Totem) -> frozenset[int]:
        """Links on which a node has another address in `other`: corosync refuses that while it runs."""
        before = {node.id: node.addresses for node in self.nodes}
        return frozenset(
            link
            for node in other.nodes
            for link, address in node.addresses.items()
            if address != before.get(node.id, {}).get(link, address)
        )

    def steps_to(self, other: Totem) -> tuple[Totem, ...]:
        """What a corosync that runs is to load, one after the other, to get from this value to `other`.

        "To reconfigure an interface it must be deleted and recreated" (its log): a link with another address goes
        first, and comes back in the second step, of a version of its own. Raises Refused for link 0, which it cannot
        be without.
        """
        links = self.readdressed(other)
        if not links:
            return (other,)
        if 0 in links:
            raise Refused(
                "corosync cannot change addresses on link 0 while it runs",
                where="link 0",
                hint="stop corosync on all nodes first",
            )
        nodes = tuple(replace(node, addresses=_without(node.addresses, links)) for node in other.nodes)
        first = replace(other, nodes=nodes, links=_without(other.links, links))
        return checked(first), replace(other, version=other.version + 1)

    def _changed(self, **changes: Any) -> Totem:
        return checked(replace(self, version=self.version + 1, **changes))


def checked(totem: Totem) -> Totem:
    """`totem` with its nodes in the order of their numbers. Raises BadInput with all that is wrong with it."""
    raise_for(problems(totem), BadInput)
    return replace(totem, nodes=tuple(sorted(totem.nodes, key=lambda node: node.id)))


def _without_vote(nodes: int) -> Problem:
    """Why a device has none among so many nodes."""
    if nodes == 1:
        return Problem("a single node has nobody to be parted from", where="device", hint="add a node first")
    return Problem(
        f"{nodes} nodes have no halves to decide between: with ffsplit a device does nothing for them",
        where="device",
        hint="add a node first; or take lms, with which all nodes are needed while the device is away",
    )


def _canonical(addresses: Mapping[int, str]) -> dict[int, str]:
    return {link: canonical(address) for link, address in sorted(addresses.items())}


def _links_of(nodes: Iterable[Node]) -> set[int]:
    return {link for node in nodes for link in node.addresses}


def _without(of_links: Mapping[int, _Value], links: Collection[int]) -> dict[int, _Value]:
    return {link: value for link, value in of_links.items() if link not in links}


def _by_number(members: Mapping[str, Any], kind: Callable[[Any], _Value]) -> dict[int, _Value]:
    return {int(number): kind(value) for number, value in members.items()}


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("corosync.conf.j2")
