"""Looking at the whole cluster, and what pacemaker may run."""

from __future__ import annotations

from typing import Any

from trebol_common.adapters import adapter
from trebol_common.errors import TrebolError
from trebol_common.run import CommandFailed, Runner
from trebol_node.cluster.diagnosis import crm_mon, findings
from trebol_node.cluster.diagnosis.asking import Bounded
from trebol_node.cluster.diagnosis.facts import Pacemaker
from trebol_node.cluster.diagnosis.reading import read
from trebol_node.cluster.here.machine import Here
from trebol_node.worker.context import Context
from trebol_node.worker.upkeep_operations import Diagnose, HoldCluster, ReadPacemaker, SetStandby

#: Seconds that pacemaker has to take a change of its configuration.
_TAKEN_WITHIN = 20.0


def diagnose(operation: Diagnose, context: Context, who: str) -> list[dict[str, str]]:
    """See `Diagnose`."""
    facts = read(Here(context.machine.root, context.machine.runner), alone=operation.alone)
    found = findings.of_itself(facts) if operation.alone else findings.evaluate(facts)
    return [each.to_members() for each in found]


def pacemaker(operation: ReadPacemaker, context: Context, who: str) -> dict[str, Any]:
    """See `ReadPacemaker`. Raises TrebolError where it does not run."""
    told = crm_mon.read(Bounded(context.machine.runner))
    found: dict[str, Any] = adapter(Pacemaker).dump_python(told, mode="json")
    return found


def standby(operation: SetStandby, context: Context, who: str) -> None:
    """See `SetStandby`. Raises TrebolError."""
    of = ("--type", "nodes", "--node", operation.node)
    _set(context.machine.runner, of, "standby", "on" if operation.standby else "off")


def hold(operation: HoldCluster, context: Context, who: str) -> None:
    """See `HoldCluster`. Raises TrebolError."""
    held = operation.held
    for name, value in (("startup-fencing", not held), ("stop-all-resources", held)):
        _set(context.machine.runner, ("--type", "crm_config"), name, str(value).lower())


def _set(runner: Runner, of: tuple[str, ...], name: str, value: str) -> None:
    try:
        Bounded(runner, _TAKEN_WITHIN).run(["crm_attribute", *of, "--name", name, "--update", value])
    except CommandFailed as error:
        words = error.last_lines[-1] if error.last_lines else str(error)
        raise TrebolError(
            f"does not take {name}={value}: {words}", where="pacemaker", hint="systemctl status pacemaker"
        ) from error
