"""A node joins: what it does itself, step by step, while a member does its part (`trebol_node.cluster.admission`)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import SecretStr

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import Runner
from trebol_node import pki
from trebol_node.cluster.create import numbered
from trebol_node.cluster.here import certificates, corosync, daemons, pacemaker, store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.member import PATIENCE_FOR_VOTE, Credentials, MemberApi, Unanswered, as_text, find
from trebol_node.cluster.preflight.asking import ask
from trebol_node.cluster.preflight.findings import evaluate, require, stopping
from trebol_node.cluster.preflight.report import to_text
from trebol_node.cluster.preflight.unit import Measures, Program
from trebol_node.cluster.steps.engine import Step, Work
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.agreed import Agreed
from trebol_node.cluster.tokens.token import Token, is_token
from trebol_node.cluster.waiting import LockedOut, NoCluster, Waits

KIND = "join"

#: Names of what a join keeps apart from its journal until it is over.
_TOKEN, _AUTHORITY_KEY, _COROSYNC_KEY = "token", "authority-key", "corosync-key"

#: Seconds between two tries.
_TRY_EVERY = 2.0

Find = Callable[[Sequence[Address], Credentials], MemberApi]

T = TypeVar("T")


@dataclass(frozen=True)
class Join:
    """The steps on this node; `find` reaches a member."""

    here: Here
    find: Find = find
    measures: Callable[[Runner], Measures] = Program

    def steps(self) -> Sequence[Step]:
        """In their order. Arguments: `links`, this node's addresses by number of link; `peer`, a member's address, or
        None where the token says it; `replaces`: the node of this name is dead, and removed first; `patience`, in
        seconds, until a member answers and it is this node's turn, None: as long as it takes; `force`, codes of
        findings that do not stop it. Secrets: `token`."""
        return (
            Step("admit", self._admit, self._withdraw),
            # Once it is this node's turn: two that measure at once would measure each other. Nothing of this node is
            # changed yet, and what the member has listed goes with `admit`.
            Step("preflight", self._measure),
            Step("keys", self._enter_keys, self._leave_keys),
            Step("store", self._enter_store, self._leave_store),
            Step("corosync", self._enter_corosync, self._leave_corosync),
            Step("pacemaker", self._enter_pacemaker, self._leave_pacemaker),
            Step("vote", self._vote, point_of_no_return=True),
            Step("end", self._end, point_of_no_return=True),
        )

    def _member(self, work: Work) -> MemberApi:
        return self.find(*self._shown(work))

    def _shown(self, work: Work) -> tuple[Sequence[Address], Credentials]:
        """Whom to ask, and what to show: what the first member knew, as others are wrong guesses that it counts."""
        text, peer = SecretStr(work.secrets[_TOKEN]), work.arguments["peer"]
        addresses, shown = credentials(text, peer, node=self.here.name, machine=self.here.machine)
        other = shown.otherwise
        return addresses, other if other is not None and work.facts.get("token") == other.id else shown

    def _admit(self, work: Work) -> None:
        """Waits while another node joins or leaves, and while no member answers; with all the time in the world, for
        the first member to create its cluster too."""
        addresses, shown = self._shown(work)
        # Of a join that an older version began, the journal does not say.
        replaces = {"replaces": "1"} if work.arguments.get("replaces") else {}

        def admitted() -> Any:
            nonlocal shown
            member = self.find(addresses, shown)
            shown = member.credentials
            return member.post("/admit", links=as_text(numbered(work.arguments["links"])), **replaces)

        found = self._patiently(work, admitted)
        work.remember(cluster=found["cluster"], members=found["members"], id=found["id"], token=shown.id)

    def _patiently(self, work: Work, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, once what passes by itself has."""
        patience = work.arguments.get("patience")
        end = None if patience is None else self.here.clock() + patience
        said = ""
        while True:
            try:
                return attempt()
            except (Unanswered, Refused) as error:
                if not _passes(error, ever=end is None) or (end is not None and self.here.clock() > end):
                    raise
                if str(error) != said:
                    work.say(f"waiting: {error}")
                said = str(error)
                self.here.pause(_TRY_EVERY)

    def _measure(self, work: Work) -> None:
        """Raises Refused with all that stops the join."""
        member, force = self._member(work), work.arguments.get("force", ())
        work.say(introduction(member, self.here))
        here, links = self.measures(self.here.runner), numbered(work.arguments["links"])
        # Somebody may be asking for a preflight alone, which takes no turn.
        facts = self._patiently(work, lambda: ask(member, here, links, joining=True, force=force, say=work.say))
        findings = evaluate(facts)
        work.say(to_text(facts, findings, force))
        for finding in (each for each in stopping(findings) if each not in stopping(findings, force)):
            work.say(f"forced: {finding.code}: {finding.where}: {finding.what}")
        require(findings, force)

    def _withdraw(self, work: Work) -> None:
        try:
            member = self._member(work)
        except (Unanswered, Refused) as error:
            # Whom no member knows is not listed either; one that does not answer may have listed this node.
            if "cluster" in work.facts:
                raise
            if isinstance(error, Unanswered):
                work.say("no member answers: should one have listed this node as joining, remove it there")
            return
        member.post("/undo")

    def _enter_keys(self, work: Work) -> None:
        told = self._member(work).post("/keys")
        keys = {name: told[name] for name in (_AUTHORITY_KEY, _COROSYNC_KEY)}
        work.keep_secret(**keys)
        certificates.enter(self.here, key=told[_AUTHORITY_KEY], certificate=told["authority"])

    def _leave_keys(self, work: Work) -> None:
        entered = self.here.is_there(certificates.ASIDE)
        certificates.leave(self.here)
        # They know the CA that was there when they started.
        store.start(self.here)
        if entered:
            daemons.begin_anew(self.here)

    def _enter_store(self, work: Work) -> None:
        told = self._member(work).post("/store")
        store.enter(self.here, self.here.name, told["voters"], votes=told["votes"])

    def _leave_store(self, work: Work) -> None:
        store.leave(self.here)

    def _enter_corosync(self, work: Work) -> None:
        told = self._member(work).post("/corosync", links=as_text(numbered(work.arguments["links"])))
        corosync.enter(self.here, told["text"], b64decode(work.secrets[_COROSYNC_KEY]))
        corosync.await_members(self.here, [self.here.name, *_names(work)])

    def _leave_corosync(self, work: Work) -> None:
        corosync.leave(self.here)

    def _enter_pacemaker(self, work: Work) -> None:
        pacemaker.enter(self.here)
        # It takes as long as pacemaker does to come online.
        daemons.begin_anew(self.here)
        pacemaker.await_online(self.here, self.here.name)

    def _leave_pacemaker(self, work: Work) -> None:
        pacemaker.leave(self.here)

    def _vote(self, work: Work) -> None:
        replace(self._member(work), patience=PATIENCE_FOR_VOTE).post("/vote")

    def _end(self, work: Work) -> None:
        self._member(work).post("/end")
        certificates.forget(self.here)
        daemons.await_begun(self.here)


