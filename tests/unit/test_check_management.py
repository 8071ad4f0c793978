"""What a server is told of its BMC, fencing, watchdogs and power supplies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.sound_machine import GUEST, MACHINE, but, run, told

from trebol_hardware.checks.fence_agents import controller
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.management import CHECKS
from trebol_hardware.facts import Bmc, Memory, PowerSupply, Watchdog
from trebol_hardware.machine import Machine, Product

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

SOFTDOG = Watchdog(1, "Software Watchdog", "")
IPMI_WATCHDOG = Watchdog(0, "IPMI", "ipmi_watchdog", 10)
BARE = but(bmc=None, watchdogs=())
UNREAD = replace(BARE, memory_details=Memory())
PLUGGED = PowerSupply("PSU1", True, True, 750)

FENCING_LIST = Path(__file__).parents[2] / "iso/packages/fencing.list"

#: Packages of Debian 13 whose agents are not called as they are, by `dpkg-deb -c`.
OF_PACKAGE = {
    "ipmilan": {"fence_idrac", "fence_ilo3", "fence_ilo4", "fence_ilo5", "fence_imm", "fence_ipmilan"},
    "ilo-ssh": {"fence_ilo3_ssh", "fence_ilo4_ssh", "fence_ilo5_ssh", "fence_ilo_ssh"},
    "ilo2": {"fence_ilo", "fence_ilo2"},
}


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("bmc", MACHINE, INFO, "Dell iDRAC, IPMI 2.0, Redfish, firmware 5.10, 192.0.2.50"),
        ("bmc", but(bmc=Bmc("kcs")), INFO, "whether it answers was not seen"),
        ("bmc", BARE, INFO, "power strip"),
        ("bmc", UNREAD, UNKNOWN, "modprobe -a ipmi_si"),
        ("bmc", GUEST, INFO, "host"),
        ("fencing", MACHINE, PASS, "fence_idrac"),
        ("fencing", but(bmc=Bmc("kcs", "/dev/ipmi0", 10876)), UNKNOWN, "fence_ipmilan"),
        ("fencing", BARE, FAIL, "mute"),
        ("fencing", replace(BARE, watchdogs=(SOFTDOG,)), FAIL, "no guest may be started"),
        ("fencing", but(bmc=None), WARN, "sbd"),
        ("fencing", UNREAD, UNKNOWN, "not read"),
        ("fencing", GUEST, INFO, "fence_virsh"),
        ("fencing", replace(GUEST, virtualisation="vmware"), INFO, "apt-cache"),
        ("watchdog", MACHINE, PASS, "try it once"),
        ("watchdog", but(watchdogs=(IPMI_WATCHDOG,)), PASS, "IPMI 10 s"),
        ("watchdog", but(watchdogs=(SOFTDOG, IPMI_WATCHDOG)), PASS, "IPMI"),
        ("watchdog", but(watchdogs=(SOFTDOG,)), WARN, "when that hangs"),
        ("watchdog", but(watchdogs=(Watchdog(0, "", "softdog"),)), WARN, "when that hangs"),
        ("watchdog", but(watchdogs=()), WARN, "softdog"),
        ("watchdog", GUEST, WARN, "i6300esb"),
        ("watchdog", replace(GUEST, virtualisation="vmware"), WARN, "vSphere"),
        ("watchdog", replace(GUEST, virtualisation="oracle"), WARN, "softdog"),
        ("power-supplies", but(power_supplies=(), bmc=None), UNKNOWN, "at the back."),
        ("power-supplies", MACHINE, PASS, "2 power supplies"),
        ("power-supplies", but(power_supplies=()), UNKNOWN, "ipmitool sdr"),
        ("power-supplies", but(power_supplies=(PLUGGED,)), INFO, "second one"),
        ("power-supplies", but(power_supplies=(PLUGGED, replace(PLUGGED, present=False))), INFO, "1 power supply"),
        ("power-supplies", but(power_supplies=(PLUGGED, replace(PLUGGED, plugged=False))), WARN, "without mains"),
        ("power-supplies", but(power_supplies=(PLUGGED, replace(PLUGGED, plugged=None))), UNKNOWN, "does not say"),
        ("power-supplies", GUEST, INFO, "host"),
    ],
)
def test_management_is_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


@pytest.mark.parametrize(
    ("maker", "manufacturer", "product", "name", "agent"),
    [
        (674, "Dell Inc.", "PowerEdge R640", "Dell iDRAC", "fence_idrac"),
        (11, "HP", "ProLiant DL380 G6", "HP iLO 2", "fence_ilo2"),
        (11, "HP", "ProLiant DL380 G7", "HP iLO 3", "fence_ilo3"),
        (11, "HP", "ProLiant DL380p Gen8", "HPE iLO 4", "fence_ilo4"),
        (11, "HPE", "ProLiant DL380 Gen10 Plus", "HPE iLO 5", "fence_ilo5"),
        (47196, "HPE", "ProLiant DL380 Gen11", "HPE iLO 6 or newer", "fence_redfish"),
        (11, "HPE", "Apollo", "HPE iLO", "fence_ipmilan"),
        (11, "HP", "ProLiant DL380 G5", "HP iLO", "fence_ilo"),
        (10876, "Supermicro", "SYS-1029P", "Supermicro BMC", "fence_ipmilan"),
        (47488, "Supermicro", "AS-1114", "Supermicro BMC", "fence_ipmilan"),
        (19046, "Lenovo", "7X06", "Lenovo XClarity Controller", "fence_ipmilan"),
        (2, "IBM", "System x3650", "IBM IMM", "fence_imm"),
        (10368, "FUJITSU", "PRIMERGY", "Fujitsu iRMC", "fence_ipmilan"),
        (5771, "Cisco Systems Inc", "UCSC-C220", "Cisco CIMC", "fence_ipmilan"),
        (343, "Intel", "S2600", "Intel BMC", "fence_ipmilan"),
        (2011, "Huawei", "RH2288", "Huawei iBMC", "fence_ipmilan"),
        (37945, "Inspur", "NF5280", "Inspur BMC", "fence_ipmilan"),
        (None, "Dell Inc.", "PowerEdge R740", "Dell iDRAC", "fence_idrac"),
        (None, "HPE", "ProLiant DL360 Gen10", "HPE iLO 5", "fence_ilo5"),
        (999999, "ACME", "Server", "BMC", "fence_ipmilan"),
    ],
)
def test_the_bmc_and_its_agent_are_told_by_manufacturer(
    maker: int | None, manufacturer: str, product: str, name: str, agent: str
) -> None:
    known = controller(Bmc("kcs", "/dev/ipmi0", maker), Product(manufacturer, product))

    assert (known.name, known.agents[0]) == (name, agent)


def test_redfish_is_offered_where_firmware_announces_it() -> None:
    supermicro = Product("Supermicro")

    assert controller(Bmc("kcs", "/dev/ipmi0", 10876, redfish=True), supermicro).agents == (
        "fence_ipmilan",
        "fence_redfish",
    )
    assert controller(Bmc(redfish=True), supermicro).agents[0] == "fence_redfish"


def test_every_agent_that_is_named_is_on_the_node() -> None:
    packages = set(re.findall(r"^fence-agents-(\S+)", FENCING_LIST.read_text(), re.MULTILINE))
    there = set().union(*(OF_PACKAGE.get(name, {f"fence_{name.replace('-', '_')}"}) for name in packages))
    makers = (2, 11, 42, 119, 343, 674, 2011, 2623, 5771, 6653, 7244, 10368, 10876, 15370, 19046, 20974, 37945)
    products = [Product("", f"ProLiant G{generation}") for generation in range(4, 13)]
    named = {
        agent
        for maker in (*makers, 20301, 47196, 47488, 48512, 49622)
        for product in products
        for agent in controller(Bmc("kcs", "/dev/ipmi0", maker, redfish=True), product).agents
    }
    virtual = set(re.findall(r"fence_\w+", told(run(CHECKS, "fencing", GUEST))))

    assert named | virtual <= there
