"""The node's name servers: in Trebol's netplan, else in a file of systemd-resolved's."""

from __future__ import annotations

import ipaddress
import re

from trebol_common.errors import BadInput, Problem, raise_for
from trebol_common.files import write_text
from trebol_common.run import CommandFailed
from trebol_node.worker import netplan, trial
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.operations import SetDns

#: For a system whose network Trebol does not configure.
RESOLVED = "etc/systemd/resolved.conf.d/60-trebol.conf"

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def set_dns(operation: SetDns, context: Context, who: str) -> None:
    """See `SetDns`. Raises BadInput, Refused while a change of the network is tried."""
    raise_for(_wrong(operation), BadInput)
    machine = context.machine
    with trial.alone(machine):
        trial.refuse_while_tried(machine)
        path = machine.at(trial.NETPLAN)
        before = path.read_text(encoding="utf-8") if path.exists() else None
        tree = netplan.with_dns(netplan.parse(before), operation.servers, operation.search) if before else None
        if before is None or tree is None:
            _set_resolved(machine, operation)
        else:
            _set_netplan(machine, before, netplan.render(tree, like=before))
            _set_candidate(machine, operation)


def _wrong(operation: SetDns) -> list[Problem]:
    problems = [
        Problem(f"{server!r} is no address", f"dns{number}")
        for number, server in enumerate(operation.servers, 1)
        if not _is_address(server)
    ]
    problems += [
        Problem(f"{domain!r} is no domain", "search") for domain in operation.search if not _DOMAIN.fullmatch(domain)
    ]
    return problems


def _is_address(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _set_netplan(machine: Machine, before: str, text: str) -> None:
    """Write it and have networkd read it; where that fails, as before. Addresses stay: only what differs is set."""
    path = machine.at(trial.NETPLAN)
    write_text(path, text, mode=trial.PRIVATE_FILE)
    try:
        machine.runner.run(["netplan", "generate"])
    except CommandFailed:
        write_text(path, before, mode=trial.PRIVATE_FILE)
        machine.runner.run(["netplan", "generate"], check=False)
        raise
    machine.runner.run(["networkctl", "reload"])


def _set_candidate(machine: Machine, operation: SetDns) -> None:
    """A change of the network that waits to be applied would bring the old ones back."""
    path = machine.at(trial.CANDIDATE)
    if path.exists():
        before = path.read_text(encoding="utf-8")
        tree = netplan.with_dns(netplan.parse(before), operation.servers, operation.search)
        if tree is not None:
            write_text(path, netplan.render(tree, like=before), mode=trial.PRIVATE_FILE)


def _set_resolved(machine: Machine, operation: SetDns) -> None:
    lines = ["# Written by Trebol.", "[Resolve]"]
    if operation.servers:
        lines.append(f"DNS={' '.join(operation.servers)}")
    if operation.search:
        lines.append(f"Domains={' '.join(operation.search)}")
    write_text(machine.at(RESOLVED), "\n".join(lines) + "\n")
    machine.runner.run(["systemctl", "reload-or-restart", "systemd-resolved.service"])
