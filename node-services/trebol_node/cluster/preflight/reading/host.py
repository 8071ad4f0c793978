"""All facts of this host."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trebol_common import __version__
from trebol_common.run import Completed, Runner
from trebol_hardware.probe import clock as clock_probe
from trebol_hardware.probe.programs import ask_all
from trebol_hardware.probe.sysfs import read_text
from trebol_node.cluster.preflight.facts import ClockFacts, HostFacts, Versions
from trebol_node.cluster.preflight.reading import contents, interfaces, listeners, names, packages

_ADDRESSES = "addresses"
_PACKAGES = "packages"
_TRACKING, _SOURCES, _SYNCHRONISED = "tracking", "sources", "synchronised"

_QUESTIONS: Mapping[str, Sequence[str]] = {
    _ADDRESSES: interfaces.ADDRESSES,
    _PACKAGES: packages.QUERY,
    _TRACKING: clock_probe.TRACKING,
    _SOURCES: clock_probe.SOURCES,
    _SYNCHRONISED: clock_probe.SYNCHRONISED,
}


def read(
    root: Path,
    runner: Runner,
    *,
    links: Sequence[str] = (),
    others: Sequence[str] = (),
    joining: bool = False,
    now: Callable[[], float] = time.time,
) -> HostFacts:
    """The facts of the system below `root`, within some eight seconds. `links` are the addresses that it has, or is
    to have, of corosync's links; `others` the names of the other nodes. `joining`: a join under way is the one that
    asks. What cannot be told is empty, not an error. Before a `Responder` starts: it has ports of corosync's too."""
    # As nodes are called: without a domain.
    name = read_text(root / "proc/sys/kernel/hostname").partition(".")[0]
    questions = {**_QUESTIONS, **{names.key(each): names.question(each) for each in dict.fromkeys((name, *others))}}
    answers = ask_all(runner, questions)
    return HostFacts(
        name=name,
        machine_id=read_text(root / "etc/machine-id"),
        clock=_clock(root, answers, now),
        links=tuple(links),
        versions=_versions(root, answers[_PACKAGES]),
        addresses=interfaces.addresses(answers[_ADDRESSES].stdout),
        interfaces=interfaces.read(root),
        names={each: names.addresses(answers[names.key(each)]) for each in dict.fromkeys((name, *others))},
        listeners=listeners.read(root),
        contents=contents.read(root, joining=joining),
    )


def _clock(root: Path, answers: Mapping[str, Completed], now: Callable[[], float]) -> ClockFacts:
    clock = clock_probe.with_answers(
        clock_probe.read(root, now),
        tracking=answers[_TRACKING],
        sources=answers[_SOURCES],
        synchronised=answers[_SYNCHRONISED],
    )
    return ClockFacts(round(now() * 1e6), clock.daemon, clock.synchronised, clock.offset)


def _versions(root: Path, told: Completed) -> Versions:
    found = packages.versions(told.stdout)
    return Versions(
        trebol=__version__,
        corosync=found.get("corosync", ""),
        pacemaker=found.get("pacemaker", ""),
        etcd=found.get("etcd-server", ""),
        ceph=found.get("ceph-common", ""),
        debian=read_text(root / "etc/debian_version"),
    )
