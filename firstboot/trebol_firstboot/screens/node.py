"""The node that the wizard runs on: what it is by its own files, and all that is changed through its API."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.i18n import _
from trebol_common.run import CommandRunner, Runner
from trebol_firstboot.banner import banner
from trebol_firstboot.cluster_seen import ClusterSeen, cluster_of
from trebol_firstboot.hostkey import read_fingerprint
from trebol_firstboot.screens import local
from trebol_firstboot.screens.course import DONE
from trebol_firstboot.screens.world import (
    ClusterKnown,
    CodeNeeded,
    NetworkSeen,
    RunningTask,
    Seen,
    Session,
    Task,
    TaskNews,
    TimeSettings,
    Update,
)
from trebol_firstboot.unattended.status import line
from trebol_node import facts
from trebol_node.client import NODE, Api, NotAllowed, Unreachable
from trebol_node.cockpit import certificates
from trebol_node.status import status
from trebol_node.worker.pam import Pam, SystemPam

if TYPE_CHECKING:
    from trebol_common.network import HostNetwork
    from trebol_hardware.checks.finding import Finding
    from trebol_hardware.machine import NetworkInterface

ROOT = Path("/")

#: Whoever has all of these on "/" may administer the node.
ADMINISTRATOR = frozenset({"Sys.Audit", "Sys.Modify", "Sys.PowerMgmt", "Permissions.Modify"})

#: Seconds between two looks at a task, and after a wrong password while the daemon is silent.
_LOOK = 0.5
_WRONG = 3.0

#: Looks at a task while the daemon is silent, before that is given up.
_TRIES = 120

#: Lines of a task's log that are asked for at once.
_LINES = 500

#: What the task of a network says once it waits (`trebol_node.worker.network`).
_WAITS = re.compile(r"confirm within (\d+) s\b")

#: How a task may end that did its work.
_WARNED = re.compile(r"WARNINGS: \d+")

#: Users of this realm are the system's own.
REALM = "@pam"


class Calls(Protocol):
    """What the wizard needs of `trebol_node.client.Api`."""

    def call(
        self, method: str, path: str, arguments: Mapping[str, Any] = ..., *, headers: Mapping[str, str] = ...
    ) -> Any:
        """See `Api.call`."""

    def whole(
        self, method: str, path: str, arguments: Mapping[str, Any], *, headers: Mapping[str, str] = ...
    ) -> Mapping[str, Any]:
        """See `Api.whole`."""


@dataclass
class ApiWorld:
    """`api` is the daemon's; the rest are the edges of this system."""

    api: Calls = field(default_factory=Api)
    root: Path = ROOT
    runner: Runner = field(default_factory=CommandRunner)
    pam: Pam = field(default_factory=SystemPam)
    certificate: Callable[[str], str] = local.certificate
    interfaces: Callable[[Path], tuple[NetworkInterface, ...]] = local.interfaces
    pause: Callable[[float], None] = time.sleep
    _session: Session | None = None
    #: What says to the daemon for whom the root of this console asks.
    _ticket: Mapping[str, str] = field(default_factory=dict, repr=False)
    _challenge: str = field(default="", repr=False)
    _looked: bool = False
    _shown: tuple[str, str] = ("", "")
    #: Name servers before a trial, which are as before with it.
    _dns: Mapping[str, str] | None = None
    #: Of the keys as they were read: what somebody else changed since is not undone.
    _keys_read: str | None = None

    def look(self) -> Seen:
        """See `World.look`."""
        found = status(facts.read(self.root, self.runner))
        first_boot = line(self.root)
        shown = banner(found, read_fingerprint(self.root), certificates(self.root), first_boot=first_boot)
        certificate = self._certificate(shown.management_url or "", shown.certificates.management or "")
        try:
            cluster, tasks = self._cluster(), self._running()
        except TrebolError as error:
            return Seen(shown, certificate, trouble=error.problems[0].what)
        return Seen(shown, certificate, cluster, tasks)

    def log_in(self, user: str, password: str, code: str) -> Session:
        """See `World.log_in`."""
        self.log_out()
        name = user if "@" in user else f"{user}{REALM}"
        if not user or not password:
            raise BadInput(_("User or password is wrong."))
        try:
            given = self._sign_in(name, password, code)
        except Unreachable:
            return self._log_in_alone(name, password)
        except NotAllowed as error:
            raise BadInput(_("User or password is wrong.")) from error
        ticket = {"Cookie": f"PVEAuthCookie={given['ticket']}", "CSRFPreventionToken": given["CSRFPreventionToken"]}
        rights = self.api.call("GET", "access/permissions", {"userid": name, "path": "/"}).get("/", {})
        if not rights.keys() >= ADMINISTRATOR:
            raise Refused(_("{user} is no administrator of this node.").format(user=name))
        self._ticket, self._session = ticket, Session(name)
        return self._session

    def log_out(self) -> None:
        """See `World.log_out`."""
        self._session, self._ticket = None, {}

    def shell(self) -> tuple[str, ...]:
        """See `World.shell`: by PAM, so that it is a login like any other (su(1); root needs no password)."""
        user = self._session.user if self._session else ""
        return ("su", "--login", user.removesuffix(REALM)) if user.endswith(REALM) else ()

    def network(self) -> NetworkSeen:
        """See `World.network`."""
        from trebol_firstboot.screens import api_network

        nics = self.interfaces(self.root)
        macs = {nic.name: nic.mac for nic in nics}
        return NetworkSeen(nics, api_network.network_of(self._get("network"), self._get("dns"), macs))

    def apply_network(self, network: HostNetwork) -> Task:
        """See `World.apply_network`. Name servers count at once; `follow` puts them back with the rest."""
        from trebol_firstboot.screens import api_network

        self._call("DELETE", "network")
        before = self.network().current
        try:
            # First: a candidate is made of what is there.
            if api_network.dns_of(before) != api_network.dns_of(network):
                self._dns = api_network.dns_of(before)
                self._call("PUT", "dns", api_network.dns_of(network))
            for change in api_network.changes(before, network):
                path = f"network/{change.name}" if change.name else "network"
                self._call(change.method, path, change.arguments)
            return Task(str(self._call("PUT", "network")), trial=True)
        except TrebolError:
            # Nothing is left for somebody to apply by accident; why it was refused is what has to be told.
            with suppress(TrebolError):
                self._call("DELETE", "network")
                self._put_back_dns("")
            raise

    def keep_network(self) -> None:
        """See `World.keep_network`."""
        self._call("POST", "network/confirm")

    def undo_network(self, task: Task) -> None:
        """See `World.undo_network`."""
        self._call("DELETE", "network")

    def name(self) -> str:
        """See `World.name`: the host name is its first label alone."""
        return str(self._get("hostname")["fqdn"])

    def rename(self, name: str) -> None:
        """See `World.rename`."""
        self._call("PUT", "hostname", {"fqdn": name})

    def time(self) -> TimeSettings:
        """See `World.time`."""
        told = self._get("time")
        servers = told.get("servers")
        return TimeSettings(str(told["timezone"]), None if servers is None else tuple(map(str, servers)))

    def set_time(self, settings: TimeSettings) -> None:
        """See `World.set_time`."""
        servers = {} if settings.servers is None else {"servers": " ".join(settings.servers)}
        self._call("PUT", "time", {"timezone": settings.zone, **servers})

    def findings(self) -> tuple[Finding, ...]:
        """See `World.findings`."""
        return local.findings(self.root)

    def cluster_known(self) -> ClusterKnown:
        """See `World.cluster_known`."""
        from trebol_firstboot.screens import api_cluster

        found = self.api.call("GET", "cluster/status", headers=self._ticket)
        return api_cluster.known(self.root, status(facts.read(self.root, self.runner)).addresses, found)

    def create_cluster(self, name: str, address: str) -> Task:
        """See `World.create_cluster`."""
        return self._change_cluster("config", {"clustername": name, "link0": address})

    def join_cluster(self, token: str, peer: str, address: str) -> Task:
        """See `World.join_cluster`."""
        arguments = {"token": token, "hostname": peer or None, "link0": address}
        return self._change_cluster("config/join", arguments, signs_out=True)

    def end_join(self, how: str) -> Task:
        """See `World.end_join`."""
        return self._change_cluster("config/go-on", {"how": how}, signs_out=how == "resume")

    def new_token(self, node: str, ttl: str) -> str:
        """See `World.new_token`."""
        from trebol_firstboot.screens.api_cluster import said

        made = self.api.call("POST", "cluster/tokens", {"node": node or None, "ttl": ttl}, headers=self._ticket)
        return said(str(made["token"]), int(made["end"]))

    def _change_cluster(self, path: str, arguments: Mapping[str, Any], *, signs_out: bool = False) -> Task:
        upid = self.api.call("POST", f"cluster/{path}", arguments, headers=self._ticket)
        return Task(str(upid), signs_out=signs_out)

    def change_password(self, old: str, new: str) -> None:
        """See `World.change_password`. On this socket root need not show the old one: it is looked at here."""
        assert self._session is not None
        try:
            self.api.call("POST", "access/ticket", {"username": self._session.user, "password": old})
        except NotAllowed as error:
            raise BadInput(_("The password now is another one.")) from error
        arguments = {"userid": self._session.user, "password": new, "confirmation-password": old}
        self.api.call("PUT", "access/password", arguments, headers=self._ticket)

    def keys(self) -> tuple[str, ...]:
        """See `World.keys`."""
        found = self.api.whole("GET", f"{NODE}/sshkeys", {}, headers=self._ticket)
        self._keys_read = str(found["digest"])
        return tuple(map(str, found["data"]))

    def set_keys(self, keys: tuple[str, ...]) -> None:
        """See `World.set_keys`."""
        self._call("PUT", "sshkeys", {"keys": "\n".join(keys), "digest": self._keys_read})

    def updates(self) -> tuple[Update, ...]:
        """See `World.updates`."""
        return tuple(
            Update(str(each["Package"]), str(each.get("OldVersion") or ""), str(each.get("Version") or ""))
            for each in self._get("apt/update")
        )

    def refresh_updates(self) -> Task:
        """See `World.refresh_updates`."""
        return Task(str(self._call("POST", "apt/update")))

    def upgrade(self) -> Task:
        """See `World.upgrade`."""
        return Task(str(self._call("POST", "apt/upgrade")))

    def bundle(self) -> Task:
        """See `World.bundle`."""
        return Task(str(self._call("POST", "report")))

    def follow(self, task: Task) -> Iterator[TaskNews]:
        """See `World.follow`. While a trial cuts this node off from others, the socket is there all the same."""
        seen = 0
        while True:
            # In this order: what it wrote before it ended is read.
            ended = self._ended(task)
            while lines := self._lines(task, seen):
                seen += len(lines)
                yield TaskNews(lines, waits=_waits(lines))
            if ended is not None:
                if task.trial:
                    self._put_back_dns(ended)
                yield TaskNews(ended=ended)
                return
            self.pause(_LOOK)

    def journal(self) -> tuple[str, ...]:
        """See `World.journal`: of the system itself, as it is wanted most when the daemon is silent."""
        return local.journal(self.runner)

    def reboot(self) -> bool:
        """See `World.reboot`."""
        self._power("reboot", ["systemctl", "reboot"])
        return True

    def power_off(self) -> bool:
        """See `World.power_off`."""
        self._power("shutdown", ["systemctl", "poweroff"])
        return True

    def _sign_in(self, name: str, password: str, code: str) -> Mapping[str, Any]:
        arguments: dict[str, Any] = {"username": name, "password": password}
        if code and self._challenge:
            answer = code if ":" in code else f"{'totp' if code.isdigit() else 'recovery'}:{code}"
            arguments = {"username": name, "password": answer, "tfa-challenge": self._challenge}
        given: Mapping[str, Any] = self.api.call("POST", "access/ticket", arguments)
        self._challenge = ""
        if given.get("NeedTFA"):
            self._challenge = str(given["ticket"])
            raise CodeNeeded(_("A one-time code is needed too."))
        return given

    def _log_in_alone(self, name: str, password: str) -> Session:
        """Without the daemon, by this system's own rules: it may be what has to be mended."""
        user = name.removesuffix(REALM)
        if not name.endswith(REALM) or not self.pam.accepts(user, password):
            self.pause(_WRONG)
            raise BadInput(_("User or password is wrong."))
        if not local.is_administrator(user):
            raise Refused(_("{user} is no administrator of this node.").format(user=name))
        self._session = Session(name, limited=True)
        return self._session

    def _power(self, command: str, alone: list[str]) -> None:
        try:
            self._call("POST", "status", {"command": command})
        except Unreachable:
            self.runner.run(alone)

    def _certificate(self, url: str, offered: str) -> str:
        """What the page's file says at first: the page, a server on demand, takes longer to wake up than all else.

        Then asked for, where it has moved or was not served yet: it is not kept awake.
        """
        if not self._looked:
            self._looked = True
            return offered.replace(":", "") if url else ""
        if self._shown[0] != url or not self._shown[1]:
            self._shown = (url, self.certificate(url) if url else "")
        return self._shown[1]

    def _cluster(self) -> ClusterSeen | None:
        return cluster_of(self.api.call("GET", "cluster/status"))

    def _running(self) -> tuple[RunningTask, ...]:
        return tuple(
            RunningTask(str(each["type"]), str(each.get("id") or ""), str(each["user"]))
            for each in self._get("tasks", {"source": "active"})
        )

    def _ended(self, task: Task) -> str | None:
        told = self._of_task(task, "status")
        if told.get("status") != "stopped":
            return None
        exit_status = str(told.get("exitstatus") or _("ended without a word"))
        return DONE if _WARNED.fullmatch(exit_status) else exit_status

    def _lines(self, task: Task, start: int) -> tuple[str, ...]:
        found = self._of_task(task, "log", {"start": start, "limit": _LINES})
        # An empty log has one line that says so, with the number of none that was written.
        return tuple(str(each["t"]) for each in found if int(each["n"]) > start and each["t"] != "no content")

    def _of_task(self, task: Task, what: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """A join has the daemon start anew with another store, which knows no ticket of before: then root of
        this console asks."""
        path = f"tasks/{task.id}/{what}"
        for _try in range(_TRIES):
            try:
                return self._get(path, arguments)
            except NotAllowed:
                return self.api.call("GET", f"{NODE}/{path}", arguments)
            except Unreachable:
                self.pause(_LOOK)
        return self._get(path, arguments)

    def _put_back_dns(self, ended: str) -> None:
        before, self._dns = self._dns, None
        if before and ended != DONE:
            self._call("PUT", "dns", before)

    def _get(self, path: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> Any:
        return self._call("GET", path, arguments)

    def _call(self, method: str, path: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Of this node, whose name may just have been changed."""
        return self.api.call(method, f"{NODE}/{path}", arguments, headers=self._ticket)


def _waits(lines: tuple[str, ...]) -> float | None:
    found = [match[1] for line in lines if (match := _WAITS.search(line))]
    return float(found[-1]) if found else None
