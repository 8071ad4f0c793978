"""Which network interface an answer file means, and what is said of it."""

from __future__ import annotations

import pytest
from tests.unit.answer_files import DHCP, answers, machine, made_machine

from trebol_common.errors import BadInput, Refused
from trebol_hardware.machine import NetworkInterface
from trebol_installer.interfaces import select_interface

RACK = machine("rack-server")
NIC = NetworkInterface


@pytest.mark.parametrize(
    ("carriers", "name", "note", "warning"),
    [
        ((False, True), "n1", "", ""),
        ((True, True), "n0", "n0 is the first interface with a link; so have n1", ""),
        ((None, False), "n0", "", "no interface has a link; n0 (00:00:00:00:00:00) was taken"),
    ],
)
def test_dhcp_takes_the_first_interface_with_a_link(
    carriers: tuple[bool | None, ...], name: str, note: str, warning: str
) -> None:
    nics = tuple(NIC(f"n{i}", f"00:00:00:00:00:0{i}", carrier=carrier) for i, carrier in enumerate(carriers))

    chosen = select_interface(made_machine(interfaces=nics), answers(*DHCP))

    assert chosen.interface.name == name
    assert "; ".join(chosen.notes) == note
    assert "; ".join(chosen.warnings) == warning


def test_a_machine_without_interfaces_is_refused() -> None:
    with pytest.raises(Refused, match="no network interface"):
        select_interface(made_machine(interfaces=()), answers(*DHCP))


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({"INTERFACE": "ens1f0*"}, "ens1f0np0"),
        ({"ID_NET_NAME_ONBOARD": "eno8303"}, "eno8303"),
        ({"ID_NET_NAME_MAC": "enxb83fd24a1061", "NO_SUCH": "x"}, "ens1f1np1"),
    ],
)
def test_a_static_address_goes_to_the_interface_of_the_filter(filters: dict[str, str], name: str) -> None:
    assert select_interface(RACK, answers(("network.filter", filters))).interface.name == name


def test_a_filter_for_two_interfaces_lists_them() -> None:
    with pytest.raises(BadInput) as caught:
        select_interface(RACK, answers(("network.filter", {"INTERFACE": "eno*"})))

    text = str(caught.value)
    assert 'network.filter: INTERFACE = "eno*" matches 2 interfaces' in text
    assert "eno8303      b0:7b:25:d1:00:10  link 1000 Mbit/s  NetXtreme BCM5720" in text
    assert "eno8403      b0:7b:25:d1:00:11  no link" in text and "ens1f0np0" not in text


def test_a_filter_for_none_lists_all_interfaces() -> None:
    with pytest.raises(BadInput, match="matches no interface") as caught:
        select_interface(RACK, answers(("network.filter", {"INTERFACE": "wlan*"})))
    assert "ens1f1np1" in str(caught.value)


def test_a_static_interface_without_a_link_is_warned_about() -> None:
    chosen = select_interface(RACK, answers(("network.filter", {"INTERFACE": "eno8403"})))

    assert chosen.warnings == ("eno8403 has no link: check its cable",)
