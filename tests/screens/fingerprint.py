"""The SHA-256 of a certificate: as the wizard's first page shows it, and of what a server really shows."""

from __future__ import annotations

import hashlib
import re
import ssl


def shown(page: str) -> str:
    """What stands on the page between its heading and the node's state, without colons."""
    _before, _heading, rest = page.partition("SHA-256")
    return "".join(re.findall(r"\b[0-9A-F]{2}\b", rest.partition("State")[0]))


def served(host: str, port: int, *, within: float) -> str:
    """Of the server there, in upper-case hexadecimal."""
    pem = ssl.get_server_certificate((host, port), timeout=within)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
