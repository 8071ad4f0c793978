"""The fingerprint of the node's SSH host key, so that a first login can be compared with the console."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path

#: Best first: clients ask for the key types in this order.
KEYS = ("ssh_host_ed25519_key.pub", "ssh_host_ecdsa_key.pub", "ssh_host_rsa_key.pub")


def read_fingerprint(root: Path) -> str | None:
    """The fingerprint of the best host key below `root`/etc/ssh; None while there is none."""
    for name in KEYS:
        try:
            return fingerprint((root / "etc/ssh" / name).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return None


def fingerprint(public_key: str) -> str:
    """As `ssh-keygen -l` shows it: SHA-256 of the key's blob, in base64 without padding. Raises ValueError."""
    kind, encoded = public_key.split()[:2]
    try:
        digest = hashlib.sha256(base64.b64decode(encoded, validate=True)).digest()
    except binascii.Error as error:
        raise ValueError(f"{kind} key is damaged") from error
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')} ({_NAMES.get(kind, kind)})"


_NAMES = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA", "ecdsa-sha2-nistp256": "ECDSA"}
