"""What looks after the machine: BMC and fencing, watchdogs, power supplies."""

from __future__ import annotations

from trebol_common.i18n import _, counted
from trebol_hardware.checks.details import of_details, on_the_host
from trebol_hardware.checks.fence_agents import controller
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.firmware_menu import Switch, menu_path
from trebol_hardware.checks.hypervisor import container, guest_kind, is_guest, is_virtual
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_HA, CEPH, SBD, SMBIOS
from trebol_hardware.facts import Bmc, PowerSupply, Watchdog
from trebol_hardware.machine import Machine

#: The kernel's own watchdog, which dies with the kernel that it is to watch.
_SOFTWARE = ("softdog", "Software Watchdog")

#: The chipset's watchdogs: good, but some boards' firmware keeps them from restarting the machine.
_CHIPSET = frozenset({"iTCO_wdt", "sp5100_tco", "sp5100-tco"})

#: Agents through a virtual machine's hypervisor, by systemd-detect-virt(1)'s names.
_VIRTUAL_AGENTS = {
    "kvm": "fence_virsh, fence_pve",
    "qemu": "fence_virsh, fence_pve",
    "xen": "fence_xenapi, fence_virsh",
}


def bmc(machine: Machine) -> Verdict:
    """The BMC: noted, with its type and agent."""
    if machine.bmc is None:
        if is_guest(machine):
            return on_the_host(machine, _("A BMC"))
        if not _firmware_was_read(machine):
            return _bmc_not_known()
        return Verdict(
            Severity.INFO,
            _("none"),
            _("Without it nobody switches or sees this machine from afar; a switched power strip does half of that."),
            _("If the machine has one: modprobe -a ipmi_si ipmi_devintf; switch it on in the firmware's setup."),
        )
    known = controller(machine.bmc, machine.product)
    measured = _describe(machine.bmc, known.name)
    if not machine.bmc.device and not machine.bmc.firmware:
        silent = _("Firmware announces it; whether it answers was not seen: no driver is loaded.")
        remedy = _("As root: modprobe -a ipmi_si ipmi_devintf, then check again.")
        return Verdict(Severity.INFO, measured, f"{_agents(known.agents)}. {silent}", remedy)
    return Verdict(Severity.INFO, measured, _agents(known.agents))


def _firmware_was_read(machine: Machine) -> bool:
    """Whether firmware's tables were there to be read: they list memory modules too. Without them, no BMC is known
    and none is ruled out."""
    return machine.memory_details.modules is not None


def _bmc_not_known() -> Verdict:
    return Verdict(
        Severity.UNKNOWN,
        "",
        _("Firmware's tables, which would tell of a BMC, were not read."),
        _("As root: modprobe -a ipmi_si ipmi_devintf, then record the machine anew: trebol machine probe"),
    )


def _describe(bmc: Bmc, name: str) -> str:
    version = f"IPMI {bmc.ipmi_version}" if bmc.ipmi_version else ""
    redfish = "Redfish" if bmc.redfish else ""
    firmware = _("firmware {version}").format(version=bmc.firmware) if bmc.firmware else ""
    return ", ".join(word for word in (name, version, redfish, firmware, bmc.address) if word)


def _agents(agents: tuple[str, ...]) -> str:
    return _("Fence agents that fit: {agents}").format(agents=", ".join(agents))


def fencing(machine: Machine) -> Verdict:
    """A way for the other nodes to switch this one off."""
    if machine.bmc is None:
        return _without_bmc(machine)
    known = controller(machine.bmc, machine.product)
    measured = _describe(machine.bmc, known.name)
    if not machine.bmc.address:
        return Verdict(
            Severity.UNKNOWN,
            measured,
            _("The BMC's address on the LAN is not set, or could not be read; other nodes need it."),
            _("As root: ipmitool lan print; set it there or in the firmware's setup, and use {agent}.").format(
                agent=known.agents[0]
            ),
        )
    return Verdict(Severity.PASS, measured, _agents(known.agents))


def _without_bmc(machine: Machine) -> Verdict:
    if container(machine):
        return on_the_host(machine, _("A fencing device"))
    if is_virtual(machine):
        agents = _VIRTUAL_AGENTS.get(machine.virtualisation)
        return Verdict(
            Severity.INFO,
            guest_kind(machine),
            _("Its hypervisor has to fence it."),
            _("Fence agents that fit: {agents}").format(agents=agents)
            if agents
            else _("See which fence agent speaks to it: apt-cache search fence-agents"),
        )
    if not _firmware_was_read(machine):
        return _bmc_not_known()
    hardware = [watchdog for watchdog in machine.watchdogs if not is_software(watchdog)]
    if hardware:
        return Verdict(
            Severity.WARN,
            _("no BMC, but a watchdog ({name})").format(name=hardware[0].identity or hardware[0].driver),
            _("No fencing device shows from here."),
            _("Use a switched power strip (fence_apc_snmp …), or sbd with this watchdog and a shared disk."),
        )
    return Verdict(
        Severity.FAIL,
        _("neither BMC nor hardware watchdog"),
        _("No fencing device shows from here: when this node hangs, no guest may be started elsewhere."),
        _("Use a switched power strip (fence_apc_snmp …) and mute this check, or a machine with a BMC."),
    )


