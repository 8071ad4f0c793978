"""Corosync's configuration on this node, and what corosync and pacemaker say and forget."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from trebol_common.errors import Refused
from trebol_common.files import write_text
from trebol_node.cluster.corosync.check import check
from trebol_node.cluster.corosync.configuration import PATH, Totem
from trebol_node.cluster.corosync.parse import describes_cluster, read_back
from trebol_node.cluster.corosync.status import Membership, read
from trebol_node.worker.cluster_operations import ForgetNode, InstallCorosync, LoadCorosync, ReadMembership
from trebol_node.worker.context import Context, Machine

CONFIGURATION = str(PATH.relative_to("/"))
UNIT = "corosync.service"


def membership(operation: ReadMembership, context: Context, who: str) -> dict[str, Any]:
    """See `ReadMembership`. Raises NotRunning."""
    found: dict[str, Any] = TypeAdapter(Membership).dump_python(read(context.machine.runner), mode="json")
    return found


def install(operation: InstallCorosync, context: Context, who: str) -> None:
    """See `InstallCorosync`. Raises BadInput with corosync's own words, Refused for what is not newer."""
    machine = context.machine
    wanted = read_back(operation.text)
    before = machine.text(CONFIGURATION)
    if before == operation.text:
        return
    if describes_cluster(before):
        _require_newer(read_back(before), wanted)
    check(operation.text, machine.runner)
    write_text(machine.at(CONFIGURATION), operation.text, mode=0o644)
    # One that was started with an older version than the others' has ended.
    if machine.runner.run(["systemctl", "is-enabled", "--quiet", UNIT], check=False).status == 0:
        machine.runner.run(["systemctl", "start", "--no-block", UNIT, "pacemaker.service"], check=False)


def load(operation: LoadCorosync, context: Context, who: str) -> None:
    """See `LoadCorosync`."""
    context.machine.runner.run(["corosync-cfgtool", "-R"])


def forget(operation: ForgetNode, context: Context, who: str) -> None:
    """See `ForgetNode`. Where pacemaker does not run, it will not know the node when it starts."""
    machine = context.machine
    if is_active(machine, "pacemaker.service"):
        machine.runner.run(["crm_node", "--force", "--remove", operation.node])


def is_active(machine: Machine, unit: str) -> bool:
    """Whether a unit runs."""
    return machine.runner.run(["systemctl", "is-active", "--quiet", unit], check=False).status == 0


def _require_newer(before: Totem, wanted: Totem) -> None:
    if wanted.name != before.name:
        raise Refused(f"is of another cluster: {wanted.name}", where=str(PATH))
    if wanted.version <= before.version:
        raise Refused(f"is not newer: version {wanted.version}, and {before.version} is there", where=str(PATH))
