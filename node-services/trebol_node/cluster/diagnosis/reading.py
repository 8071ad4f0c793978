"""Reading what is known of the cluster on this node, as root, from all sources at once. Changes nothing, and needs
neither quorum nor any daemon of ours."""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from trebol_common.errors import TrebolError
from trebol_common.network import API_PORT
from trebol_common.run import Runner
from trebol_hardware.probe import clock as clock_probe
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import PATH
from trebol_node.cluster.corosync.status import read as read_corosync
from trebol_node.cluster.diagnosis import crm_mon
from trebol_node.cluster.diagnosis.asking import WITHIN, Bounded, Silent, ask_all
from trebol_node.cluster.diagnosis.facts import Daemon, Facts, Source, Unit, Voter
from trebol_node.cluster.here import qdevice
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.preflight.facts import ClockFacts
from trebol_node.cluster.steps import disk
from trebol_node.cluster.voters.members import member_of
from trebol_node.pki import FOLDER
from trebol_node.pki.validity import end_of, endings
from trebol_node.store import reached
from trebol_node.store.answers import Failure
from trebol_node.store.configuration import Configuration, client_url
from trebol_node.store.copy import read_copy
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import COPY
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.store.records import MemoryRecords
from trebol_node.store.view import Entry

#: Units of a member: whether they run is asked of systemd. A node that does not vote has no store.
STORE = "trebol-store.service"
UNITS = ("trebold.service", "trebol-worker.service", "corosync.service", "pacemaker.service", STORE, qdevice.UNIT)
_SHOW = ("systemctl", "show", "--property=Id,LoadState,ActiveState,Result,ConditionResult", *UNITS)

_DAY = 86_400

#: etcd's word for a member that lives, and knows no leader.
_NO_LEADER = "etcdserver: no leader"

#: The records as the store has them; where it is silent, its voters tell.
_FRESH = "fresh"


def read(here: Here, *, now: Callable[[], float] = time.time, alone: bool = False) -> Facts:
    """All of it, within some two seconds; `alone`: of this node itself, and nothing that others are asked for."""
    runner = Bounded(here.runner)
    records, told = _records(here)
    asked: dict[Any, Callable[[], Any]] = {
        Source.UNITS: lambda: _units(here, runner),
        Source.CLOCK: lambda: _clock(here, runner, now),
        Source.CERTIFICATES: lambda: endings(datetime.fromtimestamp(now(), UTC), here.at(FOLDER)),
        Source.JOURNAL: lambda: disk.look(here.at(disk.FOLDER)),
    }
    if cluster.totem(records) is not None and not alone:
        asked |= _of_cluster(here, runner, records, now)
    answers = ask_all(asked)
    if not isinstance(fresh := answers.get(_FRESH), Silent | None):
        records = fresh
    known = {key: None if isinstance(answer, Silent) else answer for key, answer in answers.items()}
    silent = {key: answer.reason for key, answer in answers.items() if isinstance(answer, Silent)}
    return Facts(
        node=here.name,
        now=now(),
        records=records,
        membership=known.get(Source.COROSYNC),
        digest=_digest(here),
        pacemaker=known.get(Source.PACEMAKER),
        members=known.get(Source.MEMBERS),
        voters=_answered(answers, "voter", lambda node, reason: Voter(node, reason)),
        units=known[Source.UNITS],
        clock=known[Source.CLOCK],
        endings=known[Source.CERTIFICATES] or (),
        daemons=_answered(answers, "api", lambda node, reason: Daemon(node, reason)),
        journal=known[Source.JOURNAL],
        busy=disk.is_anybody_at_it(here.at(disk.FOLDER)),
        silent={**told, **{key: reason for key, reason in silent.items() if isinstance(key, Source)}},
    )


def _of_cluster(here: Here, runner: Runner, records: MemoryRecords, now: Callable[[], float]) -> dict[Any, Any]:
    """Questions: of sources by `Source`, of nodes by a word and their names."""
    tls = TlsSource(here.at(FOLDER))
    nodes = cluster.members(records)
    voters = {each.name: _url(here, each) for each in nodes if each.voter}
    asked: dict[Any, Callable[[], Any]] = {
        Source.COROSYNC: lambda: read_corosync(runner),
        Source.PACEMAKER: lambda: crm_mon.read(runner),
        Source.MEMBERS: lambda: _members(here, tls),
        _FRESH: lambda: _values(_store(here, tls).load()[0]),
    }
    for name, url in voters.items():
        asked["voter", name] = partial(_voter, name, url, tls)
    for each in nodes:
        if each.name != here.name:
            asked["api", each.name] = partial(_daemon, each, now)
    return asked


