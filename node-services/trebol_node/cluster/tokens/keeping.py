"""The tokens of a cluster: made, used, given back, ended. Writes wait for the store: call them in a thread.

Each writes by compare-and-swap and reads again where somebody was faster, a few times; then Conflict stands. All
raise Unavailable without a quorate store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from pydantic import SecretStr

from trebol_common.errors import BadInput
from trebol_node.cluster.tokens import lifetime
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.admission import Admitted, Garbled, NotAdmitted, admit, is_id
from trebol_node.cluster.tokens.record import FOLDER, TokenRecord, Use, hash_secret, key_of
from trebol_node.cluster.tokens.token import ID, SECRET, Token, is_node
from trebol_node.store.errors import Conflict
from trebol_node.store.records import Records

#: How often a write is tried: somebody else's comes between now and then, not ever and again.
TRIES = 5

#: Seconds for which one that is over can still be told from one that never was.
KEPT = 86400

T = TypeVar("T")


def issue(
    records: Records,
    *,
    cluster: str,
    cluster_id: str,
    addresses: Sequence[Address],
    ca: str,
    made_by: str,
    now: int,
    seconds: int = lifetime.USUAL,
    node: str | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Token:
    """Make a token and keep what is kept of it. Raises BadInput for a lifetime or node that none can have.

    It names as many of `addresses` (one at least) as one line has room for; `random` gives that many random bytes.
    """
    end = now + lifetime.require_possible(seconds)
    if node is not None and not is_node(node):
        raise BadInput(f"{node[:80]!r} is no name of a node", where="node")

    def made() -> Token:
        token = Token(
            cluster=cluster,
            cluster_id=cluster_id,
            addresses=tuple(addresses),
            ca=ca,
            id=random(ID).hex(),
            secret=SecretStr(random(SECRET).hex()),
            end=end,
            node=node,
        ).fitting()
        kept = hash_secret(token.secret.get_secret_value())
        record = TokenRecord(hash=kept, end=end, when=now, made_by=made_by, node=node)
        records.put(key_of(token.id), record.value(), expected=0)
        return token

    return persist(made)


def mark_used(
    records: Records,
    ident: str,
    secret: str,
    *,
    node: str,
    machine: str,
    members: Collection[str],
    removed: Mapping[str, int],
    now: int,
) -> Admitted:
    """Let a machine in with a token, which is this machine's from then on. Raises NotAdmitted, as `admit` says.

    Of two machines that come at once, one is told that the other has used it.
    """
    if not is_id(ident):
        raise NotAdmitted(Garbled())

    def used() -> Admitted:
        found = records.get(key_of(ident))
        record = None if found is None else TokenRecord.of(found.value)
        verdict = _require(record, secret, node=node, machine=machine, members=members, removed=removed, now=now)
        if found is not None and record is not None and not verdict.again:
            after = record.model_copy(update={"used_by": Use(machine=machine, node=node, when=now)})
            records.put(found.key, after.value(), expected=found.revision)
        return verdict

    return persist(used)


def require_good(
    records: Records,
    ident: str,
    secret: str,
    *,
    node: str,
    machine: str,
    members: Collection[str],
    removed: Mapping[str, int],
    now: int,
) -> Admitted:
    """Whether `mark_used` would let it in, with nothing written. Raises NotAdmitted."""
    if not is_id(ident):
        raise NotAdmitted(Garbled())
    found = records.get(key_of(ident))
    record = None if found is None else TokenRecord.of(found.value)
    return _require(record, secret, node=node, machine=machine, members=members, removed=removed, now=now)


def free(records: Records, ident: str, *, machine: str) -> None:
    """As unused again, after a join that was taken back. Nothing to do where it is not this machine's, or has
    ended."""
    _change(records, ident, machine, {"used_by": None})


def end(records: Records, ident: str, *, machine: str) -> None:
    """The join is over: it lets nobody in any more, this machine neither. Nothing to do where it is not its."""
    _change(records, ident, machine, {"ended": True})


def delete(records: Records, ident: str) -> bool:
    """Delete a token, whatever it is; whether there was one. A join that it began could not go on: see `expire`."""

    def deleted() -> bool:
        found = records.get(key_of(ident))
        if found is not None:
            records.delete(found.key, expected=found.revision)
        return found is not None

    return is_id(ident) and persist(deleted)


def expire(records: Records, ident: str, *, machine: str, now: int) -> None:
    """It lets in no other machine than the one that it has let in, whose join goes on, or is taken back."""
    _change(records, ident, machine, {"end": now})


def tokens(records: Records) -> dict[str, TokenRecord]:
    """All of them, by id. What is no record of a token is left out."""
    found = ((each.key.removeprefix(FOLDER), TokenRecord.of(each.value)) for each in records.below(FOLDER))
    return {ident: record for ident, record in found if record is not None}


def prune(records: Records, *, now: int) -> tuple[str, ...]:
    """Delete those that are over since a day; their ids. One with a join under way is kept, however old it is."""

    def pruned(ident: str) -> bool:
        found = records.get(key_of(ident))
        record = None if found is None else TokenRecord.of(found.value)
        if found is None or record is None or not record.is_over(now) or _over_since(record) + KEPT > now:
            return False
        records.delete(found.key, expected=found.revision)
        return True

    return tuple(ident for ident in tokens(records) if persist(partial(pruned, ident)))


def _require(
    record: TokenRecord | None,
    secret: str,
    *,
    node: str,
    machine: str,
    members: Collection[str],
    removed: Mapping[str, int],
    now: int,
) -> Admitted:
    verdict = admit(record, secret, node=node, machine=machine, members=members, removed=removed, now=now)
    if not isinstance(verdict, Admitted):
        raise NotAdmitted(verdict)
    return verdict


def _over_since(record: TokenRecord) -> int:
    return record.end if record.used_by is None else record.used_by.when


def _change(records: Records, ident: str, machine: str, update: Mapping[str, Any]) -> None:
    """Change the record of a token with which `machine` is at it."""

    def changed() -> None:
        found = records.get(key_of(ident))
        record = None if found is None else TokenRecord.of(found.value)
        if found is None or record is None or record.ended:
            return
        if record.used_by is not None and record.used_by.machine == machine:
            records.put(found.key, record.model_copy(update=update).value(), expected=found.revision)

    persist(changed)


def persist(attempt: Callable[[], T]) -> T:
    """What `attempt`, which reads and then writes, gives; begun anew where somebody was faster, a few times."""
    for _try in range(TRIES - 1):
        with suppress(Conflict):
            return attempt()
    return attempt()
