"""A server that is known by the fingerprint of its certificate, whoever signed that."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter


class _Pinned(HTTPAdapter):
    """Takes connections to the one certificate; urllib3 compares its SHA-256 before anything is sent."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See HTTPAdapter."""
        super().init_poolmanager(*arguments, **options, assert_fingerprint=self._fingerprint)


def session(fingerprint: str | None) -> requests.Session:
    """Talks to servers that the system trusts, or to that of the certificate with this SHA-256 (hexadecimal) alone.

    To the one certificate it talks by https alone: a redirection to another server, or to http, fails.
    """
    made = requests.Session()
    if fingerprint is not None:
        made.verify = False
        # No proxy, no .netrc, no other set of authorities, which would be looked at as well.
        made.trust_env = False
        made.mount("https://", _Pinned(fingerprint))
        del made.adapters["http://"]
    return made