def is_software(watchdog: Watchdog) -> bool:
    """Whether a watchdog is the kernel's own, softdog."""
    return watchdog.driver == _SOFTWARE[0] or watchdog.identity == _SOFTWARE[1]


def watchdog(machine: Machine) -> Verdict:
    """Hardware watchdogs, for sbd and against nodes that hang."""
    if not machine.watchdogs and container(machine):
        return on_the_host(machine, _("A watchdog"))
    if not machine.watchdogs:
        reason = _("Nothing restarts a node that hangs, and sbd does not start.")
        if is_virtual(machine):
            return Verdict(Severity.WARN, _("none"), reason, _virtual_watchdog(machine))
        remedy = _("Switch it on: {path}; else load softdog.").format(path=menu_path(machine, Switch.WATCHDOG))
        return Verdict(Severity.WARN, _("none"), reason, remedy)
    hardware = [watchdog for watchdog in machine.watchdogs if not is_software(watchdog)]
    measured = ", ".join(_name_of(watchdog) for watchdog in machine.watchdogs)
    if not hardware:
        return Verdict(
            Severity.WARN,
            measured,
            _("Softdog is a part of the kernel: when that hangs, so does the watchdog."),
            _("Switch the hardware's on: {path}").format(path=menu_path(machine, Switch.WATCHDOG)),
        )
    if all(watchdog.driver in _CHIPSET for watchdog in hardware):
        return Verdict(
            Severity.PASS,
            measured,
            _("Some boards do not let the chipset's watchdog restart the machine: try it once before relying on it."),
        )
    return Verdict(Severity.PASS, measured)


def _virtual_watchdog(machine: Machine) -> str:
    """QEMU: -device i6300esb, iTCO of q35; VMware: Virtual Watchdog Timer, from vSphere 7.0 on."""
    match machine.virtualisation:
        case "kvm" | "qemu":
            return _("Give the virtual machine a watchdog (i6300esb, iTCO), or use softdog.")
        case "vmware":
            return _(
                "Add a Watchdog Timer to the virtual machine (vSphere 7.0 or newer, hardware version 17), or use "
                "softdog."
            )
        case _other:
            return _("Use softdog: it watches as long as the kernel lives.")


def _name_of(watchdog: Watchdog) -> str:
    timeout = f" {watchdog.timeout} s" if watchdog.timeout else ""
    return f"watchdog{watchdog.number}: {watchdog.identity or watchdog.driver or '?'}{timeout}"


def power(machine: Machine) -> Verdict:
    """Power supplies: redundant, and all of them plugged."""
    if is_guest(machine):
        return on_the_host(machine, _("Power supplies"))
    there = [supply for supply in machine.power_supplies if supply.present is not False]
    if not there:
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("Firmware lists no power supplies."),
            _("Look at the back, or ask the BMC: ipmitool sdr type 'Power Supply'")
            if machine.bmc
            else _("Look at the back."),
        )
    details = [_supply(number, supply) for number, supply in enumerate(there, start=1)]
    measured = counted("{count} power supply", "{count} power supplies", len(there))
    verdict = of_details(details, measured=measured)
    if verdict.severity is Severity.PASS and len(there) == 1:
        return Verdict(
            Severity.INFO,
            measured,
            _("The node is down with it, or with its circuit."),
            _("Fit a second one on another circuit, if the machine takes one."),
            tuple(details),
        )
    return verdict


def _supply(number: int, supply: PowerSupply) -> Detail:
    name = supply.location or f"PSU {number}"
    measured = f"{supply.watts} W" if supply.watts else ""
    if supply.plugged is False:
        reason = _("Without mains: the machine lives on the others.")
        return Detail(name, Severity.WARN, measured, reason, _("Plug it in, on a circuit of its own."))
    if supply.plugged is None:
        reason = _("Firmware does not say whether it has mains.")
        return Detail(name, Severity.UNKNOWN, measured, reason, _("ipmitool sdr type 'Power Supply'"))
    return Detail(name, Severity.PASS, measured)


CHECKS: tuple[Check, ...] = (
    Check(
        "bmc",
        "Management controller (BMC)",
        Role.NODE,
        bmc,
        "The computer beside the computer (iDRAC, iLO, XCC, iRMC …) that switches it and shows its console.",
        Requirement("", "a BMC with IPMI or Redfish", CEPH),
    ),
    Check(
        "power-supplies",
        "Power supplies",
        Role.NODE,
        power,
        "Power supplies that firmware lists. Fencing by a switched power strip has to cut all of a node's feeds.",
        Requirement("", "2, on two circuits", f"{BRIEF_HA}; {SMBIOS}, 7.40"),
    ),
    Check(
        "fencing",
        "Fencing",
        Role.HA,
        fencing,
        "Before guests of a lost node are started elsewhere, that node must be off for certain. A BMC does it, or a "
        "power strip that this machine cannot see. Whether a BMC's address can be reached shows on the other nodes "
        "only: ask there, by the fence agent's --action=status.",
        Requirement("a fencing device; software alone does not count", "several methods", BRIEF_HA),
    ),
    Check(
        "watchdog",
        "Watchdog",
        Role.HA,
        watchdog,
        "A timer in hardware that restarts the node when nobody resets it. sbd needs one.",
        Requirement("", "a hardware watchdog; softdog is a fall-back", SBD),
    ),
)
