"""Which network interface the answers mean, on this machine: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trebol_common.answers.model import Answers, BondAnswers, FilterMatch
from trebol_common.errors import BadInput, Refused
from trebol_common.i18n import _, counted
from trebol_hardware.machine import Machine, NetworkInterface
from trebol_installer.describe import listing
from trebol_installer.filters import matches, show_filter


@dataclass(frozen=True)
class Selected:
    """The interface that was chosen, or all of a bond, with what there is to say about the choice."""

    interfaces: tuple[NetworkInterface, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def select_interface(machine: Machine, answers: Answers) -> Selected:
    """The interface that becomes the port of the management bridge, or those of its bond.

    Raises BadInput or Refused.
    """
    if not machine.interfaces:
        raise Refused(
            _("this machine has no network interface that Linux knows"),
            where="network",
            hint=_("a node needs one; check that the card is on in the firmware and has a driver in Debian"),
        )
    if answers.network.bond is not None:
        return _of_bond(machine.interfaces, answers.network.bond)
    if answers.network.filter is None:
        return _first_with_carrier(machine.interfaces)
    filters = answers.network.filter
    # As in Proxmox's installer, any key may match: filter-match is about disks only.
    found = [nic for nic in machine.interfaces if matches(nic.udev, filters, FilterMatch.ANY)]
    if len(found) != 1:
        listed = listing(map(describe_interface, found or machine.interfaces))
        raise BadInput(
            _matched(show_filter(filters, FilterMatch.ANY), len(found)) + listed,
            where="network.filter",
            hint=_('make it match exactly one of these, for instance ID_NET_NAME_MAC = "enx…"'),
        )
    return Selected(tuple(found), warnings=_without_link(found))


def _of_bond(interfaces: Sequence[NetworkInterface], bond: BondAnswers) -> Selected:
    by_mac = {nic.mac: nic for nic in interfaces}
    if missing := [mac for mac in bond.ports if mac not in by_mac]:
        raise BadInput(
            _("no interface has the MAC address {mac}").format(mac=", ".join(missing))
            + listing(map(describe_interface, interfaces)),
            where="network.bond.ports",
            hint=_("name some of these"),
        )
    chosen = tuple(by_mac[mac] for mac in bond.ports)
    return Selected(chosen, warnings=_without_link(chosen))


def _without_link(chosen: Iterable[NetworkInterface]) -> tuple[str, ...]:
    told = _("{name} has no link: check its cable")
    return tuple(told.format(name=nic.name) for nic in chosen if nic.carrier is False)


def describe_interface(interface: NetworkInterface) -> str:
    """One line for a list: name, MAC, link, speed, model."""
    link = {True: _("link"), False: _("no link"), None: _("link unknown")}[interface.carrier]
    speed = f" {interface.speed} Mbit/s" if interface.speed else ""
    said = (f"{interface.name:<12} {interface.mac}", f"{link}{speed}", interface.model or interface.driver)
    return "  ".join(filter(None, said))


def _matched(wanted: str, number: int) -> str:
    if not number:
        return _("{filter} matches no interface").format(filter=wanted)
    return counted("{filter} matches {count} interface", "{filter} matches {count} interfaces", number, filter=wanted)


def _first_with_carrier(interfaces: Sequence[NetworkInterface]) -> Selected:
    linked = [interface for interface in interfaces if interface.carrier]
    if not linked:
        first = interfaces[0]
        warning = _("no interface has a link; {name} ({mac}) was taken").format(name=first.name, mac=first.mac)
        return Selected((first,), warnings=(warning,))
    if len(linked) == 1:
        return Selected((linked[0],))
    others = ", ".join(interface.name for interface in linked[1:])
    note = _("{name} is the first interface with a link; so have {others}").format(name=linked[0].name, others=others)
    return Selected((linked[0],), notes=(note,))
