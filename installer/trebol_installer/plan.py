"""The plan: a pure function of machine, answers and manifest. Every refusal happens here, all reasons at once."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import Answers, DiskSetup
from trebol_common.errors import BadInput, TrebolError
from trebol_common.i18n import _
from trebol_common.medium import Layer, Manifest
from trebol_common.network import HostNetwork
from trebol_hardware.checks.finding import Finding
from trebol_hardware.machine import Disk, Machine
from trebol_installer import features
from trebol_installer.hardware import checked, refuse
from trebol_installer.host_network import host_network
from trebol_installer.interfaces import Selected, select_interface
from trebol_installer.layout import Layout, Request, choose
from trebol_installer.members import member_notes
from trebol_installer.plan_steps import plan_steps
from trebol_installer.plan_words import DiskChange, disk_change, notes, summary, warnings
from trebol_installer.select import problems_by_class, select_disks
from trebol_installer.sizing import problems_of
from trebol_installer.steps import Step
from trebol_installer.teardown import teardown


@dataclass(frozen=True)
class Plan:
    """What will be done, in order; what becomes of each disk, and what lies on several of them together; what stands
    on the disks and has to be closed, as a tree; what to know; what to look at; what the hardware checks found, for
    the role that the answers name."""

    steps: tuple[Step, ...]
    disks: tuple[DiskChange, ...]
    summary: tuple[tuple[str, str], ...]
    together: tuple[str, ...] = ()
    torn_down: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    role: str = "node"
    findings: tuple[Finding, ...] = ()


def plan(
    machine: Machine,
    answers: Answers,
    manifest: Manifest | None = None,
    *,
    console: tuple[str, ...] = (),
    module_key: str = "",
) -> Plan:
    """Decide everything about an installation, without touching anything.

    `console` are the console= words of the running system's command line, which the installed one gets too, and
    `module_key` is the medium's own (`trebol_common.medium.module_key`). Without a manifest, sizes are checked
    against layers of about that size, and a note says so. Raises Refused or BadInput with every reason there is.
    """
    wanted = features.wanted(answers)
    layers = features.layers_of(None, wanted)
    errors: list[TrebolError] = []
    try:
        layers = features.layers_of(manifest, wanted)
        features.refuse_unloadable(machine, wanted, module_key)
    except TrebolError as error:
        errors.append(error)
    targets: tuple[Disk, ...] = ()
    layout: Layout | None = None
    selected: Selected | None = None
    network: HostNetwork | None = None
    try:
        targets = select_disks(machine, answers)
        layout = layout_for(targets, machine, answers.disk_setup, layers)
    except TrebolError as error:
        errors.append(error)
    try:
        selected = select_interface(machine, answers)
        network = host_network(machine, answers, selected.interfaces)
    except TrebolError as error:
        errors.append(error)
    findings: tuple[Finding, ...] = ()
    try:
        findings = checked(machine, answers.checks)
        refuse(findings, answers.checks)
    except TrebolError as error:
        errors.append(error)
    if machine.architecture != "x86_64":
        other = _("is a {architecture} machine; Trebol runs on x86_64 only").format(architecture=machine.architecture)
        errors.append(BadInput(other, where=_("machine")))
    if errors or layout is None or selected is None or network is None:
        reasons, kind = problems_by_class(errors)
        raise kind.of(reasons)
    torn_down = teardown(machine, targets)
    return Plan(
        steps=plan_steps(
            machine, answers, manifest, layers, targets, torn_down, layout, selected.interfaces[0], network, console
        ),
        disks=tuple(disk_change(disk, layout, alone=len(targets) == 1) for disk in targets),
        together=layout.volumes if len(targets) > 1 else (),
        # Where nothing is open, it would only repeat what the disks hold.
        torn_down=torn_down.lines if torn_down.active and not layout.kept else (),
        summary=summary(machine, answers, targets, layout, selected.interfaces, network),
        notes=(
            *selected.notes,
            *member_notes(targets, answers.disk_setup),
            *notes(answers, manifest, layers),
            *features.notes(machine, wanted, module_key),
            *layout.notes,
        ),
        warnings=(*selected.warnings, *warnings(machine, answers, targets)),
        role=answers.checks.for_,
        findings=findings,
    )


def layout_for(targets: tuple[Disk, ...], machine: Machine, setup: DiskSetup, layers: tuple[Layer, ...]) -> Layout:
    """What becomes of the targets. Raises BadInput or Refused, with the key or the disk that it is about."""
    try:
        return choose(Request(targets, setup, machine.memory, features.unpacked(layers)))
    except BadInput as error:
        raise BadInput.of(problems_of(error, "disk-setup")) from error
    except TrebolError as error:
        smallest = min(targets, key=lambda disk: disk.size)
        raise type(error).of(problems_of(error, smallest.stable_path)) from error
