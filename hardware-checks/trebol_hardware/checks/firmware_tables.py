"""The menus of vendors' firmware, as data: how the setup is entered and the path to each switch, as labelled there.

The paths are those that vendors' public manuals print (Dell PowerEdge Installation and Service Manuals, HPE UEFI
System Utilities guides, Lenovo ThinkSystem UEFI manuals, manuals of Supermicro, ASUS, ASRock, Gigabyte and MSI
boards, Fujitsu PRIMERGY BIOS references, Cisco IMC guides, Intel's BIOS setup guides). Generations move entries
about: what stays is the entry's own name, the last word of each path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trebol_hardware.machine import Machine


class Switch(StrEnum):
    """A setting of the firmware."""

    VIRTUALISATION = "virtualisation"
    IOMMU = "iommu"
    SECURE_BOOT = "secure-boot"
    WATCHDOG = "watchdog"
    HBA = "hba"


@dataclass(frozen=True)
class Menu:
    """One family of firmware. Patterns are searched in DMI's names, without regard to case; empty ones match.

    `enter` is how the setup is reached. `common` holds paths that do not depend on the processor; `intel` and `amd`
    come before them.
    """

    name: str
    enter: str
    manufacturer: str = ""
    product: str = ""
    firmware: str = ""
    intel: Mapping[Switch, str] = field(default_factory=dict)
    amd: Mapping[Switch, str] = field(default_factory=dict)
    common: Mapping[Switch, str] = field(default_factory=dict)

    def fits(self, machine: Machine) -> bool:
        """Whether this is the firmware of `machine`, by its own names or by its main board's."""
        product = machine.product
        # Lenovo's name is a type number; what is on the lid is the version.
        own = (product.manufacturer, f"{product.name} {product.version}")
        board = (product.board_manufacturer, product.board_name)
        return any(self._fits(*names, machine.firmware.vendor) for names in (own, board))

    def _fits(self, manufacturer: str, product: str, firmware: str) -> bool:
        pairs = ((self.manufacturer, manufacturer), (self.product, product), (self.firmware, firmware))
        return all(re.search(pattern, text, re.IGNORECASE) for pattern, text in pairs)

    def path(self, switch: Switch, *, amd: bool) -> str:
        """The path to `switch`, empty where it is not known."""
        return (self.amd if amd else self.intel).get(switch, self.common.get(switch, ""))


_AMI_INTEL = {Switch.VIRTUALISATION: "Advanced → CPU Configuration → Intel Virtualization Technology"}
_AMI_AMD = {
    Switch.VIRTUALISATION: "Advanced → CPU Configuration → SVM Mode",
    Switch.IOMMU: "Advanced → AMD CBS → NBIO Common Options → IOMMU",
}

