"""Changes of second factors: pure functions like those of `changes`, and what they answer."""

from __future__ import annotations

from trebol_node.access import totp
from trebol_node.access.accounts import Accounts, Write, Writes
from trebol_node.access.errors import Exists, Invalid, Missing, require_text, shown
from trebol_node.access.records import Tfa

#: The id of all recovery keys together.
RECOVERY = "recovery"

#: Devices of one user.
_MOST = 16
_DESCRIPTION = 255


def add_totp(
    accounts: Accounts, user: str, *, identity: str, description: str | None, uri: str, code: str, now: float
) -> Writes:
    """A new device, which shows `code` now; `identity` is a random UUID, `uri` an otpauth URI."""
    tfa = _of(accounts, user)
    if not description:
        raise Invalid("'description' is required for new entries", argument="description")
    if len(tfa.totp) >= _MOST:
        raise Exists(f"user '{user}' already has {_MOST} TOTP entries")
    entry = totp.read_uri(uri, identity=identity, description=_described(description), now=now)
    entry = totp.first_use(entry, code, now)
    return (_write(user, tfa.model_copy(update={"totp": (*tfa.totp, entry)})),)


def add_recovery(accounts: Accounts, user: str, keys: tuple[str, ...], *, salt: str, now: float) -> Writes:
    """Keep `keys` (`totp.new_keys`); there is one set of them at a time. `salt` is 32 bytes in hexadecimal."""
    tfa = _of(accounts, user)
    if tfa.recovery is not None:
        raise Exists("user already has recovery keys")
    return (_write(user, tfa.model_copy(update={"recovery": totp.keep_keys(keys, salt=salt, now=now)})),)


def modify(
    accounts: Accounts, user: str, identity: str, *, description: str | None = None, enable: bool | None = None
) -> Writes:
    """Another description of a device, or whether it counts. Recovery keys have neither."""
    tfa = _of(accounts, user)
    if identity == RECOVERY and tfa.recovery is not None:
        raise Invalid("recovery keys cannot be modified", argument="id")
    changed = {} if description is None else {"description": _described(description)}
    switched = {} if enable is None else {"enable": enable}
    _require(tfa, identity)
    entries = tuple(
        entry.model_copy(update={**changed, **switched}) if entry.id == identity else entry for entry in tfa.totp
    )
    return (_write(user, tfa.model_copy(update={"totp": entries})),)


def delete(accounts: Accounts, user: str, identity: str) -> Writes:
    """Without that device, or without recovery keys."""
    tfa = _of(accounts, user)
    _require(tfa, identity)
    if identity == RECOVERY:
        left = tfa.model_copy(update={"recovery": None})
    else:
        left = tfa.model_copy(update={"totp": tuple(entry for entry in tfa.totp if entry.id != identity)})
    if not left.totp and left.recovery is None:
        return (Write(f"tfa/{user}", None),)
    return (_write(user, left),)


def unlock(accounts: Accounts, user: str) -> Writes:
    """Let one-time passwords count again; nothing where they do. Factors that cannot be read are given up."""
    tfa = _of(accounts, user)
    if f"tfa/{user}" in accounts.unreadable:
        return (Write(f"tfa/{user}", None),)
    return (_write(user, tfa.model_copy(update={"misses": 0})),) if totp.is_locked(tfa) else ()


def _of(accounts: Accounts, user: str) -> Tfa:
    accounts.user(user)
    return accounts.tfa.get(user, Tfa())


def _require(tfa: Tfa, identity: str) -> None:
    there = {entry.id for entry in tfa.totp} | ({RECOVERY} if tfa.recovery is not None else set())
    if identity not in there:
        raise Missing(f"No such tfa entry '{shown(identity)}'")


def _described(text: str) -> str:
    if len(text) > _DESCRIPTION:
        raise Invalid(f"value may only be {_DESCRIPTION} characters long", argument="description")
    return require_text(text, argument="description")


def _write(user: str, tfa: Tfa) -> Write:
    return Write(f"tfa/{user}", tfa.value())
