"""Clocks that agree, and stay so."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_hardware.checks.clock import DRIFT_ALLOWED
from trebol_node.cluster.preflight.facts import Facts
from trebol_node.cluster.preflight.finding import Says, Severity

#: µs. From here on etcd's peers complain of each other ("prober found high clock drift", rafthttp/probing_status.go),
#: and two nodes' logs are out of order. No clock that is kept is so far off: whatever set it is wrong, and goes on.
#: Below it, from DRIFT_ALLOWED on, Ceph's monitors complain; chrony slews that away.
OFFSET_BAD = 1_000_000


def offset(facts: Facts) -> Iterator[Says]:
    """Both directions measure the same two clocks: what the better one says, once for each two hosts."""
    best: dict[frozenset[str], tuple[int, int, str, str]] = {}
    for path in facts.paths:
        if path.offset is not None:
            ends = frozenset((path.way.source, path.way.target))
            known = (path.offset_error, path.offset, path.way.source, path.way.target)
            best[ends] = min(best.get(ends, known), known)
    for error, found, source, target in best.values():
        sure = abs(found) - error
        if sure < DRIFT_ALLOWED:
            continue
        ahead, behind = (target, source) if found > 0 else (source, target)
        yield Says(
            where=f"{source}, {target}",
            what=_("the clock of {ahead} is {seconds:.3f} s ahead of that of {behind} (± {error} ms)").format(
                ahead=ahead, behind=behind, seconds=abs(found) / 1e6, error=-(-error // 1000)
            ),
            hint=_("see which one is wrong, on both: chronyc tracking; set it: chronyc makestep"),
            hosts=(source, target),
            severity=Severity.ERROR if sure >= OFFSET_BAD else Severity.WARNING,
        )


def unsynchronised(facts: Facts) -> Iterator[Says]:
    """A clock that nothing keeps will be wrong, whatever it says now."""
    for host in facts.hosts:
        clock = host.clock
        if not clock.daemon:
            what = _("nothing keeps the clock")
        elif clock.synchronised is False:
            what = _("{daemon} runs, but the clock is not synchronised").format(daemon=clock.daemon)
        elif clock.offset is not None and clock.offset >= DRIFT_ALLOWED:
            what = _("the clock is {seconds:.3f} s off its time servers").format(seconds=clock.offset / 1e6)
        else:
            continue
        yield Says(
            where=host.name,
            what=what,
            hint=_("chronyc sources; chronyc tracking: without a time server that all reach, name one of the nodes"),
            hosts=(host.name,),
        )
