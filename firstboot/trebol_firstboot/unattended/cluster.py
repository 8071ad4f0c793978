"""`[cluster]` of the answers, carried out: the node creates its cluster or joins one, through its own API.

It bears being cut off anywhere: the node's worker has a journal of each join and creation (`cluster.steps`),
which is gone on with first. What others join with is registered before the cluster is there, so that nobody who waits
for it comes between both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trebol_common import CLUSTER_INTENT
from trebol_common.answers.cluster import Cluster, ClusterMode
from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_firstboot import intent
from trebol_firstboot.cluster_seen import ClusterSeen, cluster_of
from trebol_firstboot.unattended.journal import State
from trebol_firstboot.unattended.log import Log
from trebol_node.client import NODE, Unreachable
from trebol_node.cluster.steps import disk
from trebol_node.cluster.tokens.agreed import Agreed

#: Seconds until the node's daemon answers at all, and in which it may be silent while a task runs: it starts anew.
DAEMON_WITHIN = 300.0

#: Seconds between what failed and the next try, for an hour: a text may be registered after the cluster is there. Not
#: more often: a member counts wrong tokens.
PAUSES = (5.0, 30.0, 60.0, *(180.0 for _each in range(20)))

#: How long a text lets in those that it was agreed with.
LASTING = "7d"

_EVERY = 1.0
_TASKS = ("clustercreate", "clusterjoin")


class Calls(Protocol):
    """What is needed of `trebol_node.client.Api`."""

    def get(self, path: str, **arguments: str | Sequence[str]) -> Any:
        """See `Api.get`."""

    def create(self, path: str, **arguments: str | Sequence[str]) -> Any:
        """See `Api.create`."""


@dataclass(frozen=True)
class Clock:
    """Monotonic seconds, and waiting for some."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


class Stopped(Exception):
    """The node goes down."""


@dataclass(frozen=True)
class ClusterTask:
    """On the node whose root is `root`; see `NodeTasks` for `stopping` and `waiting`."""

    root: Path
    api: Calls
    log: Log
    stopping: Callable[[], bool]
    waiting: Callable[[], None]
    clock: Clock = field(default_factory=Clock)

    def carry_out(self) -> tuple[State, str]:
        """Create or join, whatever it takes: how it ended, and why. Raises TrebolError where it failed."""
        wanted = intent.intent(self.root)
        if wanted.mode is ClusterMode.JOIN and wanted.token is None:
            told = _("the answers have no token: join on the console, or with {command}")
            return State.WAITING, told.format(command="trebol cluster join")
        try:
            self._await_daemon()
            self._persist(wanted)
        except Stopped:
            return State.PENDING, ""
        intent.forget(self.root)
        return State.DONE, ""

    def _await_daemon(self) -> None:
        end = self.clock.now() + DAEMON_WITHIN
        while True:
            try:
                self.api.get("/cluster/status")
                return
            except Unreachable:
                if self.clock.now() > end:
                    raise
            self._pause(_EVERY)

    def _persist(self, wanted: Cluster) -> None:
        for pause in PAUSES:
            try:
                return self._bring_about(wanted)
            except TrebolError as error:
                told = _("failed, and is tried again in {seconds:.0f} s: {reason}")
                self.log.tell(told.format(seconds=pause, reason=error))
            self._pause(pause)
        return self._bring_about(wanted)

    def _bring_about(self, wanted: Cluster) -> None:
        self._go_on()
        found = cluster_of(self.api.get("/cluster/status"))
        match wanted.mode:
            case ClusterMode.CREATE:
                self._create(wanted, found)
            case ClusterMode.JOIN if found is None:
                assert wanted.token is not None and wanted.peer is not None
                self.log.tell(_("joins the cluster of {peer}, as soon as it can").format(peer=wanted.peer))
                self.waiting()
                given = {"token": wanted.token.get_secret_value(), "hostname": wanted.peer, "patience": "0"}
                forced = {"force": ",".join(wanted.force)} if wanted.force else {}
                self._follow(self.api.create("/cluster/config/join", **given, **forced))
            case ClusterMode.STAND_ALONE if found is None:
                raise TrebolError(_("is missing"), where=str(self.root / CLUSTER_INTENT))

    def _create(self, wanted: Cluster, found: ClusterSeen | None) -> None:
        assert wanted.name is not None
        if found is not None and found.name != wanted.name:
            raise TrebolError(_("is of the cluster {name} already").format(name=found.name), where=_("this node"))
        self._register(wanted)
        if found is None:
            self._follow(self.api.create("/cluster/config", clustername=wanted.name))

    def _register(self, wanted: Cluster) -> None:
        """The text for each node that it is for; one that was used stays so."""
        if wanted.token is None:
            return
        known = {each["id"] for each in self.api.get("/cluster/tokens")}
        for node in wanted.nodes or (None,):
            if Agreed.of(wanted.token, node=node).id not in known:
                named = {} if node is None else {"node": node}
                self.api.create("/cluster/tokens", agreed=wanted.token.get_secret_value(), ttl=LASTING, **named)

    def _go_on(self) -> None:
        """Let end what runs, as somebody at the console may have begun it, and go on with what was cut off."""
        for each in self.api.get(f"{NODE}/tasks", source="active"):
            if each["type"] in _TASKS:
                self._ended(str(each["upid"]))
        if disk.look(self.root / disk.FOLDER.relative_to("/")) is not None:
            self.waiting()
            self._follow(self.api.create("/cluster/config/go-on", how="resume"))

    def _follow(self, upid: str) -> None:
        """Raises TrebolError for a task that failed."""
        ended = self._ended(upid)
        if not ended.startswith(("OK", "WARNINGS")):
            raise TrebolError(ended)

    def _ended(self, upid: str) -> str:
        """How a task ended; what it said meanwhile is in the log."""
        seen, end = 0, self.clock.now() + DAEMON_WITHIN
        while True:
            try:
                # In this order: what it said last comes before its end.
                state = self.api.get(f"{NODE}/tasks/{upid}/status")
                for line in self.api.get(f"{NODE}/tasks/{upid}/log", start=str(seen), limit="0"):
                    if int(line["n"]) > seen and line["t"] != "no content":
                        seen = int(line["n"])
                        self.log.add(str(line["t"]))
                end = self.clock.now() + DAEMON_WITHIN
            except TrebolError:
                # The daemon starts anew, with the store of another node.
                if self.clock.now() > end:
                    raise
            else:
                if state["status"] == "stopped":
                    return str(state.get("exitstatus") or _("ended without a word"))
            self._pause(_EVERY)

    def _pause(self, seconds: float) -> None:
        """Raises Stopped as soon as the node goes down."""
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 0:
            if self.stopping():
                raise Stopped
            self.clock.pause(min(left, _EVERY))
