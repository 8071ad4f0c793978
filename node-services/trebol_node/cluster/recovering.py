"""The commands that go on alone, in their order: nothing is done before the quorum is known to be lost, and somebody
has said yes to what is going to be done."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from trebol_common.errors import Refused, TrebolError
from trebol_common.i18n import _
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.recovery import Plan, force, plan, require_copy, require_no_quorum, restore_alone, settle
from trebol_node.cluster.voters.members import Members
from trebol_node.store.configuration import Configuration
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource

_COPY = Path("/run/trebol/recovery-records.json")

#: Seconds until the store of this node answers.
_WITHIN = 30.0


def recover(urls: Sequence[str], *, yes: bool, now: datetime) -> Iterator[str]:
    """`trebol node store recover`; `urls` are those of the voters. A line for each thing done."""
    here = Here()
    found = plan(here)
    require_no_quorum(urls, knows_leader)
    require_copy(here)
    yield from _confirmed(found, yes)
    yield from force(here, found, now=now)
    yield from _settled(here, found)


def restore_in_cluster(snapshot: Path, urls: Sequence[str], *, yes: bool, now: datetime) -> Iterator[str]:
    """`trebol node store restore` on a member of a cluster. Refused where the store has other voters that live."""
    here = Here()
    found = plan(here)
    voters = live_voters(Gateway(urls, TlsSource()))
    if len(voters) > 1:
        raise Refused(_("the store has other voters, which hold what it holds now"), where=", ".join(voters))
    if not voters:
        require_no_quorum(urls, knows_leader)
        yield from _confirmed(found, yes)
    yield from restore_alone(here, found, snapshot, now=now)
    yield from _settled(here, found)


def live_voters(gateway: Gateway) -> tuple[str, ...]:
    """Who votes, as the quorum has it; nobody where there is none."""
    try:
        with closing(gateway):
            return tuple(str(each) for each in Members(gateway).members() if not each.learner)
    except Unavailable:
        return ()


def knows_leader(url: str, tls: Callable[[], ssl.SSLContext] = TlsSource()) -> bool:
    """Whether the voter at `url` answers and knows a leader. Raises Unavailable where it cannot be asked: that would
    not say that it does not."""
    context = tls()
    try:
        with closing(Gateway(url, lambda: context)) as gateway:
            return str(gateway.call("maintenance/status", {}).get("leader", "0")) != "0"
    except Unavailable:
        return False


def _confirmed(found: Plan, yes: bool) -> Iterator[str]:
    yield from found.lines()
    if not yes:
        raise Refused(_("nothing was done"), where=found.node, hint=_("is that right? The same with --yes"))


def _settled(here: Here, found: Plan) -> Iterator[str]:
    records = EtcdRecords(Gateway(Configuration(found.node).client_url, TlsSource()), here.at(_COPY))
    records.start()
    try:
        if not records.wait(_WITHIN):
            raise TrebolError(records.problem, where=found.node, hint="journalctl -u trebol-store")
        yield from settle(here, found, records)
    finally:
        records.close()
        here.at(_COPY).unlink(missing_ok=True)
