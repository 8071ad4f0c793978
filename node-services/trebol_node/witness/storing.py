"""The witness's member of the store: its etcd begins and ends as the store's own list of members says.

Nobody tells it: it asks the cluster's nodes, by its own certificate, as any voter may. What the list says is so.
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.voters.members import Member, Members
from trebol_node.cluster.witness.record import KEY, STORE_NAME
from trebol_node.pki import AUTHORITY, STORE
from trebol_node.store.configuration import Configuration, client_url, of_cluster, peer_url, render
from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import PREFIX, Gateway
from trebol_node.witness.places import PKI, Settings

UNIT = "trebol-witness-store.service"
CONFIGURATION = Path("/etc/trebol-witness/store.yaml")
DATA = Path("/var/lib/trebol-witness/store")
#: Which member the data are of: its id, in hexadecimal.
MARK = Path("/var/lib/trebol-witness/member")
#: There once etcd has begun, after which it asks nobody who the others are.
_BEGUN = DATA / "member" / "wal"

#: Seconds between two looks.
EVERY = 5.0

_NODES = "cluster/nodes/"

#: The first that keeps data as those of Trebol's nodes do.
_ETCD = (3, 5)


def is_possible(here: Here) -> bool:
    """Whether this machine's etcd can be a member beside those of Trebol's nodes: Debian 12's cannot."""
    told = here.runner.run(["dpkg-query", "--show", "--showformat=${Version}", "etcd-server"], check=False)
    found = re.match(r"(?:\d+:)?(\d+)\.(\d+)", told.stdout)
    return told.status == 0 and found is not None and (int(found[1]), int(found[2])) >= _ETCD


def tls(here: Here) -> ssl.SSLContext:
    """With which the store lets this machine in. Raises Unavailable."""
    folder = here.at(PKI)
    pair = STORE.pair(folder)
    try:
        context = ssl.create_default_context(cafile=AUTHORITY.pair(folder).certificate)
        context.load_cert_chain(pair.certificate, pair.key)
    except OSError as error:
        raise Unavailable(f"its certificates cannot be used: {error.strerror or error}", where=str(folder)) from error
    return context


@dataclass(frozen=True)
class Known:
    """What the store says: its members, the addresses of all nodes, and whether this machine is the witness still."""

    members: tuple[Member, ...]
    nodes: tuple[str, ...]
    wanted: bool


def ask(here: Here, settings: Settings) -> Known:
    """Ask the cluster's nodes. Raises Unavailable where there is no quorum that could say so."""
    hosts = [each.rpartition(":")[0].strip("[]") for each in settings.nodes]
    gateway = Gateway([client_url(each) for each in hosts], lambda: tls(here))
    try:
        members = Members(gateway, lambda: tls(here)).members()
        record = _values(gateway, KEY, KEY + "\0")
        nodes = _values(gateway, _NODES, _NODES[:-1] + "0")
    finally:
        gateway.close()
    found = tuple(str(each["address"]) for each in nodes if "address" in each)
    return Known(members, found, any(each.get("id") == settings.id for each in record))


def _values(gateway: Gateway, start: str, end: str) -> list[dict[str, object]]:
    asked = {"key": _coded(PREFIX + start), "range_end": _coded(PREFIX + end)}
    return [json.loads(b64decode(each["value"])) for each in gateway.call("kv/range", asked).get("kvs", ())]


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def with_nodes(settings: Settings, nodes: Sequence[str]) -> Settings:
    """The same, where the cluster's nodes are others by now; those that there were where none are told. Pure."""
    told = tuple(f"[{each}]:8006" if ":" in each else f"{each}:8006" for each in nodes)
    return replace(settings, nodes=told) if told else settings


def mine(settings: Settings, members: Sequence[Member]) -> Member | None:
    """This machine's member. Pure."""
    url = peer_url(settings.address)
    return next((each for each in members if url in each.peer_urls), None)


def configuration(settings: Settings, members: Sequence[Member]) -> Configuration:
    """Of etcd here, beside those members. Pure."""
    own = peer_url(settings.address)
    others = ((each.name or f"{each.id:x}", url) for each in members for url in each.peer_urls[:1] if url != own)
    return Configuration(
        STORE_NAME,
        data=DATA,
        client_url=client_url(settings.address),
        peer_url=own,
        token=of_cluster(STORE_NAME, {STORE_NAME: settings.address}).token,
        cluster=tuple(sorted((*others, (STORE_NAME, own)))),
        joins=True,
    )


def follow(here: Here, settings: Settings, members: Sequence[Member]) -> None:
    """Have etcd be what the list says: of this member, or nothing."""
    member = mine(settings, members)
    if member is None:
        abstain(here)
        return
    mark = here.at(MARK)
    if not mark.exists() or mark.read_text("ascii").strip() != f"{member.id:x}":
        abstain(here)
        write_text(mark, f"{member.id:x}\n")
    text, path = render(configuration(settings, members), pki=PKI), here.at(CONFIGURATION)
    verb = "start"
    if not here.is_there(_BEGUN) and (not path.exists() or path.read_text("utf-8") != text):
        # One that runs already waits for a list of members that is another by now.
        write_text(path, text)
        verb = "restart"
    here.switch("enable", UNIT)
    here.runner.run(["systemctl", verb, "--no-block", UNIT])


def abstain(here: Here) -> None:
    """Have no store: nothing of what the cluster's held stays here."""
    if here.is_there(CONFIGURATION) or here.is_there(MARK):
        here.stop(UNIT)
    shutil.rmtree(here.at(DATA), ignore_errors=True)
    for path in (CONFIGURATION, MARK):
        here.at(path).unlink(missing_ok=True)


def keep(here: Here, say: Callable[[str], None], *, turns: int | None = None) -> bool:
    """Follow the list, a number of `turns` or for ever; whether the cluster wants this witness no more, which ends
    it."""
    said = ""
    while turns is None or turns > 0:
        turns = None if turns is None else turns - 1
        settings = Settings.read(here.root)
        if settings is None or not settings.store:
            return False
        try:
            known = ask(here, settings)
            if not known.wanted:
                return True
            if (now := with_nodes(settings, known.nodes)) != settings:
                now.write(here.root)
            follow(here, settings, known.members)
            problem = ""
        except TrebolError as error:
            problem = str(error)
        if problem and problem != said:
            say(problem)
        said = problem
        here.pause(EVERY)
    return False


def await_vote(here: Here, settings: Settings, *, seconds: float) -> bool:
    """Whether it votes within so many seconds; `keep` has to run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        member = mine(settings, ask(here, settings).members)
        if member is not None and not member.learner:
            return True
        here.pause(1.0)
    return False
