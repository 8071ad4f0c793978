"""A token as it is printed and pasted: one line, `trebol1-` and base64url (RFC 4648, 5) without padding of

    2 bytes     length of all that follows
    fixed part  secret, CA's SHA-256, end, id
    texts       cluster's name, its id, the node or "", addresses; each with its length, one byte, before it
    4 bytes     the first of the SHA-256 of all before

The length tells a copy that was cut off, the checksum one that was garbled, from a token that is simply wrong. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass, replace
from typing import Self

from pydantic import SecretStr

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.join_tokens import LONGEST, PRINTED, is_printed
from trebol_node.cluster.tokens.addresses import Address

PREFIX = "trebol1-"

#: Bytes of the secret, which nobody guesses, and of the id, which is no secret.
SECRET, ID = 16, 8

_LENGTH = struct.Struct(">H")
_FIXED = struct.Struct(f">{SECRET}s32sQ{ID}s")
_CHECKSUM = 4

#: Seconds since 1970 at the end of the year 9999, the last that can be told as a date.
_LAST = 253402300799

_CLUSTER = re.compile(r"[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
_NODE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class TooLong(ValueError):
    """A token has more in it than one line may."""


@dataclass(frozen=True)
class Token:
    """What a node needs to join: whom to ask, whom to believe, and what to say.

    `ca` is the SHA-256 of the CA's certificate (DER) and `secret` the secret, both in lower-case hexadecimal; `end`
    is in seconds since 1970; with `node`, it is good for the node of that name alone.
    """

    cluster: str
    cluster_id: str
    addresses: tuple[Address, ...]
    ca: str
    id: str
    secret: SecretStr
    end: int
    node: str | None = None

    def reveal(self) -> str:
        """The line to print, the secret in it. Raises TooLong where that has more letters than `LONGEST`."""
        texts = (self.cluster, self.cluster_id, self.node or "", *map(str, self.addresses))
        packed = b"".join(bytes([len(text.encode())]) + text.encode() for text in texts)
        secret = bytes.fromhex(self.secret.get_secret_value())
        content = _FIXED.pack(secret, bytes.fromhex(self.ca), self.end, bytes.fromhex(self.id)) + packed
        told = _LENGTH.pack(len(content) + _CHECKSUM) + content
        text = PREFIX + _encoded(told + _checksum(told))
        if len(text) > LONGEST:
            raise TooLong(f"{len(text)} letters")
        return text

    def fitting(self) -> Self:
        """With as many of the addresses, from the first on, as one line has room for. TooLong: not even one."""
        for count in range(len(self.addresses), 0, -1):
            shorter = replace(self, addresses=self.addresses[:count])
            try:
                shorter.reveal()
            except TooLong:
                continue
            return shorter
        raise TooLong("no address fits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `reveal`; blanks and line ends of a terminal do not matter. Raises BadInput, without the
        text: it may hold a good secret."""
        letters = "".join(text.split())
        found = PRINTED.match(letters)
        if found is None:
            raise _wrong(_("is not a token of a cluster: those begin with {prefix}").format(prefix=PREFIX))
        if found[0] != PREFIX:
            hint = _("the node that joins needs the cluster's version of Trebol: update it first")
            raise _wrong(_("is a token of another version of Trebol ({prefix})").format(prefix=found[0]), hint)
        return cls._unpacked(_content(letters[len(PREFIX) :]))

    @classmethod
    def _unpacked(cls, content: bytes) -> Self:
        secret, ca, end, ident = _FIXED.unpack_from(content)
        try:
            cluster, cluster_id, node, *addresses = _texts(content[_FIXED.size :])
            token = cls(
                cluster=cluster,
                cluster_id=cluster_id,
                addresses=tuple(map(Address.parse, addresses)),
                ca=ca.hex(),
                id=ident.hex(),
                secret=SecretStr(secret.hex()),
                end=end,
                node=node or None,
            )
        except ValueError as error:
            raise _strange() from error
        named = _CLUSTER.fullmatch(cluster) and (not node or is_node(node))
        if not (named and cluster_id.isprintable() and token.addresses and end <= _LAST):
            raise _strange()
        return token


def is_token(text: str) -> bool:
    """Whether `text` is meant as a token that a cluster printed, not as one that was agreed beforehand."""
    return is_printed("".join(text.split()))


def is_node(name: str) -> bool:
    """Whether a node can have that name: a host name in lower case (RFC 1123, 2.1)."""
    return _NODE.fullmatch(name) is not None


def _content(letters: str) -> bytes:
    """What lies between length and checksum. Raises BadInput where it is not as it was made."""
    again = _("copy it again, whole: it is one line")
    try:
        head = _decoded(letters[:4])[: _LENGTH.size] if len(letters) >= 4 else b""
        announced = _LENGTH.size + (_LENGTH.unpack(head)[0] if head else LONGEST)
        whole = -(-announced * 4 // 3)
        # A length that no token has was garbled itself.
        if len(letters) < whole <= LONGEST - len(PREFIX):
            wrong = _("was cut off: {count} of {whole} letters are there")
            raise _wrong(wrong.format(count=len(PREFIX) + len(letters), whole=len(PREFIX) + whole), again)
        told = _decoded(letters)
    except binascii.Error as error:
        raise _wrong(_("is garbled: it holds signs that no token has"), again) from error
    is_whole = len(letters) == whole and _encoded(told) == letters
    content, checksum = told[:-_CHECKSUM], told[-_CHECKSUM:]
    if not is_whole or _checksum(content) != checksum or len(content) < _LENGTH.size + _FIXED.size:
        raise _wrong(_("is garbled: letters were changed, added or lost"), again)
    return content[_LENGTH.size :]


def _texts(packed: bytes) -> list[str]:
    """Raises ValueError where lengths or texts are none."""
    texts, start = [], 0
    while start < len(packed):
        end = start + 1 + packed[start]
        if end > len(packed):
            raise ValueError("a text longer than all")
        texts.append(packed[start + 1 : end].decode())
        start = end
    return texts


def _checksum(told: bytes) -> bytes:
    return hashlib.sha256(told).digest()[:_CHECKSUM]


def _encoded(told: bytes) -> str:
    return base64.urlsafe_b64encode(told).rstrip(b"=").decode()


def _decoded(letters: str) -> bytes:
    """Raises binascii.Error."""
    if not letters.isascii() or "+" in letters or "/" in letters:
        raise binascii.Error("not of base64url")
    return base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)


def _wrong(what: str, hint: str = "") -> BadInput:
    made = hint or _("a member of the cluster makes one: trebol cluster token create")
    return BadInput(what, where=_("token"), hint=made)


def _strange() -> BadInput:
    return _wrong(_("is whole, but does not say what a token says: another program has made it"))
