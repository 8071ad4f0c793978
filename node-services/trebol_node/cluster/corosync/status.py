"""What corosync says of itself on this node: who is there, over which links, and whether they have quorum."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trebol_common.errors import TrebolError
from trebol_common.run import CommandFailed, Runner

#: cmap_keys(7). `runtime.members` lists whoever was there since corosync's start.
PREFIXES = ("totem.cluster_name", "totem.config_version", "nodelist.", "runtime.members.", "runtime.votequorum.")
MAP = ("corosync-cmapctl", *PREFIXES)
STATISTICS = ("corosync-cmapctl", "-m", "stats")
#: Quorum and ring are not in the map. -p: without figures in the terminal's width; -i: of sixteen nodes, looking up
#: their names takes longer than all the rest.
QUORUM = ("corosync-quorumtool", "-s", "-p", "-i")

#: Its exit status where all is well but quorum (corosync-quorumtool(8)).
_NOT_QUORATE = 2

_ENTRY = re.compile(r"(\S+) \(\w+\) = (.*)")
_FIGURE = re.compile(r"([A-Z][\w ]*):\s+(\S.*?)\s*")
_RING = re.compile(r"nodelist\.node\.(\d+)\.ring(\d+)_addr")


class NotRunning(TrebolError):
    """Corosync does not answer on this node."""


@dataclass(frozen=True)
class Member:
    """A node of the configuration that corosync has loaded, as this node sees it.

    `links` is number → whether packets come and go on it; empty for this node itself (`local`), which has none to it.
    `version` is that of the configuration that it has; None where it was not seen since corosync's start.
    """

    id: int
    name: str
    votes: int
    local: bool
    joined: bool
    links: Mapping[int, bool]
    version: int | None


@dataclass(frozen=True)
class Membership:
    """The cluster at one moment, as one node sees it; `members` in the order of their numbers.

    `version` is that of the configuration loaded here. `needed` is how many votes make quorum, `votes` how many are
    there. `ring` is the membership's id, NODE.SEQUENCE: nodes that see each other have the same one. `waits`: quorum
    is held back until all nodes were there once (votequorum(5), wait_for_all). `device_votes` is what the quorum
    device gives to this side; None where no device has registered.
    """

    cluster: str
    version: int
    ring: str
    quorate: bool
    waits: bool
    expected_votes: int
    votes: int
    needed: int
    device_votes: int | None
    members: tuple[Member, ...]

    @property
    def local(self) -> Member:
        """This node."""
        return next(member for member in self.members if member.local)


def read(runner: Runner) -> Membership:
    """Ask corosync. Raises NotRunning where it does not answer, or says what cannot be understood."""
    entries = _entries(_ask(runner, MAP))
    try:
        this = int(entries["runtime.votequorum.this_node_id"])
        peers = [id for id in _positions(entries) if id != this]
        keys = [_connected(id, link) for id in peers for link in _links(entries, id)]
        statistics = _entries(_ask(runner, (*STATISTICS, *keys))) if keys else {}
        return _membership(entries, statistics, _figures(_ask(runner, QUORUM, _NOT_QUORATE)), this)
    except (KeyError, ValueError) as error:
        # It is about to start or to end: its services come and go one after the other.
        raise NotRunning(f"corosync does not say all of itself yet: {error!r}", where="corosync") from error


def _ask(runner: Runner, command: tuple[str, ...], *fine: int) -> str:
    try:
        answer = runner.run(command, check=False)
    except CommandFailed as error:
        raise NotRunning("is not installed", where="corosync", hint="apt install corosync") from error
    # cmapctl's 1 without a word: there are no such keys.
    if answer.status in (0, *fine) or not answer.stderr.strip():
        return answer.stdout
    words = answer.stderr.strip().splitlines()[0]
    raise NotRunning(f"does not answer: {words}", where="corosync", hint="see: systemctl status corosync")


def _entries(text: str) -> dict[str, str]:
    return {found[1]: found[2] for line in text.splitlines() if (found := _ENTRY.fullmatch(line))}


def _figures(text: str) -> dict[str, str]:
    """The lines before the table; `Quorum` may be followed by "Activity blocked"."""
    return {found[1]: found[2] for line in text.splitlines() if (found := _FIGURE.fullmatch(line))}


def _positions(entries: Mapping[str, str]) -> dict[int, int]:
    """Number of node → its place in corosync's list, in the order of the numbers."""
    found: dict[int, int] = {}
    for key, value in entries.items():
        match key.split("."):
            case ["nodelist", "node", place, "nodeid"]:
                found[int(value)] = int(place)
    return dict(sorted(found.items()))


def _links(entries: Mapping[str, str], id: int) -> list[int]:
    place = str(_positions(entries)[id])
    rings = (found for key in entries if (found := _RING.fullmatch(key)))
    return sorted(int(found[2]) for found in rings if found[1] == place)


def _connected(id: int, link: int) -> str:
    return f"stats.knet.node{id}.link{link}.connected"


def _membership(
    entries: Mapping[str, str], statistics: Mapping[str, str], figures: Mapping[str, str], this: int
) -> Membership:
    members = tuple(_members(entries, statistics, this))
    votes = int(figures["Total votes"])
    # The table of nodes says more of a device; this is what follows from the figures.
    given = votes - sum(member.votes for member in members if member.joined)
    return Membership(
        cluster=entries["totem.cluster_name"],
        version=int(entries.get("totem.config_version", "0")),
        ring=figures["Ring ID"],
        quorate=figures["Quorate"] == "Yes",
        waits=entries.get("runtime.votequorum.wait_for_all_status") == "1",
        expected_votes=int(figures["Expected votes"]),
        votes=votes,
        needed=int(figures["Quorum"].split()[0]),
        device_votes=given if "Qdevice" in figures.get("Flags", "").split() else None,
        members=members,
    )


def _members(entries: Mapping[str, str], statistics: Mapping[str, str], this: int) -> Iterator[Member]:
    for id, place in _positions(entries).items():
        node, seen = f"nodelist.node.{place}", f"runtime.members.{id}"
        version = entries.get(f"{seen}.config_version")
        links = (
            {} if id == this else {link: statistics.get(_connected(id, link)) == "1" for link in _links(entries, id)}
        )
        yield Member(
            id=id,
            name=entries.get(f"{node}.name", entries.get(f"{node}.ring0_addr", str(id))),
            votes=int(entries.get(f"{node}.quorum_votes", "1")),
            local=id == this,
            joined=entries.get(f"{seen}.status") == "joined",
            links=links,
            version=None if version is None else int(version),
        )
