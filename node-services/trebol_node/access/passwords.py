"""Passwords of realm trebol: scrypt (RFC 7914), kept as `$scrypt$ln=14,r=8,p=5$SALT$HASH` (base64)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass

from trebol_node.access.errors import Invalid

#: As Proxmox VE has them, in characters.
SHORTEST, LONGEST = 8, 64


@dataclass(frozen=True)
class Cost:
    """What one hash costs: 128 · 2^`log_n` · `r` bytes of memory, `p` times after each other."""

    log_n: int = 14
    r: int = 8
    p: int = 5


#: 16 MiB and about 0.2 s of one core: OWASP's "Password Storage Cheat Sheet" gives these for scrypt.
USUAL = Cost()

#: What is believed of a stored hash: above, a record would be a way to take the node's memory.
_MOST = Cost(17, 16, 16)

_FORM = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_SALT, _LENGTH = 16, 32

#: Logins at once share one core and 16 MiB; the others wait.
_ONE = threading.Lock()


def require_good(password: str, *, argument: str = "password") -> str:
    """`password` where it can be a new one; Invalid otherwise, without it."""
    if len(password) < SHORTEST:
        raise Invalid(f"value must be at least {SHORTEST} characters long", argument=argument)
    if len(password) > LONGEST:
        raise Invalid(f"value may only be {LONGEST} characters long", argument=argument)
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in password):
        raise Invalid("value contains control characters", argument=argument)
    return password


def hash_password(password: str, *, salt: bytes | None = None, cost: Cost = USUAL) -> str:
    """What is kept of a password. Takes long: not for a thread that serves others."""
    salt = secrets.token_bytes(_SALT) if salt is None else salt
    digest = _scrypt(password, salt, cost)
    return f"$scrypt$ln={cost.log_n},r={cost.r},p={cost.p}${_encoded(salt)}${_encoded(digest)}"


def matches(password: str, kept: str | None) -> bool:
    """Whether `password` is the one that `kept` was made of.

    Where there is none to compare with, it takes as long to say no. Takes long: not for a thread that serves others.
    """
    found = _FORM.fullmatch(kept or "")
    if found is not None:
        cost = Cost(int(found[1]), int(found[2]), int(found[3]))
        salt, digest = _decoded(found[4]), _decoded(found[5])
        if _fits(cost) and salt and digest:
            same = hmac.compare_digest(_scrypt(password, salt, cost), digest)
            # HMAC fills short keys with zeros, so that of those at the end it sees nothing.
            return same and "\0" not in password
    _scrypt(password, bytes(_SALT), USUAL)
    return False


def _fits(cost: Cost) -> bool:
    return 1 <= cost.log_n <= _MOST.log_n and 1 <= cost.r <= _MOST.r and 1 <= cost.p <= _MOST.p


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    # JSON may hold half of a surrogate pair, which is no password but must not be an error of ours.
    word = password.encode("utf-8", errors="surrogatepass")
    memory = 128 * cost.r * (2**cost.log_n + cost.p + 2)
    with _ONE:
        return hashlib.scrypt(word, salt=salt, n=2**cost.log_n, r=cost.r, p=cost.p, maxmem=2 * memory, dklen=_LENGTH)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""
