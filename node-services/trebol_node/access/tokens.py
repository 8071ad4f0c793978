"""API tokens: `PVEAPIToken=USER@REALM!TOKEN=SECRET` in the header Authorization."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from trebol_node.access.accounts import Accounts
from trebol_node.access.errors import Denied, Invalid, Missing, NotAuthenticated
from trebol_node.access.names import Identity, full_token_id

_SCHEME = "PVEAPIToken="
_LONGEST = 512


def new_secret() -> str:
    """A secret for a token: a random UUID, shown once."""
    return str(uuid.uuid4())


def hash_secret(secret: str) -> str:
    """What is kept of a secret. It has 122 random bits: no salt, no slow hash would make it harder to guess."""
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).hexdigest()


def is_token(header: str) -> bool:
    """Whether a header Authorization is meant as a token."""
    return header.startswith(_SCHEME)


def check(accounts: Accounts, header: str, now: float) -> Identity:
    """Whose token the header Authorization holds; raises NotAuthenticated.

    The secret is compared before anything is said of the account, with something for tokens that are not there too.
    """
    text, equals, secret = header.removeprefix(_SCHEME).rpartition("=")
    if not header.startswith(_SCHEME) or not equals or len(header) > _LONGEST:
        raise NotAuthenticated("no API token")
    try:
        identity = full_token_id(text)
    except Invalid:  # Its words would show the text, and who errs may have put the secret there.
        raise NotAuthenticated("no API token") from None
    token = accounts.tokens.get(str(identity))
    same = hmac.compare_digest(hash_secret(secret), hash_secret("") if token is None else token.hash)
    if token is None or not same:
        raise NotAuthenticated("invalid token value!")
    try:
        accounts.require_enabled(identity, now)
    except (Denied, Missing) as error:
        raise NotAuthenticated(str(error)) from error
    return identity
