"""A token, its record, and a cluster of two that makes and takes them."""

from __future__ import annotations

import hashlib

from pydantic import SecretStr

from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.admission import Admitted
from trebol_node.cluster.tokens.agreed import Agreed
from trebol_node.cluster.tokens.record import TokenRecord, Use, hash_secret
from trebol_node.cluster.tokens.token import Token
from trebol_node.store.records import MemoryRecords

NOW = 1795867200  # 2026-11-28 12:00:00 UTC
HOUR, DAY = 3600, 86400

SECRET = "00112233445566778899aabbccddeeff"
CA = hashlib.sha256(b"CA").hexdigest()
ADDRESSES = (Address("192.0.2.11"), Address("2001:db8::12"), Address("node3.example.org", 443))

TOKEN = Token(
    cluster="clover-1",
    cluster_id="b5d8b7f4-9a4e-4a86-9a26-3b3f5b0c6f0a",
    addresses=ADDRESSES,
    ca=CA,
    id="0123456789abcdef",
    secret=SecretStr(SECRET),
    end=NOW + HOUR,
)
TEXT = TOKEN.reveal()

MEMBERS = ("n1", "n3")

RECORD = TokenRecord(hash=hash_secret(SECRET), end=NOW + HOUR, when=NOW, made_by="n1")
USE = Use(machine="m2", node="n2", when=NOW + 60)
USED = RECORD.model_copy(update={"used_by": USE})


def issued(records: MemoryRecords, **how: object) -> Token:
    given_ = {
        "cluster": "clover-1",
        "cluster_id": "c1",
        "addresses": ADDRESSES,
        "ca": CA,
        "made_by": "n1",
        "now": NOW,
    }
    return keeping.issue(records, **{**given_, **how})  # type: ignore[arg-type]


def use(
    records: MemoryRecords, token: Token | Agreed, machine: str = "m2", node: str = "n2", now: int = NOW
) -> Admitted:
    return keeping.mark_used(
        records,
        token.id,
        token.secret.get_secret_value(),
        node=node,
        machine=machine,
        members=MEMBERS,
        removed={},
        now=now,
    )
