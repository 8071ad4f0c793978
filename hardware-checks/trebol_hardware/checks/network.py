"""Network interfaces, each by itself: how many, with which driver, with a link, how fast."""

from __future__ import annotations

from collections.abc import Callable

from trebol_common.i18n import _
from trebol_hardware.checks.details import fitting, of_details, on_the_host
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.hypervisor import is_guest
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_NODE
from trebol_hardware.machine import Machine, NetworkInterface

#: Mbit/s. The brief's recommended speeds are 1 and 10 Gbit/s.
GIGABIT = 1000
TEN_GIGABIT = 10_000

#: PCI class 02, subclass 00: Ethernet controller.
_ETHERNET = "0200"

#: Drivers of adapters on USB.
_USB_DRIVERS = frozenset(
    {
        "r8152",
        "ax88179_178a",
        "asix",
        "aqc111",
        "cdc_ether",
        "cdc_ncm",
        "cdc_mbim",
        "rndis_host",
        "smsc75xx",
        "lan78xx",
    }
)


def linked(machine: Machine) -> tuple[NetworkInterface, ...]:
    """Interfaces with a link."""
    return tuple(interface for interface in machine.interfaces if interface.carrier)


def count(machine: Machine) -> Verdict:
    """Number of interfaces."""
    number = len(machine.interfaces)
    measured = ", ".join(interface.name for interface in machine.interfaces) or "0"
    if not number:
        return Verdict(
            Severity.FAIL,
            measured,
            _("No wired Ethernet interface: nobody reaches this node."),
            _("Fit a NIC, or switch on the one on the board in the firmware's setup."),
        )
    if number == 1:
        return Verdict(
            Severity.WARN,
            measured,
            _("Guests, cluster and storage share one interface, and nothing is left when it dies."),
            fitting(machine, _("Fit a second NIC."), virtual=_("Give the virtual machine a second one.")),
        )
    return Verdict(Severity.PASS, measured)


def drivers(machine: Machine) -> Verdict:
    """Ethernet controllers that no driver took, and interfaces on USB."""
    lost = [device for device in machine.pci if device.class_code.startswith(_ETHERNET) and not device.driver]
    details = [
        Detail(
            device.address,
            Severity.WARN,
            f"{device.vendor_id}:{device.device_id} {device.model}".strip(),
            _("An Ethernet controller without a driver: Debian's kernel does not know it, or lacks its firmware."),
            _("See the kernel's messages: journalctl -k -g firmware"),
        )
        for device in lost
    ]
    details += [_driver_of(interface) for interface in machine.interfaces]
    if not details:
        return Verdict(Severity.UNKNOWN, "", _("There is no Ethernet controller."), _("See nic-count."))
    return of_details(details, measured=", ".join(dict.fromkeys(i.driver for i in machine.interfaces if i.driver)))


def _driver_of(interface: NetworkInterface) -> Detail:
    if not interface.driver:
        reason = _("The kernel does not say which driver serves it.")
        return Detail(
            interface.name, Severity.UNKNOWN, "", reason, _("ethtool -i {name}").format(name=interface.name)
        )
    if interface.driver in _USB_DRIVERS:
        reason = _("An adapter on USB: slow to answer, and it comes and goes with its plug.")
        return Detail(interface.name, Severity.WARN, interface.driver, reason, _("Use a NIC on PCI Express."))
    return Detail(interface.name, Severity.PASS, interface.driver)


def link(machine: Machine) -> Verdict:
    """Ports with and without link: one with a link is enough for the rest to be only noted."""
    if not machine.interfaces:
        return _no_interface()
    details = [_link_of(interface) for interface in machine.interfaces]
    with_link = linked(machine)
    measured = _("{linked} of {all} with link").format(linked=len(with_link), all=len(details))
    if with_link:
        return of_details(details, measured=measured)
    if all(interface.carrier is None for interface in machine.interfaces):
        return Verdict(
            Severity.UNKNOWN,
            measured,
            _("All interfaces are down, so that the kernel cannot tell whether they have a link."),
            _("ip link set {name} up, then check again").format(name=machine.interfaces[0].name),
            tuple(details),
        )
    return Verdict(
        Severity.WARN,
        measured,
        _("No port has a link: nobody reaches this node."),
        _("Look at cables and switch ports."),
        tuple(details),
    )


