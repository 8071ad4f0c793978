"""What a member does for the cluster when a node comes or goes: proofs, waiting for corosync, removing one."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from trebol_common.adapters import adapter
from trebol_common.errors import TrebolError
from trebol_node import pki
from trebol_node.api.forms import Parameters
from trebol_node.cluster import records as cluster
from trebol_node.cluster.admission import Admission
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.records import Member
from trebol_node.cluster.removal import Removal, take_vote
from trebol_node.cluster.tokens import admission as tokens
from trebol_node.cluster.tokens import proof
from trebol_node.cluster.tokens.agreed import proof_key
from trebol_node.cluster.tokens.nonces import Nonces
from trebol_node.cluster.tokens.record import TokenRecord, key_of
from trebol_node.cluster.voters.members import Members
from trebol_node.cluster.witness.record import witness
from trebol_node.store.configuration import peer_url
from trebol_node.store.records import Records
from trebol_node.worker.cluster_operations import ForgetNode, ReadMembership

#: Seconds until all members that are there have loaded a new configuration.
_LOADED_WITHIN = 20.0
_LOOK_EVERY = 0.1

#: Of 32 bytes, and machine-id(5), in hexadecimal.
DIGEST = r"\A[0-9a-f]{64}\z"
MACHINE = r"\A[0-9a-f]{32}\z"


class Prove(Parameters):
    """Nonces and a proof, in hexadecimal."""

    id: Annotated[str, Field(max_length=64)]
    nonce: Annotated[str, Field(pattern=DIGEST)]
    member_nonce: Annotated[str, Field(pattern=DIGEST)]
    proof: Annotated[str, Field(pattern=DIGEST)]


@dataclass
class Desk:
    """Where nodes come to that want to join this node's cluster. `call` asks the worker."""

    node: str
    records: Records
    members: Members
    call: Callable[[Any], Awaitable[Any]]
    now: Callable[[], float]
    certificates: Path = pki.FOLDER
    _nonces: Nonces = field(init=False)

    def __post_init__(self) -> None:
        self._nonces = Nonces(self.now)

    @property
    def admission(self) -> Admission:
        """What the steps do in the store."""
        return Admission(self.records, self.now)

    def hello(self) -> dict[str, str]:
        """A nonce, for one proof. Raises Refused on a node that stands alone."""
        self.admission.require_cluster()
        return {"nonce": self._nonces.new().hex()}

    def prove(self, given: Prove) -> dict[str, str] | None:
        """This side's proof; None where the other one's is none."""
        if not self._nonces.use(bytes.fromhex(given.member_nonce)) or not tokens.is_id(given.id):
            return None
        kept = self._hash_of(given.id)
        key = proof_key("0" * 64 if kept is None else kept)
        try:
            exchange = proof.Exchange(
                bytes.fromhex(given.nonce), bytes.fromhex(given.member_nonce), self._digest(pki.API)
            )
            known = proof.is_same(bytes.fromhex(given.proof), proof.proof_of_joiner(key, exchange))
        except ValueError:
            return None
        if not known or kept is None:
            return None
        authority = self._digest(pki.AUTHORITY)
        return {"proof": proof.proof_of_member(key, exchange, ca=authority).hex(), "authority": authority.hex()}

    def _hash_of(self, ident: str) -> str | None:
        """What is kept of the secret of a token, of a node's or the witness's."""
        found = self.records.get(key_of(ident))
        kept = None if found is None else TokenRecord.of(found.value)
        if kept is not None:
            return kept.hash
        third = witness(self.records)
        return third.hash if third is not None and third.id == ident else None

    def _digest(self, kind: pki.Kind) -> bytes:
        text = kind.pair(self.certificates).certificate.read_text("ascii")
        begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[begin:end])).digest()

    async def loaded(self, totem: Totem) -> None:
        """Wait until corosync has loaded the configuration here, and so everywhere: members follow the record.

        Raises TrebolError that names those that do not have it in time.
        """
        for _look in range(int(_LOADED_WITHIN / _LOOK_EVERY)):
            if (await self.call(ReadMembership()))["version"] >= totem.version:
                return
            await asyncio.sleep(_LOOK_EVERY)
        missing = {each.name for each in totem.nodes} - cluster.having(self.records, totem.digest)
        raise TrebolError(
            "the new configuration of corosync was not loaded everywhere",
            where=", ".join(sorted(missing)) or self.node,
            hint="see there: journalctl -u trebold -u corosync",
        )


async def remove_node(desk: Desk, node: str, *, dead: bool) -> None:
    """Have the cluster do without a node, in an order that bears being cut short: asking again goes on.

    Raises as `Removal.require_possible`, Refused for the last voter; `dead`: somebody made sure that it is off.
    """
    if cluster.totem(desk.records) is None:
        raise cluster.stands_alone()
    removal = Removal(desk.records, desk.now)
    if removal.is_unlisted_join(node):
        await asyncio.to_thread(removal.end, node)
        return
    membership = adapter(Membership).validate_python(await desk.call(ReadMembership()))

    def configure() -> tuple[Member, Totem]:
        member = removal.require_possible(node, desk.node, membership, dead=dead)
        desk.members.require_dispensable(peer_url(member.address))
        removal.begin(node)
        return member, removal.configure(node)

    member, totem = await asyncio.to_thread(configure)
    await desk.loaded(totem)
    await asyncio.to_thread(take_vote, desk.members, member.address)
    await desk.call(ForgetNode(node=node))
    await asyncio.to_thread(removal.end, node)
