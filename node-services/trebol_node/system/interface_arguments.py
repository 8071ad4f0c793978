"""What POST and PUT of /nodes/{node}/network take, as Proxmox VE's API documents it."""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from trebol_common.network import BondMode

#: A name that Linux, netplan and Proxmox VE all take.
NAME = r"^[a-zA-Z][a-zA-Z0-9_]{0,13}[a-zA-Z0-9_]([:.]\d{1,4})?$"
#: IFNAMSIZ of the kernel, without the zero at the end.
LONGEST_NAME = 15

_LIST = re.compile(r"[\s,;]+")
_VLAN_NAME = re.compile(r"(.+)\.(\d{1,4})")
_VLAN_NUMBER = re.compile(r"vlan(\d{1,4})")

#: What belongs to which IP version, by what is dropped with it.
_DROPS = {
    4: {"cidr": "cidr", "address": "cidr", "netmask": "cidr", "gateway": "gateway", "method": "cidr"},
    6: {"cidr6": "cidr", "address6": "cidr", "netmask6": "cidr", "gateway6": "gateway", "method6": "cidr"},
}

#: What `delete` may name.
DELETABLE = frozenset(
    {
        *_DROPS[4],
        *_DROPS[6],
        "autostart",
        "bond-primary",
        "bond_xmit_hash_policy",
        "bridge_ports",
        "bridge_vlan_aware",
        "comments",
        "mtu",
        "slaves",
    }
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _LIST.split(text) if word and word != "none")


def _version(version: int, text: str) -> str:
    if ip_address(text).version != version:
        raise ValueError(f"invalid format - value does not look like a valid ipv{version} address")
    return text


def _interface(version: int, text: str) -> str:
    address = ip_interface(text)
    if address.version != version or "/" not in text:
        raise ValueError(f"invalid format - value does not look like a valid ipv{version} network configuration")
    return str(address)


def _no_lines(text: str) -> str:
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("invalid format - value has control characters")
    return text


def _no_filter(aware: bool) -> bool:
    if aware:
        raise ValueError("bridges do not filter VLANs here: put an interface of type vlan on the bridge")
    return aware


def _settings(text: str) -> str:
    if unknown := sorted(frozenset(_words(text)) - DELETABLE):
        raise ValueError(f"no setting that can be deleted: {unknown[0]}")
    return text


def _mode(mode: str) -> str:
    if mode not in frozenset(BondMode):
        raise ValueError(f"value does not have a value in the enumeration '{', '.join(BondMode)}'")
    return mode


Name = Annotated[str, StringConstraints(pattern=NAME, max_length=LONGEST_NAME)]
FourAddress = Annotated[str, AfterValidator(lambda text: _version(4, text))]
SixAddress = Annotated[str, AfterValidator(lambda text: _version(6, text))]
FourCidr = Annotated[str, AfterValidator(lambda text: _interface(4, text))]
SixCidr = Annotated[str, AfterValidator(lambda text: _interface(6, text))]
Text = Annotated[str, Field(max_length=512), AfterValidator(_no_lines)]
HashPolicy = Literal["layer2", "layer2+3", "layer3+4"]
Names = Annotated[str, Field(max_length=512)]


class InterfaceArguments(BaseModel):
    """One interface as a client wants it. `method` and `method6` are Trebol's own: Proxmox VE cannot set DHCP."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, coerce_numbers_to_str=True)

    iface: Name | None = None
    type: Literal["bridge", "bond", "eth", "vlan"]
    autostart: bool | None = None
    mtu: Annotated[int, Field(ge=1280, le=65520)] | None = None
    comments: Text | None = None

    method: Literal["static", "dhcp", "manual"] | None = None
    cidr: FourCidr | None = None
    address: FourAddress | None = None
    netmask: Annotated[str, Field(max_length=15)] | None = None
    gateway: FourAddress | None = None
    method6: Literal["static", "dhcp", "auto", "manual"] | None = None
    cidr6: SixCidr | None = None
    address6: SixAddress | None = None
    netmask6: Annotated[int, Field(ge=0, le=128)] | None = None
    gateway6: SixAddress | None = None

    bridge_ports: Names | None = Field(None, alias="bridge_ports")
    bridge_vlan_aware: Annotated[bool, AfterValidator(_no_filter)] | None = Field(None, alias="bridge_vlan_aware")

    slaves: Names | None = None
    bond_mode: Annotated[str, AfterValidator(_mode)] | None = Field(None, alias="bond_mode")
    bond_primary: Name | None = Field(None, alias="bond-primary")
    bond_xmit_hash_policy: HashPolicy | None = Field(None, alias="bond_xmit_hash_policy")

    vlan_id: int | None = Field(None, alias="vlan-id", ge=1, le=4094)
    vlan_raw_device: Name | None = Field(None, alias="vlan-raw-device")

    delete: Annotated[str, Field(max_length=512), AfterValidator(_settings)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> InterfaceArguments:
        for version in (4, 6):
            self.cidr_of(version)
        return self

    @property
    def name(self) -> str:
        """Of a new interface."""
        return self.iface or ""

    @property
    def deleted(self) -> frozenset[str]:
        """The settings that go."""
        return frozenset(_words(self.delete or ""))

    @property
    def ports(self) -> tuple[str, ...] | None:
        """Of a bridge."""
        return None if self.bridge_ports is None else _words(self.bridge_ports)

    @property
    def members(self) -> tuple[str, ...] | None:
        """Of a bond."""
        return None if self.slaves is None else _words(self.slaves)

    def cidr_of(self, version: int) -> str | None:
        """The address with its prefix, from `cidr` or from `address` and `netmask`."""
        cidr, address, mask = (
            (self.cidr, self.address, self.netmask) if version == 4 else (self.cidr6, self.address6, self.netmask6)
        )
        if cidr is not None or address is None:
            return cidr
        if mask is None:
            raise ValueError(f"netmask{'' if version == 4 else 6}: property is missing and it is not optional")
        made: IPv4Interface | IPv6Interface = ip_interface(f"{address}/{mask}")
        return str(made)

    def drops(self, version: int) -> frozenset[str]:
        """What of an IP version goes: "cidr", "gateway"."""
        return frozenset(_DROPS[version][word] for word in self.deleted & _DROPS[version].keys())

    def vlan(self, name: str) -> tuple[int | None, str | None]:
        """Number and device of a VLAN; its name may say them: "vmbr0.120", "vlan120"."""
        number, device = self.vlan_id, self.vlan_raw_device
        if match := _VLAN_NAME.fullmatch(name):
            number, device = int(match[2]) if number is None else number, device or match[1]
        elif match := _VLAN_NUMBER.fullmatch(name):
            number = int(match[1]) if number is None else number
        return number, device