def _url(here: Here, member: cluster.Member) -> str:
    return Configuration(here.name).client_url if member.name == here.name else client_url(member.address)


def _answered(answers: Mapping[Any, Any], word: str, silent: Callable[[str, str], Any]) -> tuple[Any, ...]:
    """What nodes answered to a question of that word; `silent` makes an answer of none."""
    mine = {key[1]: answer for key, answer in answers.items() if isinstance(key, tuple) and key[0] == word}
    return tuple(
        silent(node, answer.reason) if isinstance(answer, Silent) else answer for node, answer in sorted(mine.items())
    )


def _records(here: Here) -> tuple[MemoryRecords, dict[Source, str]]:
    """The daemon's copy, which is there whatever becomes of the store, and some seconds behind it."""
    path = here.at(COPY)
    entries, _revision = read_copy(path)
    if not entries and here.is_there(reached.PATH):
        return MemoryRecords(), {Source.RECORDS: f"there is no copy of them that can be read: {COPY}"}
    return _values(entries), {}


def _values(entries: Sequence[Entry]) -> MemoryRecords:
    found = ((each.key, each.record()) for each in entries)
    return MemoryRecords({key: record.value for key, record in found if record is not None})


def _said(runner: Runner, command: Sequence[str]) -> str:
    """What a program says. Raises TrebolError with the program's own last words."""
    done = runner.run(command, check=False)
    if done.status:
        words = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise TrebolError(words[-1] if words else f"{command[0]}: status {done.status}")
    return done.stdout


def _digest(here: Here) -> str:
    path = here.at(PATH)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _units(here: Here, runner: Runner) -> tuple[Unit, ...]:
    """Those that are installed here, and whether they are to run."""
    found, member = [], here.is_there(reached.PATH)
    wanted = {
        **dict.fromkeys(UNITS, member),
        **dict.fromkeys(UNITS[:2], True),
        STORE: _has_store(here),
        qdevice.UNIT: here.is_there(qdevice.MARK),
    }
    for block in _said(runner, _SHOW).strip().split("\n\n"):
        told = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = told.get("Id", "")
        if told.get("LoadState") == "loaded":
            found.append(Unit(name, told.get("ActiveState", ""), told.get("Result", ""), wanted.get(name, False)))
    return tuple(found)


def _has_store(here: Here) -> bool:
    """A node that does not vote has no configuration of one."""
    from trebol_node.store.configuration import PATH as STORE_CONFIGURATION

    return here.is_there(STORE_CONFIGURATION)


def _clock(here: Here, runner: Runner, now: Callable[[], float]) -> ClockFacts:
    clock = clock_probe.with_answers(
        clock_probe.read(here.root, now),
        tracking=runner.run(clock_probe.TRACKING, check=False),
        sources=runner.run(clock_probe.SOURCES, check=False),
        synchronised=runner.run(clock_probe.SYNCHRONISED, check=False),
    )
    return ClockFacts(round(now() * 1e6), clock.daemon, clock.synchronised, clock.offset)


def _store(here: Here, tls: Callable[[], ssl.SSLContext]) -> Gateway:
    return Gateway(reached.read(here.at(reached.PATH)) or (Configuration(here.name).client_url,), tls)


def _members(here: Here, tls: Callable[[], ssl.SSLContext]) -> Any:
    told = _store(here, tls).call("cluster/member/list", {"linearizable": True})
    return tuple(member_of(each) for each in told.get("members", ()))


def _voter(node: str, url: str, tls: Callable[[], ssl.SSLContext]) -> Voter:
    try:
        told = Gateway(url, tls).call("maintenance/status", {})
    except Failure as error:
        if error.said == _NO_LEADER:
            return Voter(node)
        raise Unavailable(error.problems[0].what, where=node) from error
    return Voter(
        node,
        leader=int(told.get("leader", 0)),
        version=str(told.get("version", "")),
        size=int(told.get("dbSize", 0)),
        errors=tuple(map(str, told.get("errors", ()))),
    )


def _daemon(member: cluster.Member, now: Callable[[], float]) -> Daemon:
    """Whose certificate it is does not matter here: it is to be there, and not to end."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((member.address, API_PORT), timeout=WITHIN) as plain,
        context.wrap_socket(plain, server_hostname=member.name) as secure,
    ):
        shown = secure.getpeercert(binary_form=True) or b""
    end = end_of(ssl.DER_cert_to_PEM_cert(shown)).timestamp()
    return Daemon(member.name, days=int((end - now()) // _DAY))
