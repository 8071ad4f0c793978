"""Corosync's configuration on this node, and what corosync and pacemaker say and forget."""

from __future__ import annotations

from typing import Any

from trebol_common.adapters import adapter
from trebol_common.errors import BadInput, Refused
from trebol_common.files import write_text
from trebol_node.cluster.corosync.check import check
from trebol_node.cluster.corosync.configuration import PATH, Totem
from trebol_node.cluster.corosync.parse import describes_cluster, read_back
from trebol_node.cluster.corosync.status import Membership, read
from trebol_node.cluster.here.machine import Here
from trebol_node.worker.cluster_operations import ForgetNode, InstallCorosync, LoadCorosync, ReadMembership
from trebol_node.worker.context import Context, Machine

CONFIGURATION = str(PATH.relative_to("/"))
UNIT = "corosync.service"


def membership(operation: ReadMembership, context: Context, who: str) -> dict[str, Any]:
    """See `ReadMembership`. Raises NotRunning."""
    found: dict[str, Any] = adapter(Membership).dump_python(read(context.machine.runner), mode="json")
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
        _require_own(Here(machine.root, machine.runner), read_back(before), wanted)
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
    if wanted.name != before.name and wanted.nodes != before.nodes:
        raise Refused(f"is of another cluster: {wanted.name}", where=str(PATH))
    if wanted.version <= before.version:
        raise Refused(f"is not newer: version {wanted.version}, and {before.version} is there", where=str(PATH))


def _require_own(here: Here, before: Totem, wanted: Totem) -> None:
    """Raises BadInput for an address that this node is to have from now on, and that none of its interfaces has: on
    none of its own corosync reaches nobody."""
    if not (before.has(here.name) and wanted.has(here.name)):
        return
    known = before.node(here.name).addresses
    new = {link: each for link, each in wanted.node(here.name).addresses.items() if known.get(link) != each}
    if not new:
        return
    have = here.addresses()
    for link, address in new.items():
        if address not in have:
            hint = f"it has {', '.join(sorted(have))}"
            raise BadInput(f"{address} is no address of this node", where=f"link {link}", hint=hint)
