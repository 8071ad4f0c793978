"""The node's own certificate authority, and the certificates of its API and its store."""

from trebol_node.pki.certificates import (
    API,
    AUTHORITY,
    CLIENT,
    FOLDER,
    SIGNED,
    STORE,
    Kind,
    Own,
    Pair,
    fingerprint,
    give,
    is_made_here,
    prepare,
    remake_store,
    renew,
)
from trebol_node.pki.names import Names, names_of

__all__ = [
    "API",
    "AUTHORITY",
    "CLIENT",
    "FOLDER",
    "SIGNED",
    "STORE",
    "Kind",
    "Names",
    "Own",
    "Pair",
    "fingerprint",
    "give",
    "is_made_here",
    "names_of",
    "prepare",
    "remake_store",
    "renew",
]
