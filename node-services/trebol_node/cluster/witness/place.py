"""A witness's place in the cluster: invited, taken, left. Everything is in the store; all bear being done twice."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.proof import hash_secret
from trebol_node.cluster.tokens.token import ID, SECRET, Token
from trebol_node.cluster.witness.record import KEY, STORE_NAME, Witness, witness
from trebol_node.store.records import Records


class NotInvited(Refused):
    """Whoever asks shows no token that counts."""


@dataclass(frozen=True)
class Place:
    """`now` in seconds since 1970."""

    records: Records
    now: Callable[[], float]

    def invite(
        self, host: str, address: str, *, addresses: Sequence[Address], ca: str, made_by: str, seconds: int
    ) -> Token:
        """A token for the witness at `address`, in place of one that was not used. `addresses` and `ca` as of a
        token of a node's. Raises Refused where there is a witness already."""
        settings = cluster.settings(self.records)
        if settings is None:
            raise cluster.stands_alone()
        token = Token(
            cluster=settings.name,
            cluster_id=settings.id,
            addresses=tuple(addresses),
            ca=ca,
            id=secrets.token_bytes(ID).hex(),
            secret=SecretStr(secrets.token_bytes(SECRET).hex()),
            end=int(self.now()) + seconds,
            node=None,
        ).fitting()
        kept = hash_secret(token.secret.get_secret_value())
        made = Witness(host, address, token.id, kept, token.end, made_by)

        def invited(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
            if before is not None and before.get("here"):
                raise Refused(f"the cluster has a witness already: {before['host']}", where=host)
            return made.to_members()

        cluster.edit(self.records, KEY, invited)
        return token

    def require(self, ident: str, secret: str, machine: str) -> Witness:
        """The witness that shows this. Raises NotInvited."""
        found = witness(self.records)
        if found is None or not found.knows(ident, secret):
            hint = "make another one on a node: trebol cluster witness add HOST"
            raise NotInvited(
                "is not known here: another was made since, or the witness removed", where="token", hint=hint
            )
        if found.machine not in ("", machine):
            raise NotInvited("was used by another machine; it is good once", where="token")
        if not found.machine and found.end <= self.now():
            hint = "make another one on a node: trebol cluster witness add HOST"
            raise NotInvited("has ended", where="token", hint=hint)
        return found

    def admit(self, ident: str, secret: str, machine: str) -> Witness:
        """Have the token be this machine's. Raises NotInvited."""
        self.require(ident, secret, machine)
        return self._edit(ident, machine=machine)

    def configure(self, address: str) -> Totem:
        """The configuration with it, written to the store; members follow it."""

        def changed(totem: Totem) -> Totem:
            if totem.device is not None and totem.device.host == address:
                return totem
            return totem.with_device(address, may_wait=True)

        return cluster.edit_totem(self.records, changed)

    def settle(self, ident: str, *, store: bool) -> None:
        """It has taken its place."""
        self._edit(ident, here=True, store=store)

    def unconfigure(self) -> Totem:
        """The configuration without it, written to the store."""
        return cluster.edit_totem(self.records, lambda totem: totem.without_device() if totem.device else totem)

    def forget(self) -> None:
        """As if there had been none."""
        cluster.remove(self.records, KEY)

    def _edit(self, ident: str, **changes: Any) -> Witness:
        def changed(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
            if before is None or before["id"] != ident:
                raise NotInvited("is not known here any more", where="token")
            return replace(Witness.of(before), **changes).to_members()

        after = cluster.edit(self.records, KEY, changed)
        assert after is not None
        return Witness.of(after)


def voters_with(records: Records, voters: Mapping[str, str]) -> dict[str, str]:
    """Addresses of all that vote in the store, by name: nodes' `voters`, and the witness where it does."""
    found = witness(records)
    return {**voters, **({STORE_NAME: found.address} if found is not None and found.voter else {})}


def require_one(records: Records) -> Witness:
    """The witness, or who is invited. Raises BadInput where there is none."""
    found = witness(records)
    if found is None:
        raise BadInput("there is none", where="witness", hint="trebol cluster witness add HOST")
    return found
