"""The screen of the network: which interface carries the node's own address, and which address that is."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.answers.model import NetworkSource
from trebol_common.i18n import _
from trebol_common.tui.choices import bond_modes
from trebol_common.tui.page import Choice, Element, Gap, Input, Marks, Option, Text, Toggle, Tone
from trebol_hardware.machine import NetworkInterface
from trebol_hardware.shown import interface_line
from trebol_installer.screens.draft import Checked, Draft
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.neighbourhood import Heard
from trebol_installer.wire import Grade, Look

SOURCE = "network.source"
CIDR = "network.cidr"
GATEWAY = "network.gateway"
DNS = "network.dns"
IPV6 = "network.ipv6"
CIDR6 = "network.ipv6.cidr"
GATEWAY6 = "network.ipv6.gateway"
VLAN = "network.vlan"
MTU = "network.mtu"
BOND = "network.bond"
BOND_MODE = "network.bond.mode"
BOND_PORTS = "network.bond.ports"
#: Whether several interfaces are to be one: no answer itself, but it makes and takes out those of the bond.
BONDED = "bonded"
TONES = {Grade.GOOD: Tone.GOOD, Grade.WARN: Tone.WARN, Grade.BAD: Tone.BAD}
#: The interface by what does not change: its permanent MAC address, as udev knows it.
FILTER = "network.filter"
MAC = "network.filter.ID_NET_NAME_MAC"


def page(
    draft: Draft, facts: Facts, checked: Checked, seen: Sequence[Look], heard: Heard, *, insist: bool
) -> tuple[Element, ...]:
    """Its elements; `seen` is what a test of this network has shown so far, `heard` which switch each port leads to;
    see `node.page` for `insist`."""
    if facts.machine is None:
        return facts.instead(_("Looking at the network interfaces…"))
    interfaces = facts.machine.interfaces
    static = draft.text(SOURCE) == NetworkSource.ANSWER

    def field(key: str, label: str, hint: str = "", *, needed: bool = False) -> Input:
        missing = _("is needed") if insist and needed and not draft.get(key) else ""
        return Input(key, label, draft.shown(key), hint, missing or (checked.of(key) if draft.get(key) else ""))

    fixed = (
        field(CIDR, _("IP address"), _("With its prefix length: 192.0.2.10/24, 2001:db8::10/64"), needed=True),
        field(GATEWAY, _("Gateway"), _("The router of that network."), needed=True),
        field(DNS, _("Name server"), needed=True),
        field(CIDR6, _("IPv6 too"), _("A second address beside an IPv4 one, with its prefix length. May be empty.")),
        *((field(GATEWAY6, _("IPv6 gateway"), _("Empty: routers say the way out.")),) if draft.get(CIDR6) else ()),
    )
    whole = checked.of_table("network")
    return (
        *_ports(draft, interfaces, heard, insist=insist),
        Gap(),
        Choice(
            SOURCE,
            _("Address"),
            (Option(NetworkSource.DHCP, _("from DHCP")), Option(NetworkSource.ANSWER, _("fixed"))),
            draft.text(SOURCE),
            opens=True,
        ),
        *(fixed if static else ()),
        Gap(),
        field(VLAN, "VLAN", _("1 to 4094: the node's own address is in this VLAN, tagged. Empty: untagged.")),
        field(MTU, "MTU", _("1280 to 9216, where every switch on the way takes that much. Empty: 1500.")),
        *((Text(whole, Tone.BAD, "→"),) if whole and insist else ()),
        *((Gap(),) if seen else ()),
        *(Text(look.seen, TONES[look.grade], f"{look.what}:") for look in seen),
    )


def _ports(
    draft: Draft, interfaces: tuple[NetworkInterface, ...], heard: Heard, *, insist: bool
) -> tuple[Element, ...]:
    """The interfaces, to choose one or, for a bond, several."""
    bonded = draft.get(BOND) is not None
    several = Toggle(
        BONDED,
        _("Several as one (bond)"),
        bonded,
        hint=_("One of them may fail, or their switch, where they lead to two."),
    )
    toggle = (several,) if len(interfaces) > 1 else ()
    if not bonded:
        any_port = (Option("", _("the first one with a link")),) if draft.text(SOURCE) == NetworkSource.DHCP else ()
        ports = tuple(Option(mac_name(nic), interface_line(nic), _at_its_end(nic, heard)) for nic in interfaces)
        problem = _("is needed") if insist and not any_port and not draft.text(MAC) else ""
        return (Choice(MAC, _("Interface"), (*any_port, *ports), draft.text(MAC), problem=problem), *toggle)
    marked = tuple(draft.get(BOND_PORTS, ()))
    return (
        Marks(
            BOND_PORTS,
            _("Interfaces"),
            tuple(Option(nic.mac, interface_line(nic), _at_its_end(nic, heard)) for nic in interfaces),
            marked,
            problem=_("Mark an interface.") if insist and not marked else "",
        ),
        *toggle,
        Choice(BOND_MODE, _("Bond"), bond_modes(), draft.text(BOND_MODE), opens=True),
    )


def mac_name(nic: NetworkInterface) -> str:
    """How udev names an interface by its permanent address: what a filter finds it by on any boot."""
    return nic.udev.get("ID_NET_NAME_MAC", "") or f"enx{nic.mac.replace(':', '')}"


def _at_its_end(nic: NetworkInterface, heard: Heard) -> str:
    neighbour = heard.get(nic.name)
    if neighbour is None:
        return ""
    return _("switch {switch}, port {port}").format(switch=neighbour.switch or "?", port=neighbour.port or "?")
