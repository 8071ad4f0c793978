"""The node's name: host name, its line of /etc/hosts, what Trebol keeps of it. All of it changes, or nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from io import StringIO

from trebol_common.errors import BadInput, Refused
from trebol_common.files import write_text
from trebol_node.cluster.corosync.parse import describes_cluster
from trebol_node.system.names import full_name
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.node import HOSTS
from trebol_node.worker.operations import SetHostname

#: What the installer writes of a node; its name is one line.
SETTINGS = "etc/trebol/node.toml"

COROSYNC = "etc/corosync/corosync.conf"

_KERNEL = "proc/sys/kernel/hostname"
_NAME = re.compile(r'^fqdn = ".*"$', re.MULTILINE)


def set_hostname(operation: SetHostname, context: Context, who: str) -> None:
    """See `SetHostname`. Raises Refused in a cluster, BadInput for a name that /etc/hosts has for another machine.

    As the installer writes it: the first label in /etc/hostname, both names in the line of the node's address.
    Without such a line (DHCP) libnss-myhostname knows the label. What was cut short (SIGKILL, a power cut) is done by
    asking again: Trebol's own file, which is written first, says whose the name is that /etc/hosts has by then.
    """
    machine = context.machine
    _refuse_in_cluster(machine)
    change(machine, operation.fqdn)
    # Its paths have the name in them. Clients wait at its socket meanwhile, and this answer is given before it ends.
    machine.runner.run(["systemctl", "try-restart", "--no-block", "trebold.service"], check=False)


def changes(machine: Machine, fqdn: str, *, begun: bool = False) -> dict[str, tuple[str, str]]:
    """Files of the system by name, as they are and as they are to be. Raises BadInput for another machine's name,
    unless the change has `begun` before: then /etc/hosts may have this one's by it already."""
    label = machine.text(_KERNEL).strip().partition(".")[0]
    hosts, settings = machine.text(HOSTS), machine.text(SETTINGS)
    begun = begun or _NAME.findall(settings) == [f'fqdn = "{fqdn}"']
    return {
        SETTINGS: (settings, _NAME.sub(f'fqdn = "{fqdn}"', settings)),
        HOSTS: (hosts, renamed(hosts, label, full_name(label, hosts, settings), fqdn, begun=begun)),
    }


def change(machine: Machine, fqdn: str, *, begun: bool = False) -> None:
    """Have the system be called so, in a cluster too, whose other services are not told. `begun`, and what is raised:
    as `changes`."""
    with ExitStack() as undo:
        for name, (before, text) in changes(machine, fqdn, begun=begun).items():
            if text != before:
                path = machine.at(name)
                mode = path.stat().st_mode & 0o777
                undo.callback(write_text, path, before, mode=mode)
                write_text(path, text, mode=mode)
        # The last: what fails after it could not be undone without a second change of the name.
        machine.runner.run(["hostnamectl", "set-hostname", "--static", fqdn.partition(".")[0]])
        undo.pop_all()


def _refuse_in_cluster(machine: Machine) -> None:
    """Corosync, pacemaker and Ceph know their nodes by name."""
    if describes_cluster(machine.text(COROSYNC)):
        raise Refused(
            "the node is of a cluster, which knows it by its name", where="fqdn", hint="trebol node rename NAME"
        )


def renamed(hosts: str, label: str, old: str, new: str, *, begun: bool = False) -> str:
    """A hosts(5) in which the node called `label`, in full `old`, is called `new`; all else in it stays.

    Raises BadInput where another machine has the new name, unless an earlier change to that name has `begun`.
    """
    names = (new, new.partition(".")[0])
    # A node without a name is called so (hostname(5)), and is not the only thing that is.
    mine = {name.lower() for name in (label, old) if name.partition(".")[0] != "localhost"}
    lines = []
    # Lines end where the C library ends them, and nowhere else.
    for number, line in enumerate(StringIO(hosts), 1):
        told, mark, comment = line.rstrip("\n").partition("#")
        address, *given = told.split() or [""]
        known = {name.lower() for name in given}
        if not known.isdisjoint(mine):
            told = f"{address} {' '.join(_with(given, mine, names))}{' ' if mark else ''}"
            line = f"{told}{mark}{comment}\n"
        elif not begun and not known.isdisjoint(names):
            raise BadInput(f"/etc/hosts has this name for another machine: line {number}, {address}", where="fqdn")
        lines.append(line)
    return "".join(lines)


def _with(given: Iterable[str], old: Collection[str], new: tuple[str, str]) -> Iterable[str]:
    """Both new names where the first of the old ones was."""
    found: list[str] = []
    for name in given:
        found += new if name.lower() in old else [name]
    return dict.fromkeys(found)
