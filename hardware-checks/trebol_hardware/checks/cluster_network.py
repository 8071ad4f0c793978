"""What a cluster asks of the network: links that do not die together, and no bonds that corosync does not bear."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details, on_the_host
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.hypervisor import is_guest
from trebol_hardware.checks.network import linked
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_CLUSTER, PROXMOX_BONDS
from trebol_hardware.facts import Bond
from trebol_hardware.machine import Machine, NetworkInterface

#: Modes of bonding, with what they do where a port dies without losing its link. The harmful ones go on sending a
#: share of the packets into it: nodes then see different halves of the cluster.
_SAFE = frozenset({"active-backup", "802.3ad"})
_HARMFUL = frozenset({"balance-rr", "balance-xor", "balance-tlb", "balance-alb"})


def links(machine: Machine) -> Verdict:
    """Ports that corosync can use: with a link, and not half duplex."""
    good = [interface for interface in linked(machine) if interface.duplex != "half"]
    measured = ", ".join(interface.name for interface in good) or "0"
    if machine.interfaces and all(interface.carrier is None for interface in machine.interfaces):
        name = machine.interfaces[0].name
        return Verdict(
            Severity.UNKNOWN,
            measured,
            _("All interfaces are down, so that the kernel cannot tell whether they have a link."),
            _("ip link set {name} up, then check again").format(name=name),
        )
    if not good:
        return Verdict(
            Severity.FAIL,
            measured,
            _("No port with a sound link: this node cannot be in a cluster."),
            _("Look at cables, switch ports and their negotiation."),
        )
    if len(good) == 1:
        return Verdict(
            Severity.WARN,
            measured,
            _("One link: when it fails, this node is alone, and is fenced under high availability."),
            _("Give corosync a second link on another switch."),
        )
    return Verdict(Severity.PASS, measured)


def card_of(machine: Machine, interface: NetworkInterface) -> str:
    """What dies together with `interface`: the root port that its card sits on, else the PCI device; empty where
    it is not known."""
    if not interface.pci:
        return ""
    card = interface.pci.rpartition(".")[0]
    # By any function of the card: a record may lack the one that the port is on.
    paths = (device.path for device in machine.pci if device.address.rpartition(".")[0] == card and device.path)
    return next((path[0] for path in paths), card)


def cards(machine: Machine) -> Verdict:
    """Noted only: how ports share cards."""
    return _cards(machine, Severity.INFO)


def cards_in_cluster(machine: Machine) -> Verdict:
    """All ports, or all that have a link, on one card leave a cluster member alone when the card dies."""
    verdict = _cards(machine, Severity.WARN)
    used = [port for port in linked(machine) if port.pci]
    idle = [port.name for port in machine.interfaces if port.pci and port not in used]
    # A single link is the finding of cluster-links.
    if verdict.severity is not Severity.PASS or len(used) < 2 or len({card_of(machine, port) for port in used}) > 1:
        return verdict
    return Verdict(
        Severity.WARN,
        ", ".join(port.name for port in used),
        _("All ports with a link hang on one card or root port: when it dies, all links die."),
        _("Connect a port of another card too: {ports}").format(ports=", ".join(idle)),
    )


def _cards(machine: Machine, severity: Severity) -> Verdict:
    if is_guest(machine):
        return on_the_host(machine, _("Network cards"))
    ports = [interface for interface in machine.interfaces if interface.pci]
    groups: dict[str, list[str]] = {}
    for port in ports:
        groups.setdefault(card_of(machine, port), []).append(port.name)
    measured = "; ".join(", ".join(names) for names in groups.values())
    if not ports:
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("No interface says which PCI card it is on."),
            _("Look for ports on cards of their own: lspci -t"),
        )
    if len(groups) > 1:
        return Verdict(Severity.PASS, measured)
    if len(ports) == 1:
        reason = _("There is one port: when it or its card dies, all links die.")
        return Verdict(severity, measured, reason, _("Fit a second NIC in another slot."))
    return Verdict(
        severity,
        measured,
        _("All ports hang on one card or root port: when it dies, all links die."),
        _("Fit a second NIC in another slot, and take one port of each for a bond or for corosync's links."),
    )


def bonds(machine: Machine) -> Verdict:
    """Bond modes under corosync."""
    if not machine.bonds:
        return Verdict(Severity.PASS, _("no bond"))
    measured = ", ".join(f"{bond.name} {bond.mode}" for bond in machine.bonds)
    return of_details([_bond(bond) for bond in machine.bonds], measured=measured)


def _bond(bond: Bond) -> Detail:
    if bond.mode in _HARMFUL:
        return Detail(
            bond.name,
            Severity.WARN,
            bond.mode,
            _("Spreads packets over ports: a port that is dead but linked splits the cluster, and nodes are fenced."),
            _("Use active-backup or 802.3ad, or give corosync ports of its own."),
        )
    if bond.mode not in _SAFE:
        reason = _("How corosync fares on this mode is not documented.")
        return Detail(bond.name, Severity.UNKNOWN, bond.mode, reason, _("Use active-backup or 802.3ad."))
    if len(bond.members) < 2:
        reason = _("A bond of fewer than two ports protects from nothing.")
        return Detail(bond.name, Severity.WARN, bond.mode, reason, _("Add a second port to the bond."))
    if bond.mode == "802.3ad":
        reason = _("With the slow LACP rate a dead port is noticed after 90 seconds only.")
        return Detail(
            bond.name, Severity.INFO, bond.mode, reason, _("Set bond-lacp-rate fast here and at the switch.")
        )
    return Detail(bond.name, Severity.PASS, bond.mode)


CHECKS: tuple[Check, ...] = (
    Check(
        "nic-cards",
        "Network cards",
        Role.NODE,
        cards,
        "Which ports share a card or a PCI root port, and so die together.",
        Requirement("", "ports on two cards", "Trebol: no single part may cut a node off"),
    ),
    Check(
        "cluster-links",
        "Links for corosync",
        Role.CLUSTER,
        links,
        "Ports with a sound link. corosync's knet uses up to eight links and survives as long as one works.",
        Requirement("1, on a network with all nodes", "2 (corosync.conf(5): links of knet)", BRIEF_CLUSTER),
    ),
    Check(
        "cluster-cards",
        "Network cards of a cluster member",
        Role.CLUSTER,
        cards_in_cluster,
        "Whether a single card or PCI root port carries all links of a cluster member.",
        Requirement("", "ports on two cards", "Trebol: no single part may cut a cluster member off"),
    ),
    Check(
        "cluster-bonds",
        "Bonds under corosync",
        Role.CLUSTER,
        bonds,
        "Modes that balance load keep sending a share of the packets through a port that is dead but still linked. "
        "Nodes then see different halves of the cluster, and fence themselves.",
        Requirement(
            "", "no bond under corosync, else active-backup or 802.3ad with the fast LACP rate", PROXMOX_BONDS
        ),
    ),
)
