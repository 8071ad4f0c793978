"""All nodes of a cluster are brought up to date, one after the other: taken out, upgraded, booted where that is due,
and put back. It is done over the API of one of them, and can be begun anew at any time: whoever is out for this goes
first, and who has nothing left to do is passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.i18n import _
from trebol_node.client import Api, NotAllowed, path_of

#: Why a node is out.
WHY = "trebol cluster update"

#: Seconds until the others do without the next node: the one before has to be in the store and in pacemaker again.
_SETTLED_WITHIN = 180.0
#: The same where it is forced.
_FORCED_AFTER = 60.0
#: Seconds until a machine that boots anew is back: servers look through their memory for minutes.
_BACK_WITHIN = 1800.0
#: Seconds for which a daemon may be silent: what is upgraded restarts it.
SILENT = 120.0

_PAUSE = 1.0

#: What no waiting mends.
_ENDS = (BadInput, NotAllowed)

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What a node is to get: `packages` by name. `reboot`: one is due by now. `out`: it is out for this already."""

    node: str
    packages: tuple[str, ...] = ()
    reboot: bool = False
    out: bool = False

    @property
    def is_done(self) -> bool:
        """Nothing is left to do."""
        return not (self.packages or self.reboot or self.out)

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {"node": self.node, "packages": list(self.packages), "reboot": self.reboot, "out": self.out}


def order(nodes: Iterable[str], *, own: str, out: Iterable[str]) -> list[str]:
    """Whoever is out first, then by name, and the node that this runs on last."""
    first = set(out)
    return sorted(nodes, key=lambda name: (name not in first, name == own, name))


@dataclass(frozen=True)
class Update:
    """The rounds, over the API of the node `own`. `follow` shows a task of the node at a path until its good end,
    `say` a line. `force`: although the others do not do without a node."""

    api: Api
    own: str
    follow: Callable[[str, str], None]
    say: Callable[[str], None]
    force: bool = False
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def wanted(self, names: Sequence[str]) -> list[Wanted]:
        """What those nodes are to get, in their order; all where none is named. Asks their mirrors anew.

        Raises BadInput for what is no node, Refused where one is out for another reason.
        """
        nodes = {each["name"] for each in self.api.get("/cluster/status") if each["type"] == "node"}
        if unknown := sorted(set(names) - nodes):
            raise BadInput(_("is no node of the cluster"), where=", ".join(unknown), hint="trebol cluster status")
        out = {each["node"]: each for each in self.api.get("/cluster/maintenance")}
        for each in out.values():
            if each["why"] != WHY:
                hint = f"trebol node maintenance {each['node']} off"
                raise Refused(_("is in maintenance: one node at a time"), where=each["node"], hint=hint)
        return [self._wanted(each, out=each in out) for each in order(names or nodes, own=self.own, out=out)]

    def _wanted(self, node: str, *, out: bool) -> Wanted:
        path = path_of(node)
        self.say(_("{node}: its mirrors are asked").format(node=node))
        self.follow(path, self.api.create(f"{path}/apt/update"))
        packages = tuple(sorted(each["Package"] for each in self.api.get(f"{path}/apt/update")))
        return Wanted(node, packages, self._reboot_due(path), out)

    def run(self, each: Wanted) -> bool:
        """Do it. False: this node itself waits for a reboot, which another one has to see to."""
        path = path_of(each.node)
        self._settle(each.node)
        self.api.set(f"/cluster/maintenance/{each.node}", why=WHY, force=str(int(self.force)))
        if each.packages:
            self.follow(path, self.api.create(f"{path}/apt/upgrade"))
        due = self._patiently(lambda: self._reboot_due(path), within=SILENT)
        if due and each.node != self.own:
            # An upgrade takes minutes, in which another one may have died.
            self._settle(each.node)
            self._reboot(each.node, path)
        self._patiently(lambda: self.api.delete(f"/cluster/maintenance/{each.node}"), within=SILENT)
        return not due or each.node != self.own

    def _settle(self, node: str) -> None:
        """Wait until the others do without it; with `force`, go on at the end all the same."""

        def look() -> None:
            found = self.api.get(f"/cluster/maintenance/{node}")
            if not found["survives"]:
                reasons = "; ".join(reason for each in found["layers"] for reason in each["reasons"])
                raise Refused(reasons, where=node, hint=_("mend that first; --force does it all the same"))

        try:
            self._patiently(look, within=_FORCED_AFTER if self.force else _SETTLED_WITHIN)
        except Refused as error:
            if not self.force:
                raise
            self.say(_("forced: {reason}").format(reason=error.problems[0].what))

    def _reboot_due(self, path: str) -> bool:
        return self.api.get(f"{path}/status")["trebol"]["reboot_due"] is not None

    def _reboot(self, node: str, path: str) -> None:
        before = self.api.get(f"{path}/status")["trebol"]["boot"]
        self.say(_("{node}: boots anew").format(node=node))
        self.api.create(f"{path}/status", command="reboot")

        def look() -> None:
            if self.api.get(f"{path}/status")["trebol"]["boot"] == before:
                raise Refused(_("has not gone down yet"), where=node)
            online = {each["name"] for each in self.api.get("/cluster/status") if each.get("online")}
            if node not in online:
                raise Refused(_("is not back in the cluster yet"), where=node)

        # One whose clock is wrong until it has asked its servers lets nobody in.
        self._patiently(look, within=_BACK_WITHIN, ends=(BadInput,))
        self.say(_("{node}: is back").format(node=node))

    def _patiently(
        self, attempt: Callable[[], T], *, within: float, ends: tuple[type[TrebolError], ...] = _ENDS
    ) -> T:
        """What it gives, once it does; raises its last error where it does not in that many seconds, and one of
        `ends` at once."""
        end, said = self.clock() + within, ""
        while True:
            try:
                return attempt()
            except ends:
                raise
            except TrebolError as error:
                if self.clock() > end:
                    raise
                if str(error) != said:
                    self.say(_("waiting: {reason}").format(reason=error))
                said = str(error)
                self.pause(_PAUSE)
