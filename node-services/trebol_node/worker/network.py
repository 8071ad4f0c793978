"""Operations on the node's network: its netplan, a candidate beside it, and the candidate on trial."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.files import write_text
from trebol_common.run import CommandFailed
from trebol_node.tasks import NoSuchTask, Tasks, Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker import netplan, trial
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.errors import Modified, NotFound
from trebol_node.worker.gateway import first_answering
from trebol_node.worker.node import digest_of
from trebol_node.worker.operations import (
    ApplyNetwork,
    ConfirmNetwork,
    DropNetworkCandidate,
    ReadNetwork,
    RevertNetwork,
    SetNetworkCandidate,
)
from trebol_node.worker.trial import CANDIDATE, FOLDERS, NETPLAN, State

#: Seconds in which a change must be confirmed once it is in force.
CONFIRM = 60.0

#: Seconds in which the gateways of before are asked: they are there or not.
_BEFORE = 2.0
_PAUSE = 0.2

_OPEN = frozenset({State.APPLYING, State.WAITING})


def read(operation: ReadNetwork, context: Context, who: str) -> dict[str, Any]:
    """The network as netplan has it, secrets hidden.

    `files`: name → text of the configuration's files in the order in which netplan merges them; `own`: the name of
    Trebol's; `candidate`: text or None, and its `digest` ("" without); `trial`: `{"upid", "state"}` of the one that
    is not over ("applying", "waiting", "kept", "reverting"), or None.
    """
    machine = context.machine
    candidate = _text(machine, CANDIDATE)
    tried = trial.read(machine)
    return {
        "files": {path.name: _shown(path.read_text(encoding="utf-8")) for path in _files(machine)},
        "own": Path(NETPLAN).name,
        "candidate": None if candidate is None else _shown(candidate),
        "digest": "" if candidate is None else digest_of(candidate),
        "trial": None if tried is None else {"upid": tried.upid, "state": tried.state.value},
    }


def set_candidate(operation: SetNetworkCandidate, context: Context, who: str) -> str:
    """See `SetNetworkCandidate`. Raises BadInput with netplan's words, Modified."""
    machine = context.machine
    tree = netplan.parse(operation.netplan)
    with trial.alone(machine):
        trial.refuse_while_tried(machine)
        before = _text(machine, CANDIDATE)
        if operation.digest is not None and operation.digest != ("" if before is None else digest_of(before)):
            raise Modified("detected modified configuration - file changed by other user? Try again.", where="digest")
        known = before if before is not None else _text(machine, NETPLAN)
        text = netplan.render(netplan.unhide(tree, netplan.parse(known) if known is not None else {}))
        check(machine, text)
        write_text(machine.at(CANDIDATE), text, mode=trial.PRIVATE_FILE)
    return digest_of(text)


def drop_candidate(operation: DropNetworkCandidate, context: Context, who: str) -> None:
    """See `DropNetworkCandidate`. Raises Refused while it is tried."""
    with trial.alone(context.machine):
        trial.refuse_while_tried(context.machine)
        context.machine.at(CANDIDATE).unlink(missing_ok=True)


def check(machine: Machine, text: str) -> None:
    """Have netplan make of `text`, in place of Trebol's file, what networkd would read. Raises BadInput."""
    trial.folder(machine)
    with tempfile.TemporaryDirectory(dir=machine.at("run/trebol/network"), prefix="check-") as name:
        root = Path(name)
        trial.copy_files(machine, root.relative_to(machine.root).as_posix())
        write_text(root / NETPLAN, text, mode=trial.PRIVATE_FILE)
        try:
            machine.runner.run(["netplan", "generate", "--root-dir", root])
        except CommandFailed as error:
            said = [line.replace(name, "") for line in error.last_lines]
            # What comes after it is an excerpt, and what netplan then could not do either.
            named = [line for line in said if FOLDERS[1] in line]
            raise BadInput(" ".join(named[:1] or said), where="netplan") from None


def apply(operation: ApplyNetwork, context: Context, who: str) -> str:
    """See `ApplyNetwork`. Raises NotFound without a candidate, Refused while one is tried."""
    if _text(context.machine, CANDIDATE) is None:
        raise NotFound("there is no change of the network to apply: it does not exist")
    trial.refuse_while_tried(context.machine)
    return str(context.start("srvreload", "networking", who, operation))


