"""Whether packets reach a port of the other host."""

from __future__ import annotations

import asyncio
import errno

from trebol_node.cluster.preflight.facts import PortFacts, Protocol, Reach, Way
from trebol_node.cluster.preflight.measure.conversation import Conversation
from trebol_node.cluster.preflight.measure.links import Pace
from trebol_node.cluster.preflight.measure.packets import Kind


async def tcp(way: Way, port: int, pace: Pace) -> PortFacts:
    """Open a connection, and say nothing."""
    return PortFacts(Protocol.TCP, port, await _connect(way, port, pace))


async def _connect(way: Way, port: int, pace: Pace) -> Reach:
    try:
        async with asyncio.timeout(pace.connect):
            _reader, writer = await asyncio.open_connection(
                way.target_address, port, local_addr=(way.source_address, 0)
            )
    except ConnectionRefusedError:
        return Reach.REFUSED
    except TimeoutError:
        return Reach.SILENT
    except OSError as error:
        unreachable = error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)
        return Reach.PROHIBITED if unreachable else Reach.SILENT
    writer.transport.abort()
    return Reach.ANSWERS


async def udp(way: Way, port: int, key: bytes, pace: Pace) -> PortFacts:
    """Ask a responder there. What else may listen does not answer, and is as silent as a firewall."""
    try:
        with Conversation.opened(way, port, key) as talk:
            for number in range(pace.tries):
                talk.ask(Kind.ECHO, number)
                if await talk.until(lambda: bool(talk.answers), pace.udp / pace.tries):
                    return PortFacts(Protocol.UDP, port, Reach.ANSWERS)
            return PortFacts(Protocol.UDP, port, talk.obstacle or Reach.SILENT)
    except OSError:
        return PortFacts(Protocol.UDP, port, Reach.PROHIBITED)