#: The first that fits counts: families of a vendor stand before the vendor, firmware of many vendors at the end.
MENUS: tuple[Menu, ...] = (
    Menu(
        name="Dell PowerEdge",
        enter="F2 → System Setup",
        manufacturer=r"^Dell",
        product=r"PowerEdge|^EMC",
        # One entry switches VT-x and VT-d together.
        intel={Switch.IOMMU: "System BIOS → Processor Settings → Virtualization Technology"},
        amd={Switch.IOMMU: "System BIOS → Processor Settings → IOMMU Support"},
        common={
            Switch.VIRTUALISATION: "System BIOS → Processor Settings → Virtualization Technology",
            Switch.SECURE_BOOT: "System BIOS → System Security → Secure Boot",
            Switch.WATCHDOG: "System BIOS → Integrated Devices → OS Watchdog Timer",
            Switch.HBA: "Device Settings → the PERC → Main Menu → Controller Management → "
            "Advanced Controller Management → HBA mode",
        },
    ),
    Menu(
        name="Dell",
        enter="F2",
        manufacturer=r"^Dell",
        common={
            Switch.VIRTUALISATION: "Virtualization Support → Virtualization",
            Switch.IOMMU: "Virtualization Support → VT for Direct I/O",
            Switch.SECURE_BOOT: "Secure Boot → Secure Boot Enable",
        },
    ),
    Menu(
        name="HP ProLiant Gen8",
        enter="F9 → ROM-Based Setup Utility",
        manufacturer=r"^HP",
        product=r"ProLiant.*(Gen8|G7|G6)",
        intel={
            Switch.VIRTUALISATION: "System Options → Processor Options → Intel Virtualization Technology",
            Switch.IOMMU: "System Options → Processor Options → Intel VT-d",
        },
        common={Switch.WATCHDOG: "Server Availability → ASR Status"},
    ),
    Menu(
        name="HPE ProLiant Gen9",
        enter="F9 → System Configuration → BIOS/Platform Configuration (RBSU)",
        manufacturer=r"^HP",
        product=r"(ProLiant|Synergy).*Gen9",
        intel={
            Switch.VIRTUALISATION: "System Options → Virtualization Options → Virtualization Technology",
            Switch.IOMMU: "System Options → Virtualization Options → Intel VT-d",
        },
        common={
            Switch.SECURE_BOOT: "Server Security → Secure Boot Configuration → Secure Boot Enforcement",
            Switch.WATCHDOG: "Server Availability → ASR Status",
        },
    ),
    Menu(
        name="HPE ProLiant",
        enter="F9 → System Configuration → BIOS/Platform Configuration (RBSU)",
        manufacturer=r"^HP",
        product=r"ProLiant|Synergy|Apollo",
        intel={
            Switch.VIRTUALISATION: "Virtualization Options → Intel Virtualization Technology (Intel VT)",
            Switch.IOMMU: "Virtualization Options → Intel VT-d",
        },
        amd={
            Switch.VIRTUALISATION: "Virtualization Options → AMD Virtualization Technology",
            Switch.IOMMU: "Virtualization Options → AMD I/O Virtualization Technology",
        },
        common={
            Switch.SECURE_BOOT: "Server Security → Secure Boot Settings → Attempt Secure Boot",
            Switch.WATCHDOG: "Server Availability → ASR Status",
        },
    ),
    Menu(
        name="HP",
        enter="F10",
        manufacturer=r"^(HP|Hewlett)",
        common={
            Switch.VIRTUALISATION: "Security → System Security (newer: Advanced → System Options) → "
            "Virtualization Technology (VTx)",
            Switch.IOMMU: "Security → System Security (newer: Advanced → System Options) → "
            "Virtualization Technology for Directed I/O (VTd)",
        },
    ),
    Menu(
        name="Lenovo ThinkSystem",
        enter="F1 → UEFI Setup → System Settings",
        manufacturer=r"^(LENOVO|IBM)",
        product=r"ThinkSystem|System x|ThinkAgile|ThinkEdge",
        intel={
            Switch.VIRTUALISATION: "Processors → Intel Virtualization Technology",
            Switch.IOMMU: "Devices and I/O Ports → Intel VT for Directed I/O (VT-d)",
        },
        amd={
            Switch.VIRTUALISATION: "Processors → SVM Mode",
            Switch.IOMMU: "Devices and I/O Ports → IOMMU",
        },
        common={Switch.SECURE_BOOT: "Security → Secure Boot Configuration → Secure Boot Setting"},
    ),
    Menu(
        name="Lenovo ThinkPad",
        enter="F1",
        manufacturer=r"^LENOVO",
        product=r"ThinkPad",
        common={
            Switch.VIRTUALISATION: "Security → Virtualization → Intel Virtualization Technology or AMD-V",
            Switch.IOMMU: "Security → Virtualization → Intel VT-d Feature or AMD-Vi",
            Switch.SECURE_BOOT: "Security → Secure Boot",
        },
    ),
    Menu(
        name="Lenovo ThinkCentre and ThinkStation",
        enter="F1",
        manufacturer=r"^LENOVO",
        product=r"ThinkCentre|ThinkStation",
        intel={
            Switch.VIRTUALISATION: "Advanced → CPU Setup → Intel Virtualization Technology",
            Switch.IOMMU: "Advanced → CPU Setup → VT-d",
        },
        common={Switch.SECURE_BOOT: "Security → Secure Boot"},
    ),
    Menu(
        name="Supermicro",
        enter="Del",
        manufacturer=r"^Super ?micro",
        intel={
            Switch.VIRTUALISATION: "Advanced → CPU Configuration → Intel Virtualization Technology",
            Switch.IOMMU: "Advanced → Chipset Configuration → North Bridge → IIO Configuration → "
            "Intel VT for Directed I/O (VT-d)",
        },
        amd={
            Switch.VIRTUALISATION: "Advanced → CPU Configuration → SVM Mode",
            Switch.IOMMU: "Advanced → NB Configuration → IOMMU",
        },
        common={
            Switch.SECURE_BOOT: "Security → Secure Boot",
            Switch.WATCHDOG: "Advanced → Boot Feature → Watch Dog Function",
        },
    ),
    Menu(
        name="Fujitsu PRIMERGY",
        enter="F2",
        manufacturer=r"^Fujitsu",
        product=r"PRIMERGY",
        intel={
            Switch.VIRTUALISATION: "Advanced → CPU Configuration → Intel Virtualization Technology",
            Switch.IOMMU: "Advanced → CPU Configuration → VT-d",
        },
        common={
            Switch.SECURE_BOOT: "Security → Secure Boot Configuration → Secure Boot Control",
            Switch.WATCHDOG: "Server Mgmt → Boot Watchdog",
        },
    ),
    Menu(
        name="Cisco UCS",
        enter="Cisco IMC → Compute → BIOS → Configure BIOS",
        manufacturer=r"^Cisco",
        intel={
            Switch.VIRTUALISATION: "Processor → Intel(R) VT",
            Switch.IOMMU: "I/O → Intel VT for directed IO",
        },
        amd={Switch.VIRTUALISATION: "Processor → SVM Mode"},
    ),
    Menu(
        name="Intel NUC",
        enter="F2",
        manufacturer=r"^Intel",
        product=r"NUC",
        intel={
            Switch.VIRTUALISATION: "Advanced → Security → Security Features → Intel Virtualization Technology",
            Switch.IOMMU: "Advanced → Security → Security Features → Intel VT for Directed I/O (VT-d)",
            Switch.SECURE_BOOT: "Advanced → Boot → Secure Boot",
        },
    ),
    Menu(
        name="Intel",
        enter="F2 → Setup Menu",
        manufacturer=r"^Intel Corp",
        product=r"^[SRDM]\d|Server",
        intel={
            Switch.VIRTUALISATION: "Advanced → Processor Configuration → Intel(R) Virtualization Technology",
            Switch.IOMMU: "Advanced → Integrated IO Configuration → Intel(R) VT for Directed I/O",
            Switch.WATCHDOG: "Server Management → OS Boot Watchdog Timer",
        },
    ),
    Menu(
        name="ASUS",
        enter="Del, F7 (Advanced Mode)",
        manufacturer=r"^ASUS",
        intel={
            Switch.VIRTUALISATION: "Advanced → CPU Configuration → Intel (VMX) Virtualization Technology",
            Switch.IOMMU: "Advanced → System Agent (SA) Configuration → VT-d",
        },
        amd=_AMI_AMD,
        common={Switch.SECURE_BOOT: "Boot → Secure Boot → OS Type: Windows UEFI mode"},
    ),
    Menu(
        name="ASRock",
        enter="F2 or Del",
        manufacturer=r"^ASRock",
        intel={**_AMI_INTEL, Switch.IOMMU: "Advanced → Chipset Configuration → VT-d"},
        amd=_AMI_AMD,
        common={Switch.SECURE_BOOT: "Security → Secure Boot"},
    ),
    Menu(
        name="Gigabyte",
        enter="Del, F2 (Advanced Mode)",
        manufacturer=r"^Gigabyte Technology",
        intel={Switch.VIRTUALISATION: "Tweaker → Advanced CPU Settings → Intel Virtualization Technology (VT-x)"},
        amd={
            Switch.VIRTUALISATION: "Tweaker → Advanced CPU Settings → SVM Mode",
            Switch.IOMMU: "Settings → Miscellaneous → IOMMU",
        },
        common={Switch.SECURE_BOOT: "Boot → Secure Boot"},
    ),
    Menu(
        name="MSI",
        enter="Del, F7 (Advanced)",
        manufacturer=r"^(Micro-Star|MSI)",
        intel={
            Switch.VIRTUALISATION: "OC → CPU Features → Intel Virtualization Tech",
            Switch.IOMMU: "OC → CPU Features → Intel VT-D Tech",
        },
        amd={Switch.VIRTUALISATION: "OC → CPU Features → SVM Mode"},
    ),
    Menu(name="AMI Aptio", enter="Del or F2", firmware=r"American Megatrends", intel=_AMI_INTEL, amd=_AMI_AMD),
)
