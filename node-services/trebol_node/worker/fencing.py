"""Fencing on this node: secrets sealed and installed, pacemaker's configuration, and the test of a node's devices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_node.cluster.here.machine import Here
from trebol_node.fencing import agents, options, pacemaker, proving, sealing, secret_files
from trebol_node.fencing import records as kept
from trebol_node.fencing.device import Device, How, Proof, digest_of
from trebol_node.pki import AUTHORITY, FOLDER
from trebol_node.store import reached
from trebol_node.store.configuration import read
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.store.records import Records
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.fence_operations import (
    FenceDevice,
    InstallFencing,
    SealSecrets,
    SweepFencing,
    TestFencing,
    WriteFencing,
)

_TASK = "fencetest"

_COPY = Path("/run/trebol/fencing-records.json")

#: Seconds until the store answers.
_STORE_WITHIN = 30.0

#: Seconds until a node that was fenced has booted: big machines test their memory for long. And between two tries.
_BACK_WITHIN, _TRY_EVERY = 1200.0, 2.0


def seal(operation: SealSecrets, context: Context, who: str) -> dict[str, str]:
    """See `SealSecrets`."""
    secrets = {name: value.get_secret_value() for name, value in operation.secrets.items()}
    return sealing.seal_all(_key(context.machine), operation.device, secrets)


def install(operation: InstallFencing, context: Context, who: str) -> None:
    """See `InstallFencing`. Those of before stay until pacemaker does not have them any more."""
    machine = context.machine
    devices = _devices(machine, operation.devices)
    secret_files.install(_secrets_folder(machine), {each.resource: _opened(machine, each) for each in devices})


def write(operation: WriteFencing, context: Context, who: str) -> bool:
    """See `WriteFencing`."""
    devices = _devices(context.machine, operation.devices)
    return pacemaker.write(context.machine.runner, devices, delayed=operation.delayed)


def sweep(operation: SweepFencing, context: Context, who: str) -> None:
    """See `SweepFencing`."""
    known = frozenset(each.resource for each in map(_device, operation.devices))
    secret_files.forget_others(_secrets_folder(context.machine), known)


def test(operation: TestFencing, context: Context, who: str) -> str:
    """See `TestFencing`. Raises Refused on the node itself: it is the others that fence it."""
    if operation.node == Here(context.machine.root, context.machine.runner).name:
        raise Refused(
            f"{operation.node} is this node, and it is the others that fence it",
            where="node",
            hint=f"on another node: trebol fence test {operation.node}",
        )
    return str(context.start(_TASK, operation.node, who, operation))


def run_test(operation: TestFencing, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `test`."""
    with _records() as records:
        prove(operation, machine, records, by=upid.node, now=time.time, log=log)


def prove(
    operation: TestFencing, machine: Machine, records: Records, *, by: str, now: Callable[[], float], log: Log
) -> None:
    """Test the devices of a node, and keep what came of it. Raises TrebolError where none of its levels would do."""
    devices = kept.of_node(records, operation.node)
    if not devices:
        raise BadInput("there is no fence device for it", where=operation.node, hint="trebol fence add")
    verdict = proving.judge(devices, _answers(machine, devices, log), online=operation.online)
    how, problems = How.STATUS, list(verdict.problems)
    if operation.power_cycle and not problems:
        how = How.POWER_CYCLE
        log.say(f"cutting the power of {operation.node}")
        _require_written(records)
        if failed := pacemaker.fence(machine.runner, operation.node, log.say):
            problems.append(failed)
    at = int(now())
    made = Proof(
        digest_of(devices), at, 0 if problems else at, how, by, tuple(problems), () if problems else verdict.warnings
    )
    _keep(machine, records, operation.node, made, log)
    if problems:
        raise TrebolError("; ".join(problems), where=operation.node)
    for each in verdict.warnings:
        log.warn(each)
    log.say(f"{operation.node} can be fenced")


def _keep(machine: Machine, records: Records, node: str, made: Proof, log: Log) -> None:
    """Of two nodes both vote in the store: after one was fenced, nothing can be written until it is back."""
    end, said = machine.clock.now() + _BACK_WITHIN, False
    while True:
        try:
            kept.keep_proof(records, node, made)
        except Unavailable:
            if machine.clock.now() > end:
                raise
            if not said:
                log.say(f"waiting for the store, to keep the result: {node} may have to come back")
            said = True
            machine.clock.sleep(_TRY_EVERY)
        else:
            return


def _answers(machine: Machine, devices: Sequence[Device], log: Log) -> dict[str, agents.Answer]:
    """Each device is asked, the dead ones too: all is told at once."""
    found = {}
    for device in devices:
        agent = agents.describe(machine.runner, device.agent, machine.at("usr/sbin"))
        secrets = _opened(machine, device)
        options.checked(agent, device.node, {**device.options, **secrets})
        answer = agents.ask(machine.runner, agent, device.options, secrets, machine.at("usr/sbin"))
        power = {True: "the power is on", False: "the power is off", None: "is there"}[answer.is_on]
        log.say(f"{device.id} (level {device.level}, {device.agent}): {answer.problem or power}")
        found[device.id] = answer
    return found


def _require_written(records: Records) -> None:
    if not kept.is_written(records):
        raise TrebolError(
            "pacemaker does not have the fence devices yet", where="fencing", hint="journalctl -u trebold"
        )


def _devices(machine: Machine, given: Sequence[FenceDevice]) -> tuple[Device, ...]:
    """Checked once more, here: whoever speaks for trebold must not have root run what it likes.

    Raises BadInput for an agent that is none, and for options that a device may not have.
    """
    found = tuple(map(_device, given))
    described = {
        name: agents.describe(machine.runner, name, machine.at("usr/sbin"))
        for name in sorted({each.agent for each in found})
    }
    for each in found:
        options.checked(described[each.agent], each.node, {**each.options, **_opened(machine, each)})
    return found


def _device(given: FenceDevice) -> Device:
    return Device.of(given.model_dump())


def _opened(machine: Machine, device: Device) -> dict[str, str]:
    return sealing.open_all(_key(machine), device.id, device.sealed) if device.sealed else {}


def _key(machine: Machine) -> sealing.Key:
    return sealing.Key.read(AUTHORITY.pair(machine.root / FOLDER.relative_to("/")).key)


def _secrets_folder(machine: Machine) -> Path:
    return machine.root / secret_files.FOLDER.relative_to("/")


@contextmanager
def _records() -> Iterator[Records]:
    urls = reached.read() or (read().client_url,)
    records = EtcdRecords(Gateway(urls, TlsSource()), _COPY)
    records.start()
    try:
        if not records.wait(_STORE_WITHIN):
            # Not that there is no device: nobody knows.
            raise Unavailable(records.problem, where="store", hint="see: trebol node store status")
        yield records
    finally:
        records.close()
        _COPY.unlink(missing_ok=True)
