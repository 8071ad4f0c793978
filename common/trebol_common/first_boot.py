"""What a node does by itself when it first boots: what the installer leaves for it, where (docs/first-boot.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

from trebol_common.errors import TrebolError
from trebol_common.i18n import _

#: Below the node's root; the folder is root's alone.
FOLDER = "var/lib/trebol/firstboot"
TO_DO = f"{FOLDER}/todo.json"
EXECUTABLE = f"{FOLDER}/executable"
#: There until all is over; the units' condition.
PENDING = f"{FOLDER}/pending"

#: Bytes of the largest executable, as in Proxmox VE.
LARGEST = 2**20

#: What the kernel runs: a script that names its interpreter, or a program.
_BEGINNINGS = (b"#!", b"\x7fELF")


class Stage(StrEnum):
    """How far the boot is, in its order; the words of Proxmox VE's `ordering`."""

    BEFORE_NETWORK = "before-network"
    NETWORK_ONLINE = "network-online"
    FULLY_UP = "fully-up"

    @property
    def unit(self) -> str:
        """The service that runs what is due at this stage."""
        return f"trebol-firstboot-{self.value}.service"

    @property
    def link(self) -> str:
        """What enables the service, below the node's root."""
        return f"etc/systemd/system/multi-user.target.wants/{self.unit}"

    def is_due(self, until: Stage) -> bool:
        """Whether it has come where the boot has got to `until`."""
        stages = list(Stage)
        return stages.index(self) <= stages.index(until)


class Task(StrEnum):
    """What can be left to the first boot, in its order within a stage."""

    TIME_SERVERS = "time-servers"
    UPDATES = "updates"
    EXECUTABLE = "executable"
    CLUSTER = "cluster"
    REBOOT = "reboot"


@dataclass(frozen=True)
class ToDo:
    """`executable` says when the executable is run, None: there is none. `cluster`: the answers want one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    executable: Stage | None = None
    time_servers: tuple[str, ...] = ()
    updates: bool = False
    cluster: bool = False
    reboot: bool = False
    format: Literal[1] = 1

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is to be done, in its order."""
        wanted = {
            Task.TIME_SERVERS: bool(self.time_servers),
            Task.UPDATES: self.updates,
            Task.EXECUTABLE: self.executable is not None,
            Task.CLUSTER: self.cluster,
            Task.REBOOT: self.reboot,
        }
        stages = list(Stage)
        return tuple(sorted((task for task in Task if wanted[task]), key=lambda task: stages.index(self.stage(task))))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """When something is to be done."""
        return tuple(dict.fromkeys(map(self.stage, self.tasks)))

    def stage(self, task: Task) -> Stage:
        """When a task is due. All but the executable need the network, and a service manager that has done its boot:
        a package that starts a service would wait for that, and the boot for the package.
        """
        return self.executable if task is Task.EXECUTABLE and self.executable else Stage.FULLY_UP


def is_executable(content: bytes) -> bool:
    """Whether the kernel would run a file of this content."""
    return content.startswith(_BEGINNINGS)


def read_to_do(root: Path) -> ToDo | None:
    """What the installer left; None where it left nothing. Raises TrebolError where that cannot be read."""
    path = root / TO_DO
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrebolError(_("cannot be read: {reason}").format(reason=error.strerror), where=str(path)) from error
    # Takes long to load, and most nodes have no such file: the banner asks for it at each boot.
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(ToDo).validate_json(content)
    except ValidationError as error:
        raise TrebolError(_("is damaged"), where=str(path)) from error


def to_json(to_do: ToDo) -> str:
    """What `read_to_do` reads."""
    from pydantic import TypeAdapter

    return TypeAdapter(ToDo).dump_json(to_do, indent=2).decode() + "\n"
