"""The probe's packets: a head, padding, and a seal by the key that both sides share. Pure.

    magic 4 | kind 1 | number 8 | session 8 | sent 8 | received 8 | answered 8 | padding | seal 16

Times are ns since 1970: `sent` by the prober's clock, `received` and `answered` by the responder's. The seal is
HMAC-SHA256 over all before it, cut to 128 bits (RFC 2104, 5). Without it there is no answer, and no answer is longer
than its question: nobody can have the responder send more than they send themselves. A packet that is replayed within
the seconds of a measurement gets its answer once more, and no more than that. Who has the key can also say that a way
is done which is not; then it is taken for lost.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, replace
from enum import IntEnum

from trebol_node.cluster.preflight.facts import Way

_HEAD = struct.Struct("!4sBQQQQQ")
_MAGIC = b"TPF1"
_SEAL = 16

#: Bytes of the smallest packet: about what corosync's token takes.
LEAST = _HEAD.size + _SEAL


class Kind(IntEnum):
    """An ECHO comes back in its size; of a SIZE only the head, so that the way back does not count. DONE: who asks
    has measured all that it wanted to on the way of that number (`number_of`)."""

    ECHO = 1
    ECHO_ANSWER = 2
    SIZE = 3
    SIZE_ANSWER = 4
    DONE = 5
    DONE_ANSWER = 6


_ANSWERS = {Kind.ECHO: Kind.ECHO_ANSWER, Kind.SIZE: Kind.SIZE_ANSWER, Kind.DONE: Kind.DONE_ANSWER}


@dataclass(frozen=True)
class Packet:
    """`session` tells measurements apart, `number` the packets of one; `size` is the whole payload in bytes."""

    kind: Kind
    number: int
    session: int
    sent: int = 0
    received: int = 0
    answered: int = 0
    size: int = LEAST


def number_of(way: Way) -> int:
    """What a way is called in 64 bits."""
    return int.from_bytes(hashlib.sha256(way.to_json().encode()).digest()[:8])


def encode(packet: Packet, key: bytes) -> bytes:
    """Sealed, ready to send."""
    head = _HEAD.pack(
        _MAGIC, packet.kind, packet.number, packet.session, packet.sent, packet.received, packet.answered
    )
    body = head.ljust(packet.size - _SEAL, b"\0")
    return body + _seal(body, key)


def decode(payload: bytes, key: bytes) -> Packet | None:
    """The packet in a datagram; None for whatever was not sealed by `key`."""
    if len(payload) < LEAST or payload[:4] != _MAGIC:
        return None
    body, seal = payload[:-_SEAL], payload[-_SEAL:]
    if not hmac.compare_digest(seal, _seal(body, key)):
        return None
    _magic, kind, number, session, sent, received, answered = _HEAD.unpack_from(body)
    if kind not in Kind.__members__.values():
        return None
    return Packet(Kind(kind), number, session, sent, received, answered, len(payload))


def answer(question: Packet, *, received: int) -> Packet | None:
    """What goes back, without the time when it does. None for what is an answer itself: two responders would talk for
    ever."""
    kind = _ANSWERS.get(question.kind)
    if kind is None:
        return None
    size = question.size if kind is Kind.ECHO_ANSWER else LEAST
    return replace(question, kind=kind, received=received, size=size)


def _seal(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_SEAL]
