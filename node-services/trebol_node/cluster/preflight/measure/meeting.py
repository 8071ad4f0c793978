"""Waiting for the other side: both begin when they have heard of it, and neither knows when that was."""

from __future__ import annotations

from trebol_node.cluster.preflight.facts import Way
from trebol_node.cluster.preflight.measure.conversation import Conversation
from trebol_node.cluster.preflight.measure.packets import Kind

#: Seconds between two questions.
_EVERY = 0.1


async def await_responder(way: Way, port: int, key: bytes, seconds: float) -> bool:
    """Wait until the target answers, no longer than so many seconds; whether it does. Raises OSError as
    `Conversation` does.

    Asked from a socket of its own: what is lost here was sent too early, and says nothing about the way.
    """
    with Conversation.opened(way, port, key) as talk:
        for number in range(round(seconds / _EVERY)):
            talk.ask(Kind.ECHO, number)
            if await talk.until(lambda: bool(talk.answers), _EVERY):
                return True
    return False
