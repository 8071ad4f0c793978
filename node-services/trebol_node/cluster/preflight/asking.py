"""A node that would join: it asks a member for a preflight, and measures along. It changes nothing, and does not use
its token up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from threading import Thread
from typing import Any, Protocol, TypeVar

from trebol_node.cluster.member import as_text
from trebol_node.cluster.preflight.asked import Begun
from trebol_node.cluster.preflight.facts import Facts, PathFacts
from trebol_node.cluster.preflight.questions import FactsQuestion, MeasureQuestion
from trebol_node.cluster.preflight.through_store import by_number
from trebol_node.cluster.preflight.unit import Measures

#: Seconds until a member's responder answers, and for all of the measurement. Members hear of it before, but may be
#: busy.
_MEET, _WHOLE = 5.0, 10.0


Value = TypeVar("Value")


class Asks(Protocol):
    """`trebol_node.cluster.member.MemberApi`."""

    def post(self, path: str, **fields: str) -> Any:
        """What the member answers."""
        ...


def ask(
    member: Asks,
    here: Measures,
    links: Mapping[int, str],
    *,
    joining: bool = False,
    force: Collection[str] = (),
    say: Callable[[str], None],
) -> Facts:
    """All facts, within some fifteen seconds. `links` are this node's addresses; `joining` as in `reading.read`;
    `force` is for the member's log alone.

    Raises what the member answers (Refused, BadInput, Unanswered), TrebolError where nothing can be measured here.
    """
    names = tuple(str(name) for name in member.post("/members"))
    say(f"measuring the ways to and from {', '.join(names)}")
    # Members read their facts while this node reads its own.
    reading = beside(lambda: here.facts(FactsQuestion(by_number(links), names, joining)))
    begun = Begun.of_members(member.post("/preflight", links=as_text(links), force=",".join(sorted(force))))
    own = reading.result()
    facts = Facts(own.name, begun.members, (own, *begun.hosts))
    ways = tuple(way for way in facts.ways() if way.source_address in own.links)
    mine = here.measure(MeasureQuestion(own, ways, begun.key, _MEET, _WHOLE))
    theirs = [PathFacts.of_members(each) for each in member.post("/measured", preflight=begun.id)]
    # Who told its facts too late measured when nobody answered any more.
    known = {host.name for host in begun.hosts}
    return replace(facts, paths=(*mine, *(path for path in theirs if path.way.source in known)))


def beside(work: Callable[[], Value]) -> Future[Value]:
    """Begin `work` in a thread of its own.

    Not in a pool of concurrent.futures: neither an error nor a signal waits for the end of work that nobody asks
    about.
    """
    future: Future[Value] = Future()

    def done() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for.
            future.set_exception(error)

    Thread(target=done, name="beside", daemon=True).start()
    return future
