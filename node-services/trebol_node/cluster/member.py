"""A member of a cluster, as a node that joins reaches it: HTTPS to one machine, known by a proof and not by its name.

A member's certificate may be anybody's. What counts is that whoever shows it knows the token's secret
(`trebol_node.cluster.tokens.proof`): every connection from then on must show that certificate again.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from trebol_common.errors import BadInput, Problem, Refused, TrebolError
from trebol_common.i18n import _
from trebol_node.cluster.tokens import proof
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.proof import hash_secret, proof_key
from trebol_node.cluster.voters.members import IN_SYNC
from trebol_node.cluster.waiting import BY_CODE

PREFIX = "/api2/json"
JOINS = "/cluster/joins"

#: Seconds for one answer: a configuration that all members load takes the longest.
PATIENCE = 60.0
#: The same until a learner votes: the member waits that long for it to have what the store holds, and else tells why.
PATIENCE_FOR_VOTE = IN_SYNC + 30.0
#: Seconds until an address that does not answer is given up.
_CONNECT = 3.0
_LARGEST = 2**20


def as_text(links: Mapping[int, str]) -> str:
    """A node's addresses by number of link as members take them: "0=192.0.2.3,1=198.51.100.3"."""
    return ",".join(f"{number}={address}" for number, address in sorted(links.items()))


class Unanswered(TrebolError):
    """No member answers."""


class OtherCertificate(Unanswered):
    """Whoever answers is not whom was to be asked: it shows another certificate."""


@dataclass(frozen=True)
class Credentials:
    """What a node shows: the token's id and secret, its own name and machine-id(5). `authority`: the SHA-256 of the
    CA's certificate that the token names, None where it names none. `otherwise` is shown to a member that does not
    know these: a text agreed beforehand may be registered for this node by name, or for any."""

    id: str
    secret: SecretStr
    node: str
    machine: str
    authority: str | None = None
    otherwise: Credentials | None = None

    @property
    def key(self) -> bytes:
        """What proofs are made with."""
        return proof_key(hash_secret(self.secret.get_secret_value()))

    def fields(self) -> dict[str, str]:
        """As a form has them."""
        secret = self.secret.get_secret_value()
        return {"id": self.id, "secret": secret, "node": self.node, "machine": self.machine}


@dataclass(frozen=True)
class MemberApi:
    """The member at `address` that has proved to know the secret. `shown` is the SHA-256 of its certificate, and
    `authority` that of its CA's. It has `patience` seconds for an answer."""

    address: Address
    shown: str
    authority: str
    credentials: Credentials
    patience: float = PATIENCE

    def post(self, path: str, **fields: str) -> Any:
        """What the member answers to a form; raises Refused, BadInput, Unanswered with its words."""
        connection = Pinned(self.address, self.shown, self.patience)
        try:
            return post_form(connection, f"{JOINS}{path}", {**self.credentials.fields(), **fields})
        finally:
            connection.close()


def find(addresses: Sequence[Address], credentials: Credentials) -> MemberApi:
    """The first member that answers and knows the secret.

    Raises Unanswered with what each address said, Refused where somebody answers who does not know it.
    """
    problems: list[Problem] = []
    for address in addresses:
        try:
            return _known(address, credentials)
        except Unanswered as error:
            problems += error.problems
    raise Unanswered.of(problems)


def _known(address: Address, credentials: Credentials) -> MemberApi:
    """The member at `address`, which knows these credentials or the others."""
    try:
        return _proved(address, credentials)
    except Refused:
        if credentials.otherwise is None:
            raise
        return _proved(address, credentials.otherwise)


def _proved(address: Address, credentials: Credentials) -> MemberApi:
    """The member at `address`, once both sides have shown that they know the secret."""
    nonce = proof.new_nonce()
    connection = Pinned(address, None)
    try:
        hello = post_form(connection, f"{JOINS}/hello", {})
        exchange = proof.Exchange(nonce, bytes.fromhex(hello["nonce"]), bytes.fromhex(connection.shown))
        mine = proof.proof_of_joiner(credentials.key, exchange).hex()
        fields = {"id": credentials.id, "nonce": nonce.hex(), "member-nonce": hello["nonce"], "proof": mine}
        told = post_form(connection, f"{JOINS}/prove", fields)
        authority = bytes.fromhex(told["authority"])
        expected = proof.proof_of_member(credentials.key, exchange, ca=authority)
        known = proof.is_same(bytes.fromhex(told["proof"]), expected)
    except (KeyError, TypeError, ValueError) as error:
        raise Unanswered(_("answers with what is no proof"), where=str(address)) from error
    finally:
        connection.close()
    if not known or credentials.authority not in (None, authority.hex()):
        raise Refused(
            _("answers, but does not know the token's secret"),
            where=str(address),
            hint=_("another machine may have taken this address: look before you try again"),
        )
    return MemberApi(address, connection.shown, authority.hex(), credentials)


class Pinned(http.client.HTTPSConnection):
    """TLS to whoever shows the certificate with that SHA-256 (None: any, to be looked at), checked before anything
    is sent."""

    def __init__(self, address: Address, expected: str | None, patience: float = PATIENCE) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().__init__(address.host, address.port, timeout=_CONNECT, context=context)
        self.address = address
        self.shown = ""
        self._expected = expected
        self._patience = patience

    def connect(self) -> None:
        super().connect()
        self.shown = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if self._expected is not None and self.shown != self._expected:
            self.close()
            raise OtherCertificate(
                _("shows another certificate: {shown}").format(shown=bytes.fromhex(self.shown).hex(":").upper()),
                where=str(self.address),
                hint=_("compare it with what `trebol node keys` shows there: another machine may have this address"),
            )
        self.sock.settimeout(self._patience)


def post_form(
    connection: Pinned, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = MappingProxyType({})
) -> Any:
    """What is answered to a form posted to a path of the API; raises Refused, BadInput, Unanswered with its words."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    try:
        connection.request("POST", f"{PREFIX}{path}", urlencode(fields), sent)
        response = connection.getresponse()
        return _data(connection.address, response.status, response.reason, response.read(_LARGEST))
    except (OSError, http.client.HTTPException) as error:
        raise _unanswered(connection.address, error) from error


def _data(address: Address, status: int, reason: str, text: bytes) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unanswered(_("answers with what is no JSON object"), where=str(address))
    if status == 200:
        return answer.get("data")
    errors = answer.get("errors")
    problems = [Problem(str(why), str(name)) for name, why in errors.items()] if isinstance(errors, dict) else []
    refused = BY_CODE.get(str(answer.get("code")), Refused)
    kind = BadInput if status in (400, 404) else refused if status in (401, 403, 409) else TrebolError
    raise kind.of(problems or [Problem(str(answer.get("message") or reason).strip())])


def _unanswered(address: Address, error: Exception) -> Unanswered:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unanswered(_("does not answer: {reason}").format(reason=reason), where=str(address))
