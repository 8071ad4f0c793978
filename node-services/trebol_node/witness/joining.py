"""This machine becomes a cluster's witness, and ends being it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.member import Credentials, MemberApi, find
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.token import Token
from trebol_node.pki import AUTHORITY, STORE, Pair, nss
from trebol_node.pki.requests import new_key, new_request
from trebol_node.witness import storing
from trebol_node.witness.places import (
    AGENT_UNIT,
    DATABASE,
    FOLDER,
    PKI,
    QNETD_GROUP,
    QNETD_UNIT,
    QUORUM_UNIT,
    Settings,
)

Find = Callable[[Sequence[Address], Credentials], MemberApi]


@dataclass(frozen=True)
class Witnessing:
    """On this machine; `find` reaches a node of the cluster, `say` tells what is done."""

    here: Here
    say: Callable[[str], None]
    find: Find = find

    def join(self, text: str) -> Settings:
        """Be the witness of the cluster of a token. Raises Refused where this machine is one already, or its QNetd
        serves another cluster; what has begun when something fails is taken back."""
        token = Token.parse(text)
        self._require_free()
        shown = Credentials(token.id, token.secret, self._name(), self.here.machine, token.ca)
        node = self.find(token.addresses, shown)
        with ExitStack() as undo:
            undo.callback(self._clear)
            told = self._keys(node)
            settings = Settings(
                cluster=str(told["cluster"]),
                nodes=tuple(str(each) for each in token.addresses),
                address=str(told["address"]),
                id=token.id,
                secret=token.secret.get_secret_value(),
                authority=token.ca,
                machine=self.here.machine,
                qnetd=self._is_on(QNETD_UNIT),
                store=bool(told["store"]),
            )
            undo.callback(self._stop, settings)
            self._start(settings)
            self.say(_("QNetd runs; the cluster looks for it"))
            settings.write(self.here.root)
            node.post("/witness/ready", store=str(int(settings.store)))
            undo.pop_all()
        if settings.store:
            self.here.start(AGENT_UNIT)
        return settings

    def leave(self, *, forced: bool = False) -> None:
        """Be no witness any more. The cluster takes its vote first; `forced` asks nobody."""
        settings = Settings.read(self.here.root)
        if settings is None:
            raise BadInput(_("is no cluster's witness"), where=_("this machine"))
        if not forced:
            addresses = tuple(Address.parse(each) for each in settings.nodes)
            secret = SecretStr(settings.secret)
            shown = Credentials(settings.id, secret, self._name(), settings.machine, settings.authority)
            try:
                self.find(addresses, shown).post("/witness/leave")
            except Refused as error:
                raise self._not_known(error) from error
        self.end(settings)

    def end(self, settings: Settings) -> None:
        """Be as before, without asking anybody."""
        self._stop(settings)
        self._clear()
        if settings.store:
            # The last: it may be who asks for this.
            self.here.switch("disable", AGENT_UNIT)
            self.here.runner.run(["systemctl", "stop", "--no-block", AGENT_UNIT])

    def _not_known(self, error: Refused) -> TrebolError:
        hint = _("where the cluster knows it no more: trebol-witness leave --forced")
        return Refused(error.problems[0].what, where=error.problems[0].where, hint=hint)

    def _keys(self, node: MemberApi) -> dict[str, object]:
        """Keys of this machine's own, with certificates that the cluster signed."""
        key = self._path(PKI / "quorum.key")
        new_key(key, self.here.runner, own=self.here.own)
        asked = {"quorum": new_request(key, self.here.runner)}
        store = STORE.pair(self._path(PKI))
        if storing.is_possible(self.here):
            new_key(store.key, self.here.runner, mode=0o640, group=STORE.group, own=self.here.own)
            asked["store"] = new_request(store.key, self.here.runner)
        else:
            self.say(_("this machine's etcd is too old for a vote in the store: it needs Debian 13"))
        told: dict[str, object] = node.post("/witness/admit", **asked)
        if told["store"]:
            write_text(store.certificate, str(told["store"]))
        pair, authority = Pair(key, key.with_suffix(".pem")), AUTHORITY.pair(self._path(PKI)).certificate
        write_text(pair.certificate, str(told["quorum"]))
        write_text(authority, str(told["authority"]))
        nss.make(
            self._path(DATABASE), nss.DAEMON, pair, authority, self.here.runner, group=QNETD_GROUP, own=self.here.own
        )
        return told

    def _start(self, settings: Settings) -> None:
        if settings.qnetd:
            self.here.stop(QNETD_UNIT)
        self.here.start(QUORUM_UNIT)

    def _stop(self, settings: Settings) -> None:
        self.here.stop(QUORUM_UNIT)
        if settings.qnetd:
            self.here.start(QNETD_UNIT)

    def _clear(self) -> None:
        storing.abstain(self.here)
        shutil.rmtree(self._path(FOLDER), ignore_errors=True)

    def _require_free(self) -> None:
        settings = Settings.read(self.here.root)
        if settings is not None:
            hint = _("end that first: trebol-witness leave")
            what = _("is the witness of the cluster {name} already").format(name=settings.cluster)
            raise Refused(what, where=_("this machine"), hint=hint)
        if not self._is_on(QNETD_UNIT):
            return
        told = self.here.runner.run(["corosync-qnetd-tool", "-l"], check=False).stdout
        if found := re.findall(r'^Cluster "(.*)":$', told, re.MULTILINE):
            names = ", ".join(found)
            what = _("its QNetd decides for other clusters already: {names}").format(names=names)
            raise Refused(what, where=_("this machine"), hint=_("take another machine"))

    def _is_on(self, unit: str) -> bool:
        return self.here.runner.run(["systemctl", "is-active", "--quiet", unit], check=False).status == 0

    def _name(self) -> str:
        """The host name, as a node could have it: it stands in the cluster's logs."""
        name = re.sub(r"[^A-Za-z0-9-]", "", self.here.name)[:63].strip("-")
        return name or "witness"

    def _path(self, path: Path) -> Path:
        return self.here.at(path)
