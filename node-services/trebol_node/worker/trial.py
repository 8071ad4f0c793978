"""A network on trial: it is in force, and gone with the next boot or in a minute unless somebody confirms it.

    /etc/netplan/50-trebol.yaml         the configuration; only a confirmation touches it
    /run/netplan/50-trebol.yaml         what is tried: netplan takes a file there instead of one of its name in /etc
    /run/trebol/network/trial.json      {"upid": …, "state": …}: there for as long as a trial is not over
    /run/trebol/network/mtus.json       bytes by link, as they were: networkd keeps what nobody takes back
    /run/trebol/network/before/, tried/ what netplan had and has, by which it removes what is in one of them alone

All in /run is lost with a boot, which so brings back what was before. A task that is killed leaves `trial.json`; the
worker then goes back in its place (`recover`).
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from trebol_common.errors import Refused
from trebol_common.files import write_text
from trebol_node.tasks import Upid
from trebol_node.worker import mtus
from trebol_node.worker.context import Machine

#: The file that Trebol's installer writes.
NETPLAN = "etc/netplan/50-trebol.yaml"
_TRIED = "run/netplan/50-trebol.yaml"

#: What is to be the configuration one day.
CANDIDATE = "etc/trebol/network-candidate.yaml"

#: Where netplan reads (netplan-generate(8)), the weakest first.
FOLDERS = ("lib/netplan", "etc/netplan", "run/netplan")

_OURS = "run/trebol/network"
_STATE = f"{_OURS}/trial.json"
_LOCK = f"{_OURS}/lock"
_MTUS = f"{_OURS}/mtus.json"
_BEFORE = f"{_OURS}/before"
_AFTER = f"{_OURS}/tried"

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

Say = Callable[[str], None]


class State(StrEnum):
    """Where a trial stands."""

    APPLYING = "applying"
    WAITING = "waiting"
    KEPT = "kept"
    REVERTING = "reverting"


@dataclass(frozen=True)
class Trial:
    """Which task tries, and how far it is."""

    upid: str
    state: State


@contextmanager
def alone(machine: Machine) -> Iterator[None]:
    """Nobody else changes the network's files or the state of the trial meanwhile."""
    folder(machine)
    with machine.at(_LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def folder(machine: Machine) -> None:
    """Make the folder for what is not for others' eyes."""
    machine.at(_OURS).mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def read(machine: Machine) -> Trial | None:
    """The trial that is not over, if there is one."""
    try:
        members = json.loads(machine.at(_STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Trial(members["upid"], State(members["state"]))


def write(machine: Machine, trial: Trial) -> None:
    """Note how far it is."""
    text = json.dumps({"upid": trial.upid, "state": trial.state.value})
    write_text(machine.at(_STATE), text, mode=PRIVATE_FILE)


def move(machine: Machine, state: State, *, only: frozenset[State]) -> Trial | None:
    """Note that the trial is at `state` if it was at one of `only`; how it then stands. None without any."""
    with alone(machine):
        trial = read(machine)
        if trial is None or trial.state not in only:
            return trial
        moved = Trial(trial.upid, state)
        write(machine, moved)
        return moved


def refuse_while_tried(machine: Machine) -> None:
    """Raise Refused while a trial is not over."""
    if read(machine) is not None:
        raise Refused("a change of the network waits to be confirmed", hint="confirm or revert it first")


def begin(machine: Machine, upid: Upid) -> None:
    """From here on nothing is forgotten. Raises Refused while another trial is not over."""
    with alone(machine):
        refuse_while_tried(machine)
        _copy(machine, _BEFORE)
        write_text(machine.at(_MTUS), json.dumps(mtus.read(machine.runner)), mode=PRIVATE_FILE)
        write(machine, Trial(str(upid), State.APPLYING))


def put_in_force(machine: Machine, text: str, say: Say) -> None:
    """Have netplan take `text` instead of its configuration."""
    write_text(machine.at(_TRIED), text, mode=PRIVATE_FILE)
    _copy(machine, _AFTER)
    machine.runner.run(["netplan", "apply", "--state", machine.at(_BEFORE)], on_line=say)


def keep(machine: Machine) -> None:
    """Make what is tried the configuration; call it alone. What is in force is that already."""
    tried = machine.at(_TRIED)
    if tried.exists():
        write_text(machine.at(NETPLAN), tried.read_text(encoding="utf-8"), mode=PRIVATE_FILE)
        tried.unlink()
    machine.at(CANDIDATE).unlink(missing_ok=True)


def go_back(machine: Machine, say: Say) -> None:
    """Have netplan take its configuration again, and end the trial. Raises CommandFailed; then it is not over."""
    say("going back to the network before")
    machine.at(_TRIED).unlink(missing_ok=True)
    if machine.at(_AFTER).exists():
        machine.runner.run(["netplan", "apply", "--state", machine.at(_AFTER)], on_line=say)
        # After an upgrade amid a trial there is none.
        if (noted := machine.at(_MTUS)).exists():
            mtus.restore(machine.runner, json.loads(noted.read_text(encoding="utf-8")), say)
    close(machine)


def close(machine: Machine) -> None:
    """The trial is over."""
    machine.at(_STATE).unlink(missing_ok=True)
    machine.at(_MTUS).unlink(missing_ok=True)
    for name in (_BEFORE, _AFTER):
        shutil.rmtree(machine.at(name), ignore_errors=True)


def recover(machine: Machine, runs: Callable[[str], bool], say: Say) -> None:
    """End the trial of a task that is not there any more (`runs` tells of a UPID). Raises CommandFailed."""
    if read(machine) is None:
        return
    with alone(machine):
        trial = read(machine)
        if trial is None or runs(trial.upid):
            return
        if trial.state is State.KEPT:
            keep(machine)
            close(machine)
        else:
            say(f"{trial.upid} is over without having ended its trial of a network")
            go_back(machine, say)


def _copy(machine: Machine, name: str) -> None:
    """Keep netplan's files as they are, below a root of their own."""
    target = machine.at(name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=PRIVATE_FOLDER, parents=True)
    copy_files(machine, target.relative_to(machine.root).as_posix())


def copy_files(machine: Machine, name: str) -> None:
    """Copy the files that netplan reads below the folder `name`."""
    for each in FOLDERS:
        copied = machine.at(f"{name}/{each}")
        copied.mkdir(parents=True, exist_ok=True)
        for path in sorted(machine.at(each).glob("*.yaml")):
            shutil.copy(path, copied / path.name)
