"""How a node that has nothing but a peer's address and a text, and that peer, show each other that both know it.

    node                                                             member
      ── POST: a nonce of each side is needed ────────────────────▶
      ◀──────────────────────────────────────────── its nonce ──
      ── id, its nonce, `proof_of_joiner` ────────────────────────▶   compares
      ◀──────────── SHA-256 of the CA, `proof_of_member` over it ──
      compares, and believes that CA from then on; the token's secret comes after

TLS runs, but nothing says yet whose certificate that is. So both put in what they see of it: whoever stands between
has another certificate than the member, the two proofs are over different things, and neither side is content with
what is passed on. The node goes first: a stranger who asks a member gets nothing to try texts on. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

#: Bytes.
NONCE = 32
_DIGEST = 32

_JOINER, _MEMBER = b"trebol join 1 joiner", b"trebol join 1 member"


@dataclass(frozen=True)
class Exchange:
    """What is the same on both sides, unless somebody stands between: the nonces, `NONCE` random bytes of each, and
    the SHA-256 of the certificate (DER) that the member shows on this connection. ValueError for other lengths."""

    joiner: bytes
    member: bytes
    certificate: bytes

    def __post_init__(self) -> None:
        # Of fixed lengths, what is put together can be taken apart in one way only.
        if (len(self.joiner), len(self.member), len(self.certificate)) != (NONCE, NONCE, _DIGEST):
            raise ValueError("a nonce or digest of another length")


def hash_secret(secret: str) -> str:
    """What is kept of a secret. It has 128 random bits: no salt, no slow hash would make it harder to guess."""
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).hexdigest()


def proof_key(hash_of_secret: str) -> bytes:
    """The key of proofs of a record's `hash`."""
    return bytes.fromhex(hash_of_secret)


def new_nonce() -> bytes:
    """For one exchange, never for another."""
    return secrets.token_bytes(NONCE)


def proof_of_joiner(key: bytes, exchange: Exchange) -> bytes:
    """That the node knows `key` (`trebol_node.cluster.tokens.agreed`), 32 bytes."""
    return _proof(key, _JOINER, exchange)


def proof_of_member(key: bytes, exchange: Exchange, *, ca: bytes) -> bytes:
    """That the member knows `key`, and that `ca` is the SHA-256 of its CA's certificate; 32 bytes."""
    if len(ca) != _DIGEST:
        raise ValueError("a digest of another length")
    return _proof(key, _MEMBER, exchange, ca)


def is_same(proof: bytes, expected: bytes) -> bool:
    """Whether a proof is the expected one; how long that takes tells nothing of it."""
    return hmac.compare_digest(proof, expected)


def _proof(key: bytes, side: bytes, exchange: Exchange, more: bytes = b"") -> bytes:
    # HMAC fills short keys with zeros; those of hashes all have 32 bytes.
    if len(key) != _DIGEST:
        raise ValueError("a key of another length")
    # Each side has its own words: what one said is no proof of the other.
    return hmac.digest(key, side + exchange.joiner + exchange.member + exchange.certificate + more, "sha256")
