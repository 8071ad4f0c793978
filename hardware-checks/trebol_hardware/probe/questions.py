"""What only programs know: health of disks, what links can do, how well the clock is kept, the BMC's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from trebol_common.run import Completed, Runner
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk, Machine
from trebol_hardware.probe import clock, health, links, management
from trebol_hardware.probe.programs import NO_PROGRAM, ask_all


class _Subject(StrEnum):
    HEALTH = "health"
    LINK = "link"
    TRACKING = "tracking"
    SOURCES = "sources"
    SYNCHRONISED = "synchronised"
    BMC = "bmc"


_Key = tuple[_Subject, str]

#: Stands for the answer to a question that was not asked.
_UNASKED = Completed(min(NO_PROGRAM))


def answered(machine: Machine, runner: Runner | None, *, privileged: bool) -> Machine:
    """`machine` with the answers of all programs, asked at the same time.

    Without `runner` none is asked; those that need root are not without `privileged`.
    """
    answers = ask_all(runner, _questions(machine, privileged=privileged)) if runner is not None else {}

    def answer(subject: _Subject, name: str = "") -> Completed:
        return answers.get((subject, name), _UNASKED)

    return replace(
        _with_health(machine, answers),
        interfaces=tuple(
            replace(interface, fastest=links.fastest(answer(_Subject.LINK, interface.name)))
            for interface in machine.interfaces
        ),
        clock=clock.with_answers(
            machine.clock,
            tracking=answer(_Subject.TRACKING),
            sources=answer(_Subject.SOURCES),
            synchronised=answer(_Subject.SYNCHRONISED),
        ),
        bmc=replace(machine.bmc, address=management.lan_address(answer(_Subject.BMC).stdout))
        if machine.bmc
        else None,
    )


def with_disk_health(machine: Machine, runner: Runner, *, privileged: bool) -> Machine:
    """`machine` with what smartctl says of its disks, all asked at the same time; no other program is.

    Before an installation that is worth its time; virtual disks are not asked at all.
    """
    return _with_health(machine, ask_all(runner, _health_questions(machine, privileged=privileged)))


def _with_health(machine: Machine, answers: Mapping[_Key, Completed]) -> Machine:
    def disk_health(disk: Disk) -> DiskHealth:
        if (_Subject.HEALTH, disk.name) in answers:
            return health.health(answers[_Subject.HEALTH, disk.name])
        if disk.health is not None and not disk.health.unknown:
            return disk.health  # The kernel knew it.
        return DiskHealth(unknown=health.reason_not_to_ask(disk) or health.NOT_ASKED)

    return replace(
        machine,
        disks=tuple(replace(disk, health=disk_health(disk)) for disk in machine.disks),
    )


def _health_questions(machine: Machine, *, privileged: bool) -> dict[_Key, tuple[str, ...]]:
    asked = [disk for disk in machine.disks if privileged and not health.reason_not_to_ask(disk)]
    return {(_Subject.HEALTH, disk.name): health.command(disk) for disk in asked}


def _questions(machine: Machine, *, privileged: bool) -> dict[_Key, tuple[str, ...]]:
    questions: dict[_Key, tuple[str, ...]] = {
        (_Subject.TRACKING, ""): clock.TRACKING,
        (_Subject.SOURCES, ""): clock.SOURCES,
        (_Subject.SYNCHRONISED, ""): clock.SYNCHRONISED,
    }
    for interface in machine.interfaces:
        questions[_Subject.LINK, interface.name] = links.command(interface.name)
    questions |= _health_questions(machine, privileged=privileged)
    if privileged and machine.bmc is not None and machine.bmc.device:
        questions[_Subject.BMC, ""] = management.LAN_ADDRESS
    return questions
