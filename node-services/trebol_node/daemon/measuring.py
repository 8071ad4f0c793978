"""The daemon of a member answers preflights: who would join, and with which key, is in the store
(`trebol_node.cluster.preflight.through_store`); the worker reads and measures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.preflight import through_store as shared
from trebol_node.cluster.preflight.asked import BOUND
from trebol_node.cluster.preflight.facts import HostFacts, PathFacts
from trebol_node.cluster.preflight.questions import FactsQuestion, Measured, MeasureQuestion
from trebol_node.cluster.preflight.through_store import Answer, Request
from trebol_node.daemon.applying import Worker, in_loop
from trebol_node.store.records import Records
from trebol_node.worker.cluster_operations import PreflightFacts, PreflightMeasure

log = logging.getLogger(__name__)

#: Seconds until whoever would join answers, who first reads its own facts, which takes long where its resolver does
#: not answer, and waits for all members'; and for all of the measurement.
_MEET, _WHOLE = 10.0, BOUND - 1.0


class Answerer:
    """Answers for the daemon of `node`; `now` in seconds since 1970."""

    def __init__(
        self, records: Records, node: str, worker: Worker, *, who: str, now: Callable[[], float] = time.time
    ) -> None:
        self._records = records
        self._node = node
        self._worker = worker
        self._who = who
        self._now = now
        self._begun: set[str] = set()

    async def keep(self) -> None:
        """Answer each request once, until cancelled."""
        changed = asyncio.Event()
        self._records.on_change(in_loop(changed.set))
        async with asyncio.TaskGroup() as running:
            while True:
                changed.clear()
                there = dict(shared.requests(self._records))
                for ident in there.keys() - self._begun:
                    if not there[ident].is_over(self._now()) and self._node in there[ident].members:
                        running.create_task(self._answer(ident, there[ident]), name=f"preflight {ident}")
                self._begun = {*there}
                await changed.wait()

    async def _answer(self, ident: str, request: Request) -> None:
        try:
            facts = await self._facts(request)
            await self._put(ident, Answer(facts))
            await self._put(ident, Answer(facts, await self._measured(request, facts)))
        except TrebolError as error:
            # The records fail, or the worker does: whoever would join is told that this member says nothing.
            log.warning("the preflight of %s is not answered: %s", request.joining.name, error)

    async def _facts(self, request: Request) -> HostFacts:
        totem = cluster.totem(self._records)
        links = () if totem is None else shared.links_of(totem, self._node)
        question = FactsQuestion(links, (request.joining.name,))
        return HostFacts.of_json(await self._worker.call(PreflightFacts(question=question.to_json()), who=self._who))

    async def _measured(self, request: Request, own: HostFacts) -> tuple[PathFacts, ...]:
        question = MeasureQuestion(own, request.ways_from(own), request.key, _MEET, _WHOLE)
        try:
            told = await self._worker.call(PreflightMeasure(question=question.to_json()), who=self._who)
        except TrebolError as error:
            log.warning("the ways to %s were not measured: %s", request.joining.name, error)
            why = "; ".join(problem.what for problem in error.problems)
            return tuple(PathFacts(way, problem=why) for way in question.ways)
        return Measured.of_json(told).paths

    async def _put(self, ident: str, answer: Answer) -> None:
        """Tell it, as long as somebody waits for it."""
        if self._records.get(shared.request_key(ident)) is not None:
            await asyncio.to_thread(shared.put, self._records, shared.answer_key(ident, self._node), answer)
