"""The keys that tickets and CSRF tokens are signed with: a new one each day, the one before it still verifies.

HMAC-SHA256: whoever verifies may sign too, which all nodes of a cluster do. Each purpose signs with its own name in
front, so that a signature for one is none for another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from trebol_node.access.accounts import KEYS, Accounts, Write, Writes
from trebol_node.access.errors import NotAuthenticated
from trebol_node.access.records import Key, Keys

#: Seconds that a key signs.
KEY_SECONDS = 24 * 3600

#: Seconds that what is signed is good for.
SIGNED_SECONDS = 2 * 3600

#: Seconds that clocks of a cluster's nodes may differ.
GRACE_SECONDS = 5 * 60

#: Seconds that a new key waits before it signs: what it signed would count for nothing on a node that has not seen
#: it yet.
SETTLE_SECONDS = 30

_TIME = re.compile(r"[0-9A-F]{8,10}")


def new_secret() -> str:
    """A secret for `rotation`."""
    return secrets.token_hex(32)


def rotation(accounts: Accounts, now: float, secret: str) -> Writes:
    """What makes `secret` the key that signs, where it is time for another; nothing otherwise.

    Also where the key seems to be made in the future: the clock was wrong then, or is now. Two nodes may try at once;
    the store lets one of them win.
    """
    keys = accounts.keys
    if keys is not None and -GRACE_SECONDS <= now - keys.current.created < KEY_SECONDS:
        return ()
    fresh = Keys(current=Key(secret=secret, created=int(now)), previous=None if keys is None else keys.current)
    return (Write(KEYS, fresh.value()),)


def stamp(now: float) -> str:
    """The time as tickets have it: seconds since 1970, upper-case hexadecimal."""
    return f"{int(now):08X}"


def sign(keys: Keys | None, purpose: str, text: str, now: float) -> str:
    """The signature of `text`, base64; raises NotAuthenticated before the first key is there.

    By the key before, where there is one, while the present one is new: all nodes have that one for certain.
    """
    if keys is None:
        raise NotAuthenticated("no key to sign with")
    is_new = 0 <= now - keys.current.created < SETTLE_SECONDS
    return _signature((keys.previous if is_new else None) or keys.current, purpose, text)


def age(keys: Keys | None, purpose: str, text: str, time: str, signature: str, now: float) -> int:
    """Seconds since `text` was signed at `time`; raises NotAuthenticated where it was not, or too long ago.

    Both keys are tried whatever the first one says. A ticket that the last key signed after the present one was made
    is one that somebody made with a lost key.
    """
    if keys is None or not _TIME.fullmatch(time):
        raise NotAuthenticated("bad ticket")
    made = int(time, 16)
    given = signature.encode("utf-8", errors="surrogatepass")
    by_current = hmac.compare_digest(_signature(keys.current, purpose, text).encode(), given)
    previous = keys.previous or keys.current
    by_previous = hmac.compare_digest(_signature(previous, purpose, text).encode(), given)
    if not by_current and not (by_previous and made <= keys.current.created + GRACE_SECONDS):
        raise NotAuthenticated("bad signature")
    seconds = int(now) - made
    if not -GRACE_SECONDS <= seconds <= SIGNED_SECONDS:
        raise NotAuthenticated("expired")
    return seconds


def _signature(key: Key, purpose: str, text: str) -> str:
    message = f"{purpose}\0{text}".encode("utf-8", errors="surrogatepass")
    return base64.b64encode(hmac.digest(bytes.fromhex(key.secret), message, hashlib.sha256)).decode()
