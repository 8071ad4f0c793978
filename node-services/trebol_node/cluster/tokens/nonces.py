"""Nonces of a member, for one proof each. Those that are not used take no room: asking for many pushes nobody out."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from trebol_node.cluster.tokens.proof import NONCE

#: Seconds for which one is good: the proof follows at once, but a text agreed beforehand takes time to be worked out.
GOOD = 60

#: Bytes: when it was made, what makes it another than all others, and the seal of both.
_TIME, _RANDOM, _SEAL = 8, 8, 16

assert _TIME + _RANDOM + _SEAL == NONCE


@dataclass
class Nonces:
    """Of one process; `now` in seconds since 1970. Each says when it was made, under a seal; kept are those that
    were used and would still be good."""

    now: Callable[[], float]
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _used: dict[bytes, int] = field(default_factory=dict)

    def new(self) -> bytes:
        """One that no other is."""
        text = int(self.now()).to_bytes(_TIME, "big") + secrets.token_bytes(_RANDOM)
        return text + self._seal(text)

    def use(self, nonce: bytes) -> bool:
        """Whether it is one of these, still good, and not used yet; from here on it is used."""
        text, seal = nonce[: _TIME + _RANDOM], nonce[_TIME + _RANDOM :]
        made, now = int.from_bytes(text[:_TIME], "big"), int(self.now())
        if not hmac.compare_digest(seal, self._seal(text)) or abs(now - made) > GOOD or nonce in self._used:
            return False
        self._used = {each: when for each, when in self._used.items() if abs(now - when) <= GOOD}
        self._used[nonce] = made
        return True

    def _seal(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha256")[:_SEAL]
