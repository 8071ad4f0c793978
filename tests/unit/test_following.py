"""The daemon of a member has pacemaker forget who left: one daemon, once, when corosync has done so."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from tests.unit.cluster_of_three import NAMES, records_of, removal, seen

from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.daemon.applying import Follower
from trebol_node.store.records import MemoryRecords
from trebol_node.worker.cluster_operations import ForgetNode, ReadMembership


class Worker:
    """Corosync has loaded the configuration of `version` and sees these; `forgotten` is whom pacemaker forgot."""

    def __init__(self, version: int, online: Collection[str]) -> None:
        self.membership = replace(seen(NAMES, online), version=version)
        self.forgotten: list[str] = []
        self.looks: asyncio.Queue[None] = asyncio.Queue()

    async def call(self, operation: Any, *, who: str) -> Any:
        if isinstance(operation, ReadMembership):
            self.looks.put_nowait(None)
            return TypeAdapter(Membership).dump_python(self.membership, mode="json")
        if isinstance(operation, ForgetNode):
            self.forgotten.append(operation.node)
        return None


def _other(number: int, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """A change of a record that has nothing to do with it."""
    return {"changed": number + 1 + (before or {}).get("changed", 0)}


def forgotten(node: str, records: MemoryRecords, worker: Worker) -> list[str]:
    """Whom pacemaker forgot, once the daemon of `node` has looked several times."""

    async def follow() -> None:
        following = asyncio.create_task(Follower(records, node, worker, who="trebold").keep())
        # Each look but the last is over when the next one begins.
        for number in range(4):
            await worker.looks.get()
            cluster.edit(records, "options", partial(_other, number))
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    asyncio.run(follow())
    return worker.forgotten


def without_n3() -> tuple[MemoryRecords, int]:
    records = records_of(*NAMES)
    version = removal(records).configure("n3").version
    removal(records).end("n3")
    return records, version


def test_the_first_of_those_that_are_there_has_pacemaker_forget_who_left_once() -> None:
    records, version = without_n3()
    assert forgotten("n1", records, Worker(version, ("n1", "n2"))) == ["n3"]
    assert forgotten("n2", records, Worker(version, ("n1", "n2"))) == []
    assert forgotten("n2", records, Worker(version, ("n2",))) == ["n3"]


def test_nobody_is_forgotten_before_corosync_has_done_so_or_who_is_back() -> None:
    records, version = without_n3()
    assert forgotten("n1", records, Worker(version - 1, ("n1", "n2"))) == []
    cluster.edit_totem(records, lambda totem: totem.with_node("n3", {0: "192.0.2.13"}))
    assert forgotten("n1", records, Worker(version + 1, ("n1", "n2"))) == []
