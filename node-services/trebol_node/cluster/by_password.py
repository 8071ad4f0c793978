"""Joining as clients of Proxmox VE do it: with a member's name, its certificate's fingerprint and root's password.

What they are good for is a token of that member's, made for this node alone; with it the join goes on as any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import SecretStr

from trebol_common.errors import BadInput
from trebol_node.cluster.member import Pinned, post_form
from trebol_node.cluster.tokens.addresses import PORT, Address

_FINGERPRINT = re.compile(r"([0-9A-Fa-f]{2}:?){32}")

#: Seconds for which the token is good: it is used at once.
_GOOD = "15m"


@dataclass(frozen=True)
class ByPassword:
    """`fingerprint` is the SHA-256 of the member's certificate, "AB:CD:…"; `user` and `password` are known there."""

    host: str
    fingerprint: str
    password: SecretStr
    user: str = "root@pam"

    def token(self, node: str, *, port: int = PORT) -> SecretStr:
        """A token for `node`.

        Raises BadInput for what is no fingerprint, Refused for a wrong password, Unanswered where the member does not
        answer, or shows another certificate.
        """
        if not _FINGERPRINT.fullmatch(self.fingerprint):
            raise BadInput("is no SHA-256 of a certificate: AB:CD:…", where="fingerprint")
        shown = self.fingerprint.replace(":", "").lower()
        connection = Pinned(Address(self.host, port), shown)
        try:
            known = {"username": self.user, "password": self.password.get_secret_value()}
            ticket = post_form(connection, "/access/ticket", known)
            headers = {
                "Cookie": f"PVEAuthCookie={ticket['ticket']}",
                "CSRFPreventionToken": ticket["CSRFPreventionToken"],
            }
            made = post_form(connection, "/cluster/tokens", {"ttl": _GOOD, "node": node}, headers)
        finally:
            connection.close()
        return SecretStr(made["token"])
