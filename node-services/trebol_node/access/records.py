"""What the store keeps of accounts: one model per kind of record, keys relative to "access/".

| key | model |
|---|---|
| `users/NAME@REALM` | `User` |
| `passwords/NAME@REALM` | `Password`: realm trebol only |
| `tfa/NAME@REALM` | `Tfa`: second factors |
| `groups/GROUP` | `Group`; who is in it stands with the users |
| `roles/ROLE` | `Role`; the built-in ones are no records |
| `tokens/NAME@REALM!TOKEN` | `Token` |
| `acl` | `Acl`: the whole tree |
| `keys` | `Keys`: what tickets are signed with |

What users type is kept apart from what is secret, and from what a login changes. Fields that a later version of
Trebol added stay when this one writes the record: nodes of a cluster are upgraded one by one.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: Seconds since 1970.
Seconds = Annotated[int, Field(ge=0)]

#: 32 bytes in hexadecimal.
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _base32(text: str) -> str:
    base64.b32decode(text + "=" * (-len(text) % 8))  # Its error is a ValueError.
    return text


class Stored(BaseModel):
    """One value of the store."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def value(self) -> dict[str, Any]:
        """The JSON value of it; what is as by default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


class User(Stored):
    """`expire` is when the account ends (0: never); tickets made before `tickets_from` do not count."""

    enable: bool = True
    expire: Seconds = 0
    firstname: str = ""
    lastname: str = ""
    email: str = ""
    comment: str = ""
    groups: tuple[str, ...] = ()
    tickets_from: Seconds = 0


class Password(Stored):
    """`hash` is that of `trebol_node.access.passwords`."""

    hash: str = Field(repr=False)


class Group(Stored):
    """A group; `comment` is for people."""

    comment: str = ""


class Role(Stored):
    """What a role may."""

    privs: tuple[str, ...] = ()


class Token(Stored):
    """`hash` is the SHA-256 of the secret; with `privsep` the token has what both it and its user have."""

    hash: Digest = Field(repr=False)
    expire: Seconds = 0
    privsep: bool = True
    comment: str = ""


class Totp(Stored):
    """One device that shows one-time passwords (RFC 6238).

    `secret` is base32 without padding, `step` in seconds; `used` the number of the last step whose password was used.
    """

    id: str
    secret: Annotated[str, AfterValidator(_base32)] = Field(repr=False)
    description: str = ""
    created: Seconds = 0
    enable: bool = True
    digits: int = Field(6, ge=6, le=8)
    step: int = Field(30, ge=1)
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha1"
    used: int = -1


class Recovery(Stored):
    """Recovery keys: HMAC-SHA256 of each under `salt`, in hexadecimal; an empty one is used up."""

    salt: Digest = Field(repr=False)
    hashes: tuple[Digest | Literal[""], ...] = Field(repr=False)
    created: Seconds = 0


class Tfa(Stored):
    """Second factors of a user; `misses` counts wrong one-time passwords since the last right one."""

    totp: tuple[Totp, ...] = ()
    recovery: Recovery | None = None
    misses: int = 0


#: User, group or token → role → whether it holds for all below.
Grants = dict[str, dict[str, bool]]


class AclNode(Stored):
    """The entries of one path."""

    users: Grants = {}
    groups: Grants = {}
    tokens: Grants = {}


class Acl(Stored):
    """Path → its entries."""

    paths: dict[str, AclNode] = {}


class Key(Stored):
    """A secret of 32 bytes in hexadecimal, and when it was made."""

    secret: Digest = Field(repr=False)
    created: Seconds


class Keys(Stored):
    """The key that signs, and the one before it, which only verifies."""

    current: Key
    previous: Key | None = None