def _link_of(interface: NetworkInterface) -> Detail:
    match interface.carrier:
        case True:
            return Detail(interface.name, Severity.PASS, _("link"))
        case False:
            return Detail(interface.name, Severity.INFO, _("no link"), _("No cable, or the other end is off."))
        case None:
            return Detail(interface.name, Severity.INFO, _("down"), _("Not in use, so its link is not known."))


def _no_interface() -> Verdict:
    return Verdict(Severity.UNKNOWN, "", _("There is no interface."), _("See nic-count."))


def speed(machine: Machine) -> Verdict:
    """Speed of the ports with link."""
    return _of_links(machine, _speed_of, _("The speed of a virtual interface"))


def _speed_of(interface: NetworkInterface) -> Detail:
    if interface.speed is None:
        return Detail(
            interface.name,
            Severity.UNKNOWN,
            "",
            _("The driver does not say how fast the link is."),
            _("ethtool {name}").format(name=interface.name),
        )
    measured = f"{interface.speed} Mbit/s"
    remedy = _("Look at the cable (four pairs, category 5e or better) and at the switch port.")
    if interface.speed < GIGABIT:
        return Detail(interface.name, Severity.WARN, measured, _("Slower than 1 Gbit/s."), remedy)
    if interface.fastest and interface.speed < interface.fastest:
        reason = _("The port can do {fastest} Mbit/s.").format(fastest=interface.fastest)
        return Detail(interface.name, Severity.INFO, measured, reason, remedy)
    return Detail(interface.name, Severity.PASS, measured)


def duplex(machine: Machine) -> Verdict:
    """Half duplex: one end negotiates and the other does not."""
    return _of_links(machine, _duplex_of, _("The duplex of a virtual interface"))


def _duplex_of(interface: NetworkInterface) -> Detail:
    if interface.duplex == "half":
        return Detail(
            interface.name,
            Severity.WARN,
            interface.duplex,
            _("Collisions and lost packets: one end was set to a fixed speed, the other negotiates."),
            _("Set the switch port to automatic negotiation, or change the cable."),
        )
    if not interface.duplex:
        reason = _("The driver does not say.")
        return Detail(interface.name, Severity.UNKNOWN, "", reason, _("ethtool {name}").format(name=interface.name))
    return Detail(interface.name, Severity.PASS, interface.duplex)


def _of_links(machine: Machine, detail_of: Callable[[NetworkInterface], Detail], what: str) -> Verdict:
    if not machine.interfaces:
        return _no_interface()
    details = [detail_of(interface) for interface in linked(machine)]
    if not details:
        return Verdict(Severity.UNKNOWN, "", _("No port has a link."), _("See nic-link."))
    if is_guest(machine) and all(detail.severity is Severity.UNKNOWN for detail in details):
        return on_the_host(machine, what)
    measured = ", ".join(f"{detail.subject} {detail.measured}" for detail in details if detail.measured)
    return of_details(details, measured=measured)


CHECKS: tuple[Check, ...] = (
    Check(
        "nic-count",
        "Network interfaces",
        Role.NODE,
        count,
        "Wired Ethernet interfaces of real hardware; wireless ones cannot carry a bridge for guests.",
        Requirement("1", "several, of 1 or 10 Gbit/s", BRIEF_NODE),
    ),
    Check(
        "nic-driver",
        "Network drivers",
        Role.NODE,
        drivers,
        "Whether every Ethernet controller has a driver, and whether it is a card or an adapter on USB.",
        Requirement("", "a driver of Debian's kernel for every controller", "Linux kernel"),
    ),
    Check(
        "nic-link",
        "Network links",
        Role.NODE,
        link,
        "Which ports have a link now.",
        Requirement("", "a link on every port that is to be used", BRIEF_NODE),
    ),
    Check(
        "nic-speed",
        "Link speed",
        Role.NODE,
        speed,
        "What ports with a link have agreed on with the other end, and what they could do.",
        Requirement("", "1 or 10 Gbit/s", BRIEF_NODE),
    ),
    Check(
        "nic-duplex",
        "Duplex",
        Role.NODE,
        duplex,
        "Half duplex on a switched network is always a mistake: one end negotiates, the other does not.",
        Requirement("", "full duplex", "IEEE 802.3, clause 28"),
    ),
)
