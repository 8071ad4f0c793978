"""Operations on the node as a whole: services, power, time zone, names, disks."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from typing import Any

from trebol_common.errors import BadInput, Problem, TrebolError, raise_for
from trebol_common.files import write_text
from trebol_hardware.probe import health
from trebol_hardware.probe.programs import NO_PROGRAM, TIMED_OUT, ask
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.errors import Modified, NotFound
from trebol_node.worker.operations import EndTask, Power, ReadSmart, ServiceAction, SetHosts, SetTimeZone
from trebol_node.worker.services import SERVICES, unit

HOSTS = "etc/hosts"
ZONES = "usr/share/zoneinfo"

#: Seconds that a task has between SIGTERM and SIGKILL.
ENDING = 5.0

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}")
_DISK = re.compile(r"[a-z][a-z0-9]*")

#: hosts(5), and what resolvers take: letters, digits, hyphens, dots; underscores are met.
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_LINK = re.compile(r"[A-Za-z0-9_.-]{1,15}")


def service(operation: ServiceAction, context: Context, who: str) -> str:
    """See `ServiceAction`. Raises NotFound, BadInput."""
    allowed = SERVICES.get(operation.service)
    if allowed is None:
        raise NotFound(f"service '{operation.service}' does not exist", where="service")
    if operation.action not in allowed:
        raise BadInput(f"service '{operation.service}' may not be stopped: the node is run by it", where="service")
    return str(context.start(f"srv{operation.action}", operation.service, who, operation))


def run_service(operation: ServiceAction, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `service`."""
    name = unit(operation.service)
    log.say(f"{operation.action} {name}")
    machine.runner.run(["systemctl", operation.action, "--", name], on_line=log.say)
    found = machine.runner.run(["systemctl", "is-active", "--", name], check=False).stdout.strip()
    log.say(f"{name} is {found}")


def power(operation: Power, context: Context, who: str) -> None:
    """See `Power`."""
    context.machine.runner.run(["systemctl", "reboot" if operation.action == "reboot" else "poweroff"])


def set_time_zone(operation: SetTimeZone, context: Context, who: str) -> None:
    """See `SetTimeZone`. Raises NotFound."""
    zone = operation.timezone
    if not (_ZONE.fullmatch(zone) and (context.machine.at(ZONES) / zone).is_file()):
        raise NotFound(f"timezone '{zone}' does not exist", where="timezone")
    context.machine.runner.run(["timedatectl", "set-timezone", "--", zone])


def digest_of(text: str) -> str:
    """By which a text is known again, as Proxmox VE makes it: SHA-1 in hexadecimal. Against mistakes, not malice."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def set_hosts(operation: SetHosts, context: Context, who: str) -> None:
    """See `SetHosts`. Raises Modified, BadInput with every line that is wrong."""
    path = context.machine.at(HOSTS)
    before = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if operation.digest and operation.digest != digest_of(before):
        raise Modified("detected modified configuration - file changed by other user? Try again.", where="digest")
    raise_for(wrong_hosts(operation.data), BadInput)
    write_text(path, operation.data if operation.data.endswith("\n") else f"{operation.data}\n")


def wrong_hosts(text: str) -> list[Problem]:
    """What is wrong with each line of a hosts(5)."""
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        address, *names = line.partition("#")[0].split() or ("",)
        if address and not _is_address(address):
            problems.append(Problem(f"line {number}: {address!r} is no address", "data"))
        elif address and not names:
            problems.append(Problem(f"line {number}: no name for {address}", "data"))
        problems += [
            Problem(f"line {number}: {name!r} is no host name", "data") for name in names if not _HOST.fullmatch(name)
        ]
    if "localhost" not in text.split():
        problems.append(Problem("no line for localhost", "data"))
    return problems


def _is_address(text: str) -> bool:
    # Of a zone, ipaddress looks at nothing.
    address, mark, zone = text.partition("%")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return not mark or bool(_LINK.fullmatch(zone))


def read_smart(operation: ReadSmart, context: Context, who: str) -> dict[str, Any]:
    """See `ReadSmart`. Raises NotFound, TrebolError where smartctl has no report."""
    name = operation.disk
    if not (_DISK.fullmatch(name) and context.machine.at(f"sys/block/{name}").exists()):
        raise NotFound(f"disk '{name}' does not exist", where="disk")
    answer = ask(context.machine.runner, [*health.COMMAND, f"/dev/{name}"])
    if answer.status in NO_PROGRAM:
        raise TrebolError(health.NO_SMARTCTL, where=name)
    if answer.status in TIMED_OUT:
        raise TrebolError(health.NO_ANSWER, where=name)
    if answer.status == health.ASLEEP:
        return {"asleep": True, "report": {}}
    try:
        report = json.loads(answer.stdout)
    except ValueError:
        raise TrebolError(health.NO_REPORT, where=name) from None
    return {"asleep": False, "report": report}


def end_task(operation: EndTask, context: Context, who: str) -> str:
    """See `EndTask`. Raises BadInput, NoSuchTask."""
    from trebol_node.tasks.process import end

    upid = context.tasks.get(operation.upid).upid
    end(upid.pid, upid.pstart, ENDING)
    return str(upid)
