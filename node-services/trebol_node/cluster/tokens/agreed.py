"""A token that was agreed beforehand: a text that stands in the answer files of the nodes, before there is a cluster.

It says neither whom to believe nor which token it is. Both sides make the same id and secret of it, and prove that
to each other (`trebol_node.cluster.tokens.proof`) before the secret is told; from then on it is a token like others.
Pure but for `register`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from pydantic import SecretStr

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.join_tokens import advice, weakness
from trebol_node.cluster.tokens import lifetime
from trebol_node.cluster.tokens.keeping import persist
from trebol_node.cluster.tokens.proof import proof_key as proof_key
from trebol_node.cluster.tokens.record import TokenRecord, hash_secret, key_of
from trebol_node.cluster.tokens.token import ID, PREFIX, SECRET, is_token
from trebol_node.store.records import Records

#: scrypt (RFC 7914): 32 MiB and a tenth of a second of one core for each text that is tried.
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}

#: No random one: the node that joins knows nothing but the text. Long texts make tables of them useless.
_SALT = b"trebol token agreed beforehand, 1"


@dataclass(frozen=True)
class Agreed:
    """What is made of a text: the id and the secret, as a printed token has them."""

    id: str
    secret: SecretStr

    @classmethod
    def of(cls, text: SecretStr, *, node: str | None = None) -> Agreed:
        """For the node of that name alone, None: for any one. So one text is good for several nodes that are named.

        Takes long: not for a thread that serves others. Raises BadInput as `require_strong` does.
        """
        secret = require_strong(text.get_secret_value())
        master = hashlib.scrypt(secret.encode(), salt=_SALT, dklen=32, **_COST)
        ident = _derived(master, "id", node)[:ID].hex()
        return cls(ident, SecretStr(_derived(master, "secret", node)[:SECRET].hex()))

    @property
    def key(self) -> bytes:
        """What proofs are made with: the hash of the secret, which is what a member has of it."""
        return proof_key(hash_secret(self.secret.get_secret_value()))


def require_strong(text: str) -> str:
    """`text` where it can be a token agreed beforehand. Raises BadInput, without it, for one that can be guessed."""
    if is_token(text):
        raise _weak(_("begins as a token that a cluster printed ({prefix})").format(prefix=PREFIX), advice())
    if found := weakness(text):
        raise _weak(found, advice())
    return text


def register(
    records: Records, text: SecretStr, *, made_by: str, now: int, seconds: int, node: str | None = None
) -> str:
    """Have the cluster know a text that nodes were given before it was there; its id.

    Good once, for `node` or for whichever comes first; once for each of several nodes, where each of them is
    registered by its name. Registered again while it is unused, it is good from `now` on anew. Raises BadInput for a
    text that is too weak, a lifetime that none can have, and a text that was used; Conflict and Unavailable as
    `Records.put` does.
    """
    end = now + lifetime.require_possible(seconds)
    agreed = Agreed.of(text, node=node)
    kept = hash_secret(agreed.secret.get_secret_value())
    record = TokenRecord(hash=kept, end=end, when=now, made_by=made_by, node=node, agreed=True)

    def registered() -> str:
        found = records.get(key_of(agreed.id))
        known = None if found is None else TokenRecord.of(found.value)
        if known is not None and known.used_by is not None:
            told = _("was used by node {node}; it is good once").format(node=known.used_by.node)
            raise _weak(told, _("agree on another one"))
        records.put(key_of(agreed.id), record.value(), expected=0 if found is None else found.revision)
        return agreed.id

    return persist(registered)


def _derived(master: bytes, use: str, node: str | None) -> bytes:
    # No name of a node holds a blank, so that no two of these are one.
    named = f"{use} any" if node is None else f"{use} node {node}"
    return hmac.digest(master, named.encode(), "sha256")


def _weak(what: str, hint: str) -> BadInput:
    return BadInput(what, where=_("token"), hint=hint)
