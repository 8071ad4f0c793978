"""The record `cluster/witness`: who is the witness, or is invited to be. One at most."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from trebol_node.cluster import records as cluster
from trebol_node.cluster.tokens.proof import hash_secret
from trebol_node.store.records import Records

KEY = "cluster/witness"

#: Of its member in the store's lists; no node can have it.
STORE_NAME = "witness.trebol"


@dataclass(frozen=True)
class Witness:
    """`host` as it was named, `address` what that meant. `id` and `hash`: of its token, good until `end` (in seconds
    since 1970) for the first machine that shows it, from then on for `machine` alone. `here`: it has taken its place.
    `store`: it offers a vote in the store; `voter` and `learner` as of a node."""

    host: str
    address: str
    id: str
    hash: str
    end: int
    made_by: str
    machine: str = ""
    here: bool = False
    store: bool = False
    voter: bool = False
    learner: str = ""

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`; what a later version added is left out. Raises BadInput."""
        return cluster.known(cls, members, KEY)

    def knows(self, ident: str, secret: str) -> bool:
        """Whether this is its token."""
        return hmac.compare_digest(self.hash, hash_secret(secret)) and ident == self.id


def witness(records: Records) -> Witness | None:
    """The cluster's; None: it has none, and invites none."""
    record = records.get(KEY)
    return None if record is None else Witness.of(record.value)
