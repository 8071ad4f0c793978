"""Secrets of fence devices as the store keeps them: sealed with a key that only root of a member can make.

    1:KEY:BASE64        AES-256-GCM: a nonce of 12 bytes, the text, a tag of 16 bytes
                        over it the device's id and the parameter's name: no secret can be moved to another place
                        KEY: the first 8 hexadecimal digits of what tells one key from another

The key is derived (HKDF-SHA256, RFC 5869) from the private key of the cluster's CA, which all members have and root
alone reads. So nothing more has to be handed over when a node joins.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trebol_common.errors import BadInput

_FORMAT = "1"
_NONCE = 12
_KEY = 32


@dataclass(frozen=True)
class Key:
    """What secrets are sealed with; `id` tells it from others."""

    id: str
    _bytes: bytes

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the CA's private key. Raises BadInput where it was taken away, or is none."""
        try:
            return cls.of(path.read_text("ascii"), where=str(path))
        except FileNotFoundError:
            raise BadInput(
                "was taken away, and secrets of fence devices need it", where=str(path), hint="put it back"
            ) from None

    @classmethod
    def of(cls, pem: str, *, where: str = "the CA's key") -> Self:
        """From the PEM text of a private key; how it is broken into lines does not count. Raises BadInput."""
        body = "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
        try:
            material = base64.b64decode(body, validate=True)
        except binascii.Error:
            material = b""
        if not material:
            raise BadInput("is no private key in PEM form", where=where)
        return cls(_derived(material, "trebol fencing id")[:4].hex(), _derived(material, "trebol fencing secrets"))

    def __repr__(self) -> str:
        return f"Key({self.id!r})"

    def seal(self, secret: str, *, place: str) -> str:
        """`secret`, to be opened at `place` alone (`place_of`)."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        text = nonce + AESGCM(self._bytes).encrypt(nonce, secret.encode(), place.encode())
        return f"{_FORMAT}:{self.id}:{base64.b64encode(text).decode()}"

    def open(self, sealed: str, *, place: str) -> str:
        """The secret. Raises BadInput for what another key sealed, or somebody changed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        form, _, rest = sealed.partition(":")
        ident, _, body = rest.partition(":")
        hint = "remove the device and add it anew"
        if form != _FORMAT or ident != self.id:
            raise BadInput("was sealed with the key of another CA", where=place, hint=hint)
        try:
            text = base64.b64decode(body, validate=True)
            return AESGCM(self._bytes).decrypt(text[:_NONCE], text[_NONCE:], place.encode()).decode()
        except (binascii.Error, InvalidTag, ValueError):
            raise BadInput("is damaged, or of another device", where=place, hint=hint) from None


def place_of(device: str, parameter: str) -> str:
    """Where a secret belongs."""
    return f"{device}/{parameter}"


def open_all(key: Key, device: str, sealed: Mapping[str, str]) -> dict[str, str]:
    """Every secret of a device by its parameter."""
    return {name: key.open(text, place=place_of(device, name)) for name, text in sealed.items()}


def seal_all(key: Key, device: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """The inverse of `open_all`."""
    return {name: key.seal(text, place=place_of(device, name)) for name, text in secrets.items()}


def _derived(material: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), _KEY, None, purpose.encode()).derive(material)
