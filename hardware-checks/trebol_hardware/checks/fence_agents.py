"""Which BMC a machine has, and with which of Debian's fence agents other nodes can switch it off through it.

Manufacturers are told by their IANA private enterprise number, which a BMC gives in IPMI's Get Device ID (IPMI 2.0,
20.1). Agents are those of Debian 13's packages fence-agents-* that the node has (iso/packages/fencing.list).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trebol_hardware.facts import Bmc
from trebol_hardware.machine import Product

IPMI = "fence_ipmilan"
REDFISH = "fence_redfish"


@dataclass(frozen=True)
class Controller:
    """A BMC by its name, and the agents that fit, best first."""

    name: str
    agents: tuple[str, ...]


#: IANA private enterprise numbers. 47488 is not Supermicro's by IANA, but its newer boards give it (ipmitool).
_MAKERS = {
    2: Controller("IBM IMM", ("fence_imm", IPMI)),
    20301: Controller("IBM IMM", ("fence_imm", IPMI)),
    42: Controller("Oracle ILOM", (IPMI,)),
    119: Controller("NEC EXPRESSSCOPE", (IPMI,)),
    343: Controller("Intel BMC", (IPMI,)),
    674: Controller("Dell iDRAC", ("fence_idrac", IPMI)),
    2011: Controller("Huawei iBMC", (IPMI,)),
    2623: Controller("ASUS BMC", (IPMI,)),
    5771: Controller("Cisco CIMC", (IPMI, "fence_cisco_ucs")),
    6653: Controller("Tyan BMC", (IPMI,)),
    7244: Controller("Quanta BMC", (IPMI,)),
    10368: Controller("Fujitsu iRMC", (IPMI,)),
    10876: Controller("Supermicro BMC", (IPMI,)),
    47488: Controller("Supermicro BMC", (IPMI,)),
    15370: Controller("Gigabyte BMC", (IPMI,)),
    19046: Controller("Lenovo XClarity Controller", (IPMI,)),
    20974: Controller("AMI MegaRAC", (IPMI,)),
    37945: Controller("Inspur BMC", (IPMI,)),
    48512: Controller("Inspur BMC", (IPMI,)),
    49622: Controller("ASRock Rack BMC", (IPMI,)),
}
_HPE = frozenset({11, 47196})

#: HPE's iLO by the generation in the product's name: "ProLiant DL380 Gen10 Plus", "ProLiant DL380 G7".
_GENERATION = re.compile(r"\bG(?:en)?\s?(\d+)", re.IGNORECASE)

#: Where the BMC did not tell its manufacturer, DMI's: lower case beginnings.
_BY_NAME = (
    ("dell", 674),
    ("hp", 11),
    ("supermicro", 10876),
    ("super micro", 10876),
    ("lenovo", 19046),
    ("ibm", 2),
    ("fujitsu", 10368),
    ("cisco", 5771),
    ("intel", 343),
    ("huawei", 2011),
    ("inspur", 37945),
    ("asrock", 49622),
    ("asus", 2623),
    ("gigabyte", 15370),
    ("giga-byte", 15370),
    ("quanta", 7244),
    ("tyan", 6653),
    ("nec", 119),
    ("oracle", 42),
)


def controller(bmc: Bmc, product: Product) -> Controller:
    """The BMC's name and its agents; fence_redfish comes second where firmware announces Redfish, and first where
    that is all there is."""
    found = _by_maker(bmc, product)
    if not bmc.redfish or REDFISH in found.agents:
        return found
    if not bmc.interface and not bmc.device:
        return Controller(found.name, (REDFISH, *found.agents))
    return Controller(found.name, (found.agents[0], REDFISH, *found.agents[1:]))


def _by_maker(bmc: Bmc, product: Product) -> Controller:
    named = product.manufacturer.strip().lower()
    number = bmc.manufacturer_id
    if number not in _MAKERS and number not in _HPE:
        number = next((known for beginning, known in _BY_NAME if named.startswith(beginning)), None)
    if number in _HPE:
        return _ilo(product)
    return _MAKERS.get(number or 0, Controller("BMC", (IPMI,)))


def _ilo(product: Product) -> Controller:
    """iLO by the server's generation. From iLO 6 on there is no agent of that name: it speaks IPMI and Redfish."""
    match = _GENERATION.search(product.name)
    generation = int(match[1]) if match else None
    match generation:
        case None:
            return Controller("HPE iLO", (IPMI, REDFISH))
        case 6:
            return Controller("HP iLO 2", ("fence_ilo2",))
        case 7:
            return Controller("HP iLO 3", ("fence_ilo3", "fence_ilo3_ssh"))
        case 8 | 9:
            return Controller("HPE iLO 4", ("fence_ilo4", "fence_ilo4_ssh"))
        case 10:
            return Controller("HPE iLO 5", ("fence_ilo5", "fence_ilo5_ssh", REDFISH))
        case newer if newer > 10:
            return Controller("HPE iLO 6 or newer", (REDFISH, IPMI))
        case _:
            return Controller("HP iLO", ("fence_ilo",))