def credentials(
    text: SecretStr, peer: str | None, *, node: str, machine: str
) -> tuple[Sequence[Address], Credentials]:
    """Whom to ask, and what to show. Raises BadInput for what is no token, and for one that names no member where no
    `peer` is given either."""
    if is_token(text.get_secret_value()):
        token = Token.parse(text.get_secret_value())
        addresses = token.addresses if peer is None else (Address(peer), *token.addresses)
        return addresses, Credentials(token.id, token.secret, node, machine, token.ca)
    if peer is None:
        hint = "give a member's address too: --peer ADDRESS"
        raise BadInput("names no member: it was agreed beforehand", where="token", hint=hint)
    by_name, by_any = (Agreed.of(text, node=named) for named in (node, None))
    otherwise = Credentials(by_any.id, by_any.secret, node, machine)
    return (Address(peer),), Credentials(by_name.id, by_name.secret, node, machine, otherwise=otherwise)


def introduction(member: MemberApi, here: Here) -> str:
    """Who talks to whom: a line for people who compare certificates."""
    own = pki.fingerprint(pki.API.pair(here.at(pki.FOLDER)).certificate)
    return f"{member.address} has the certificate {shown(member)}, this node {own}"


def shown(member: MemberApi) -> str:
    """The SHA-256 of its certificate, as `pki.fingerprint` writes it."""
    return bytes.fromhex(member.shown).hex(":").upper()


def _passes(error: TrebolError, *, ever: bool) -> bool:
    """Whether waiting helps: nobody answers yet, it is another node's turn, or, `ever`, there is no cluster yet, or
    too many were wrong that came from this address."""
    return isinstance(error, Unanswered | Waits) or (ever and isinstance(error, NoCluster | LockedOut))


def _names(work: Work) -> Sequence[str]:
    """Of all that were members when this one was admitted."""
    return [str(each["name"]) for each in work.facts["members"]]