def run_apply(operation: ApplyNetwork, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `apply`: try, wait for a confirmation, else go back."""
    text = _text(machine, CANDIDATE)
    if text is None:
        raise NotFound("there is no change of the network to apply: it does not exist")
    check(machine, text)
    reached = first_answering(machine.runner, machine.clock, _BEFORE)
    trial.begin(machine, upid)
    try:
        _try(machine, text, reached is not None, log)
    except BaseException:
        _conclude(machine, log)
        raise
    if not _conclude(machine, log):
        raise TrebolError("the change was not confirmed: the network is as it was before")


def _conclude(machine: Machine, log: Log) -> bool:
    """Keep what was confirmed, else go back; whether it was."""
    # Whoever confirms at this very moment was either before, or hears that it is too late.
    last = trial.move(machine, State.REVERTING, only=_OPEN)
    if last is not None and last.state is State.KEPT:
        trial.close(machine)
        log.say("confirmed: the network stays as it is")
        return True
    trial.go_back(machine, log.say)
    return False


def _try(machine: Machine, text: str, reached: bool, log: Log) -> None:
    """Put `text` in force, and wait until that is confirmed, reverted, or time is up."""
    trial.put_in_force(machine, text, log.say)
    gateway = first_answering(machine.runner, machine.clock)
    if gateway is not None:
        log.say(f"gateway {gateway.address} answers on {gateway.interface}")
    elif reached:
        raise TrebolError("no gateway answers any more")
    else:
        log.say("no gateway answers; none did before")
    trial.move(machine, State.WAITING, only=frozenset({State.APPLYING}))
    log.say(f"confirm within {CONFIRM:.0f} s to keep it")
    end = machine.clock.now() + CONFIRM
    while machine.clock.now() < end:
        found = trial.read(machine)
        if found is None or found.state is not State.WAITING:
            break
        machine.clock.sleep(_PAUSE)


def confirm(operation: ConfirmNetwork, context: Context, who: str) -> None:
    """See `ConfirmNetwork`. Raises NotFound without a trial, Refused before it is in force or when it is too late."""
    machine = context.machine
    with trial.alone(machine):
        found = _running(context)
        if found.state is not State.WAITING:
            raise Refused(f"the change of the network is not to be confirmed: {found.state.value}")
        # In this order: dying in between, it is kept by whoever finds it.
        trial.write(machine, trial.Trial(found.upid, State.KEPT))
        trial.keep(machine)


def revert(operation: RevertNetwork, context: Context, who: str) -> str:
    """See `RevertNetwork`. Raises NotFound without a trial."""
    with trial.alone(context.machine):
        found = _running(context)
        if found.state is State.KEPT:
            raise Refused("the change of the network was confirmed already")
        trial.write(context.machine, trial.Trial(found.upid, State.REVERTING))
        return found.upid


def recover(machine: Machine, tasks: Tasks, say: Callable[[str], None]) -> None:
    """Go back in the place of a task that was killed. Raises CommandFailed where netplan cannot."""
    trial.recover(machine, lambda upid: _runs(tasks, upid), say)


def _runs(tasks: Tasks, upid: str) -> bool:
    try:
        return tasks.get(upid).runs
    except NoSuchTask:
        return False


def _running(context: Context) -> trial.Trial:
    found = trial.read(context.machine)
    if found is None or not _runs(context.tasks, found.upid):
        raise NotFound("there is no change of the network to confirm: it does not exist")
    return found


def _files(machine: Machine) -> list[Path]:
    """netplan's own files by name; of two with one name the stronger. What is on trial is none of them."""
    found = {path.name: path for each in FOLDERS[:2] for path in machine.at(each).glob("*.yaml")}
    others = {path.name: path for path in machine.at(FOLDERS[2]).glob("*.yaml") if path.name != Path(NETPLAN).name}
    return [path for _name, path in sorted({**found, **others}.items())]


def _text(machine: Machine, path: str) -> str | None:
    try:
        return machine.at(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _shown(text: str) -> str:
    """Without secrets. What is no netplan is not shown at all: it may hold any."""
    try:
        return netplan.render(netplan.hide(yaml.safe_load(text)))
    except (yaml.YAMLError, TypeError, ValueError):
        return ""
