"""Second factors: one-time passwords (RFC 6238), and recovery keys for when the device is lost.

A challenge says what a user has: `{"totp": true, "recovery": [0, 3]}`, the numbers of the recovery keys that are not
used up. An answer is `totp:123456` or `recovery:KEY`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import Any

import pyotp

from trebol_node.access.errors import Invalid, NotAuthenticated
from trebol_node.access.keys import GRACE_SECONDS
from trebol_node.access.records import Recovery, Tfa, Totp

#: Wrong one-time passwords in a row that lock them.
MISSES = 8

#: Steps that a device's clock may be early or late.
DRIFT = 1

RECOVERY_KEYS = 10

#: Shorter secrets can be found out from the passwords that they show (RFC 4226, R6 asks for 128 bits at least; some
#: issuers give 80).
_SECRET_BYTES = 10

_URI_LENGTH = 1024
_ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_STEPS = range(10, 121)
_DIGITS = range(6, 9)


def is_locked(tfa: Tfa) -> bool:
    """Whether one-time passwords of the user do not count any more, right ones neither."""
    return tfa.misses >= MISSES


def challenge(tfa: Tfa | None) -> dict[str, Any] | None:
    """What a user has to answer after the password; None where there is no second factor."""
    if tfa is None:
        return None
    asked: dict[str, Any] = {}
    if any(entry.enable for entry in tfa.totp):
        asked["totp"] = True
    # Keys alone ask for nothing: they are for those who have lost something else.
    if asked and tfa.recovery is not None:
        asked["recovery"] = [number for number, kept in enumerate(tfa.recovery.hashes) if kept]
    return asked or None


def answer(tfa: Tfa, text: str, now: float) -> tuple[bool, Tfa]:
    """Whether `text` is a right answer, and the factors after it, which must be kept before anybody is let in.

    Raises NotAuthenticated where it is no answer at all.
    """
    kind, colon, value = text.partition(":")
    match kind if colon else "":
        case "totp":
            return _answer_totp(tfa, value, now)
        case "recovery":
            return _answer_recovery(tfa, value)
        case _:
            raise NotAuthenticated("bad otp response")


def _answer_totp(tfa: Tfa, code: str, now: float) -> tuple[bool, Tfa]:
    """A right one-time password uses up its step; a wrong one counts, whatever the others say."""
    if is_locked(tfa):
        return False, tfa
    step_of = {entry.id: step for entry in tfa.totp if entry.enable and (step := _step(entry, code, now)) is not None}
    if not step_of:
        return False, tfa.model_copy(update={"misses": tfa.misses + 1})
    used = tuple(
        entry.model_copy(update={"used": step_of[entry.id]}) if entry.id in step_of else entry for entry in tfa.totp
    )
    return True, tfa.model_copy(update={"totp": used, "misses": 0})


def _step(entry: Totp, code: str, now: float) -> int | None:
    """The step whose password `code` is, if it was not used; all are compared whichever fits.

    A step that was used far in the future was used by a wrong clock.
    """
    device = pyotp.TOTP(entry.secret, digits=entry.digits, digest=_ALGORITHMS[entry.algorithm], interval=entry.step)
    present = int(now) // entry.step
    given = code.encode("utf-8", errors="surrogatepass")
    used = entry.used if entry.used <= present + GRACE_SECONDS // entry.step else -1
    found = None
    for step in range(max(0, present - DRIFT), present + DRIFT + 1):
        if hmac.compare_digest(device.generate_otp(step).encode(), given) and step > used:
            found = step
    return found


def _answer_recovery(tfa: Tfa, key: str) -> tuple[bool, Tfa]:
    """A right key is used up and unlocks one-time passwords; all are compared whichever fits."""
    if tfa.recovery is None:
        return False, tfa
    given = _hash_key(tfa.recovery.salt, key)
    fitting = [number for number, kept in enumerate(tfa.recovery.hashes) if hmac.compare_digest(kept, given) and kept]
    if not fitting:
        return False, tfa
    left = tuple("" if number in fitting else kept for number, kept in enumerate(tfa.recovery.hashes))
    return True, tfa.model_copy(update={"recovery": tfa.recovery.model_copy(update={"hashes": left}), "misses": 0})


def new_keys() -> tuple[str, ...]:
    """Recovery keys, shown once: 80 random bits each, in five groups."""
    return tuple(_grouped(secrets.token_hex(10)) for _ in range(RECOVERY_KEYS))


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def keep_keys(keys: tuple[str, ...], *, salt: str, now: float) -> Recovery:
    """What is kept of recovery keys; `salt` is 32 bytes in hexadecimal."""
    return Recovery(salt=salt, hashes=tuple(_hash_key(salt, key) for key in keys), created=int(now))


def _hash_key(salt: str, key: str) -> str:
    """Spaces, dashes and case do not matter: people type it from paper. 80 random bits need no slow hash."""
    bare = re.sub(r"[\s-]", "", key).lower().encode("utf-8", errors="surrogatepass")
    return hmac.digest(bytes.fromhex(salt), bare, hashlib.sha256).hex()


def new_uri(user: str, issuer: str) -> str:
    """An otpauth URI for a new device: a random secret of 160 bits, six digits, 30 s, SHA-1, as all devices know."""
    return pyotp.TOTP(pyotp.random_base32()).provisioning_uri(name=user, issuer_name=issuer)


def read_uri(uri: str, *, identity: str, description: str, now: float) -> Totp:
    """The device that an otpauth URI describes; raises Invalid, without the URI: it holds the secret."""
    try:
        if len(uri) > _URI_LENGTH:
            raise ValueError
        device = pyotp.parse_uri(uri)
        if not isinstance(device, pyotp.TOTP):
            raise ValueError
        secret = device.byte_secret()
    except (ValueError, KeyError, TypeError, UnicodeError, binascii.Error):
        raise Invalid("not a TOTP URI", argument="totp") from None
    algorithm = device.digest().name
    if len(secret) < _SECRET_BYTES:
        raise Invalid(f"the secret is too short ({8 * len(secret)} bits)", argument="totp")
    if device.interval not in _STEPS or device.digits not in _DIGITS or algorithm not in _ALGORITHMS:
        raise Invalid("unsupported digits, period or algorithm", argument="totp")
    return Totp.model_validate(
        {
            "id": identity,
            "secret": base64.b32encode(secret).decode().rstrip("="),
            "description": description,
            "created": int(now),
            "digits": device.digits,
            "step": device.interval,
            "algorithm": algorithm,
        }
    )


def first_use(entry: Totp, code: str, now: float) -> Totp:
    """The new device once it has shown a right password; raises Invalid otherwise."""
    step = _step(entry, code, now)
    if step is None:
        raise Invalid("failed to verify TOTP challenge", argument="value")
    return entry.model_copy(update={"used": step})
