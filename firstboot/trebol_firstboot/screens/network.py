"""The network: which interface carries the node's own address, and which address that is. Tried before it counts."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_common.tui.choices import bond_modes
from trebol_common.tui.page import Choice, Element, Gap, Input, Marks, Option, Text, Toggle, Tone
from trebol_firstboot.screens import network_form as form
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import NetworkSeen, Task, World
from trebol_hardware.shown import interface_line


def elements(seen: NetworkSeen, typed: Typed) -> tuple[Element, ...]:
    """Interface or bond, address, VLAN and MTU; what is wrong below each."""
    wrong = form.problems(seen, typed)

    def field(key: str, label: str, hint: str) -> Input:
        # Nothing is told to be missing before somebody wants to go on.
        problem = wrong.get(key, "") if typed.text(key) or typed.insist else ""
        return Input(key, label, typed.text(key), hint, problem)

    fixed = (
        field(form.CIDR, _("IP address"), _("With its prefix length: 192.0.2.10/24, 2001:db8::10/64")),
        field(form.GATEWAY, _("Gateway"), _("The router of that network.")),
        field(form.DNS, _("Name servers"), _("Up to three, with blanks between them.")),
        field(
            form.CIDR6, _("IPv6 too"), _("A second address beside an IPv4 one, with its prefix length. May be empty.")
        ),
        *(
            (field(form.GATEWAY6, _("IPv6 gateway"), _("Empty: routers say the way out.")),)
            if typed.text(form.CIDR6)
            else ()
        ),
    )
    bridge = _("On bridge vmbr0, which the guests are on too. What is set here is tried before it counts.")
    sources = (Option(form.DHCP, _("from DHCP")), Option(form.FIXED, _("fixed")))
    whole = wrong.get("", "")
    return (
        *_ports(seen, typed, wrong),
        Gap(),
        Choice(form.SOURCE, _("Address"), sources, typed.text(form.SOURCE), bridge, opens=True),
        *(fixed if typed.text(form.SOURCE) == form.FIXED else ()),
        Gap(),
        field(form.VLAN, "VLAN", _("1 to 4094: the node's own address is in this VLAN, tagged. Empty: untagged.")),
        field(form.MTU, "MTU", _("1280 to 9216, where every switch on the way takes that much. Empty: 1500.")),
        *((Text(whole, Tone.BAD, "→"),) if whole and typed.insist else ()),
    )


def _ports(seen: NetworkSeen, typed: Typed, wrong: dict[str, str]) -> tuple[Element, ...]:
    """The interfaces, to choose one or, for a bond, several."""
    options = tuple(Option(nic.name, interface_line(nic)) for nic in seen.interfaces)
    hint = _("One of them may fail, or their switch, where they lead to two.")
    several = Toggle(form.BONDED, _("Several as one (bond)"), typed.yes(form.BONDED), hint)
    toggle = (several,) if len(options) > 1 else ()
    if not typed.yes(form.BONDED):
        problem = wrong.get(form.PORT, "") if typed.insist else ""
        return (Choice(form.PORT, _("Interface"), options, typed.text(form.PORT), problem=problem), *toggle)
    problem = wrong.get(form.PORTS, "") if typed.insist else ""
    return (
        Marks(form.PORTS, _("Interfaces"), options, typed.several(form.PORTS), problem=problem),
        *toggle,
        Choice(form.MODE, _("Bond"), bond_modes(), typed.text(form.MODE), opens=True),
    )


def _try(world: World, seen: NetworkSeen, typed: Typed) -> Task:
    return world.apply_network(form.wanted(seen, typed))


TOPIC: Topic[NetworkSeen] = Topic(
    "network",
    lambda: _("Network"),
    lambda world: world.network(),
    elements,
    form.fields,
    form.problems,
    (Button("apply", lambda: _("Try it"), _try),),
)
