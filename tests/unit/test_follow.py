"""The daemon follows its node's name, and its certificate the node's names and addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from trebol_common.errors import BadInput, NoSpace, TrebolError
from trebol_node.daemon.follow import Node, keep_following
from trebol_node.worker.errors import WorkerAbsent

Look = tuple[str, Sequence[str], bool | Exception]


def followed(looks: Sequence[Look]) -> list[str]:
    """What is done at each look: at the host name, at the names; what having the certificate renewed comes to."""
    done: list[str] = []
    coming: Iterator[Look] = iter(looks)
    now = next(coming)

    async def renew() -> bool:
        done.append("renew")
        if isinstance(now[2], Exception):
            raise now[2]
        return now[2]

    async def pause(_seconds: float) -> None:
        nonlocal now
        now = next(coming)

    node = Node(lambda: now[0], lambda: now[1], renew, lambda: done.append("load"), lambda: done.append("end"), pause)
    asyncio.run(keep_following("node1", node))
    return done


END = ("alpha.example.org", (), False)


def test_another_name_begins_the_daemon_anew() -> None:
    assert followed([("node1", (), False), END]) == ["end"]


def test_the_certificate_is_looked_at_once_there_is_an_address_and_when_it_changes() -> None:
    first, second = ("a", "192.0.2.10"), ("a", "192.0.2.11")
    looks: list[Look] = [("node1", (), False), *[("node1.x", first, False)] * 3, *[("node1", second, True)] * 2, END]
    assert followed(looks) == ["renew", "renew", "load", "end"]


@pytest.mark.parametrize("gone", [WorkerAbsent("gone"), NoSpace("full")])
def test_without_the_worker_and_on_a_full_disk_it_is_tried_again(gone: TrebolError) -> None:
    names = ("a",)
    assert followed([("node1", names, gone), ("node1", names, True), END]) == ["renew", "renew", "load", "end"]


def test_what_cannot_be_signed_is_said_once() -> None:
    looks: list[Look] = [*[("node1", ("a",), BadInput("ca.key is needed"))] * 3, END]
    assert followed(looks) == ["renew", "end"]
