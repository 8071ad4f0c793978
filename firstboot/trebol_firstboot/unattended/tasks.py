"""What the first boot does, each task by itself. All but the executable bear being done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Protocol

from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_common.first_boot import EXECUTABLE, Stage, Task, ToDo
from trebol_common.i18n import _
from trebol_common.run import Argument, Runner, explain_status
from trebol_firstboot.unattended import online
from trebol_firstboot.unattended.cluster import ClusterTask
from trebol_firstboot.unattended.journal import State
from trebol_firstboot.unattended.log import Log
from trebol_node.client import Api
from trebol_node.system.clock import SOURCES, render_servers
from trebol_node.worker.apt import ENVIRONMENT, FINISH, REFRESH, UPGRADE

Spawn = Callable[..., AbstractContextManager["Popen[bytes]"]]


class Tasks(Protocol):
    """Does what is to be done."""

    def perform(self, task: Task, to_do: ToDo, log: Log) -> tuple[State, str]:
        """Do one task: how it ended, and why. Raises TrebolError where it failed."""

    def restart(self) -> None:
        """Restart the node."""


@dataclass(frozen=True)
class NodeTasks:
    """On the node whose root is `root`; `spawn` is `trebol_common.run.spawn`. `stopping`: whether the node goes down;
    `waiting` is told once others have to be waited for, so that the boot goes on meanwhile."""

    root: Path
    runner: Runner
    spawn: Spawn
    stopping: Callable[[], bool] = lambda: False
    waiting: Callable[[], None] = lambda: None

    def perform(self, task: Task, to_do: ToDo, log: Log) -> tuple[State, str]:
        """See `Tasks.perform`."""
        if task in (Task.UPDATES, Task.EXECUTABLE, Task.CLUSTER) and to_do.stage(task) is not Stage.BEFORE_NETWORK:
            online.wait(self.root, self.runner, log)
        match task:
            case Task.TIME_SERVERS:
                self._set_time_servers(to_do.time_servers, log)
            case Task.UPDATES:
                self._update(log)
            case Task.EXECUTABLE:
                self._execute(log)
            case Task.CLUSTER:
                return ClusterTask(self.root, Api(), log, self.stopping, self.waiting).carry_out()
            case Task.REBOOT:
                raise AssertionError("restarting comes after all is written: see run")
        return State.DONE, ""

    def restart(self) -> None:
        """See `Tasks.restart`."""
        self.runner.run(["systemctl", "reboot"])

    def _set_time_servers(self, names: Sequence[str], log: Log) -> None:
        """They are asked beside those of Debian, and believed before them."""
        write_text(self.root / SOURCES, render_servers(names))
        self._run(["chronyc", "reload", "sources"], log)

    def _update(self, log: Log) -> None:
        for command in (FINISH, REFRESH, UPGRADE):
            self._run(command, log)

    def _execute(self, log: Log) -> None:
        """Its output goes to the log by itself: a daemon that it starts may keep it open."""
        try:
            with self.spawn([self.root / EXECUTABLE], log=log.path, env={"HOME": "/root"}) as process:
                status = process.wait()
        except OSError as error:
            reason = _("cannot be run: {reason}").format(reason=error.strerror)
            raise TrebolError(reason, where=str(self.root / EXECUTABLE)) from error
        if status != 0:
            raise TrebolError(explain_status(status))

    def _run(self, command: Sequence[Argument], log: Log) -> None:
        log.add("$ " + " ".join(map(str, command)))
        self.runner.run(command, env=ENVIRONMENT, on_line=log.add)
