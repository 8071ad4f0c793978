"""The answer model: sections, keys and values of the answer.toml that Proxmox VE's automated installer made common,
and keys of our own.

Keys are kebab-case in files; snake_case is accepted too, as it is there. Unknown keys are errors. A value that the
form knows but Trebol does not serve yet is refused by `parse.unserved`, in these words, so that files people already
have either mean what they say or are refused.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import zoneinfo
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    StrictBool,
    Tag,
    field_validator,
    model_validator,
)


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


#: How names of a union's branches begin in pydantic's locations of errors; `parse` leaves them out.
BRANCH = "="


class Section(BaseModel):
    """A table of the answer file: frozen, unknown keys rejected, kebab-case with snake_case as alias."""

    # Validators are built once, for the whole file, when the first one is read. Pydantic's own text of an error ends
    # up in tracebacks (`--debug`): it must not repeat a secret.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=_kebab,
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,
    )


class Keyboard(StrEnum):
    """Keyboard layouts, by the names of Proxmox VE's installer."""

    DE = "de"
    DE_CH = "de-ch"
    DK = "dk"
    EN_GB = "en-gb"
    EN_US = "en-us"
    ES = "es"
    FI = "fi"
    FR = "fr"
    FR_BE = "fr-be"
    FR_CA = "fr-ca"
    FR_CH = "fr-ch"
    HU = "hu"
    IS = "is"
    IT = "it"
    JP = "jp"
    LT = "lt"
    MK = "mk"
    NL = "nl"
    NO = "no"
    PL = "pl"
    PT = "pt"
    PT_BR = "pt-br"
    SE = "se"
    SI = "si"
    TR = "tr"


class RebootMode(StrEnum):
    """What happens after a successful installation."""

    REBOOT = "reboot"
    POWER_OFF = "power-off"


class NetworkSource(StrEnum):
    """Where the address of the management network comes from."""

    DHCP = "from-dhcp"
    ANSWER = "from-answer"


class Filesystem(StrEnum):
    """File system of the root; it decides the layout (ext4 and xfs: on LVM)."""

    EXT4 = "ext4"
    XFS = "xfs"
    ZFS = "zfs"
    BTRFS = "btrfs"


class FilterMatch(StrEnum):
    """Whether one or all keys of a filter must match."""

    ANY = "any"
    ALL = "all"


_TEXT_NEEDED = "must be text in quotes"
_COUNTRY = r"[a-zA-Z]{2}"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"{_LABEL}(\.{_LABEL})+", re.IGNORECASE | re.ASCII)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CRYPT = re.compile(r"\$(y|gy|7|2[aby]|6|5)\$[!-9;-~]+")
_SSH_KEY_TYPE = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")
_INTERFACE_NAME = re.compile(r"[a-z][a-z0-9_]{1,14}", re.IGNORECASE | re.ASCII)
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")


def _country(code: str) -> str:
    if not re.fullmatch(_COUNTRY, code):
        raise ValueError("is not a country's two letters such as es")
    return code.lower()


def _fqdn(name: str) -> str:
    if len(name) > 253 or not _FQDN.fullmatch(name):
        raise ValueError("is not a fully qualified domain name such as node1.example.org")
    if name.split(".")[0].isdigit():
        raise ValueError("has a host name made of digits only")
    if name.lower().startswith("localhost."):
        raise ValueError("has the host name of every machine's loopback")
    return name.lower()


def _domain(name: str) -> str:
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name, re.IGNORECASE | re.ASCII):
        raise ValueError("is not a domain name such as example.org")
    return name.lower()


def _mail(address: str) -> str:
    if not address.isprintable() or not _MAIL.fullmatch(address):
        raise ValueError("is not a mail address such as admin@example.org")
    return address


def _timezone(name: str) -> str:
    # Looked up alone: listing all time zones opens each of their 600 files.
    wrong = "is not a time zone such as Europe/Madrid or UTC"
    if not re.fullmatch(r"[A-Z][\w+-]*(/[A-Z][\w+-]*)*", name):
        raise ValueError(wrong)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(wrong) from error
    return name


def _interface(value: Any) -> Any:
    """An address with its prefix; by hand, because pydantic names the classes it tried in its message."""
    if isinstance(value, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        return value
    if not isinstance(value, str):
        # ipaddress takes numbers, and true for one.
        raise ValueError(_TEXT_NEEDED)
    if "/" not in value:
        raise ValueError("needs the prefix length, such as 192.0.2.10/24")
    try:
        return ipaddress.ip_interface(value)
    except ValueError as error:
        raise ValueError("is not an address with its prefix length, such as 192.0.2.10/24") from error


def _address(value: Any) -> Any:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return value
    if not isinstance(value, str):
        raise ValueError(_TEXT_NEEDED)
    try:
        return ipaddress.ip_address(value)
    except ValueError as error:
        raise ValueError("is not an IP address such as 192.0.2.1") from error


def _ssh_key(line: str) -> str:
    """One line of an authorized_keys file, without options: type, base64, comment."""
    fields = line.split()
    if len(fields) < 2 or not line.strip().isprintable() or not _SSH_KEY_TYPE.fullmatch(fields[0]):
        raise ValueError("is not an SSH public key such as ssh-ed25519 AAAA… admin@laptop")
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except binascii.Error as error:
        raise ValueError("is an SSH public key whose base64 part is damaged") from error
    name = fields[0].encode()
    if blob[4 : 4 + len(name)] != name:
        raise ValueError(f"says {fields[0]} but holds another type of key")
    return " ".join(fields)


def _hashed_password(secret: SecretStr) -> SecretStr:
    if not _CRYPT.fullmatch(secret.get_secret_value()):
        raise ValueError("is not a crypt(5) hash (make one with: mkpasswd --method=yescrypt)")
    return secret


def _password_length(secret: SecretStr) -> SecretStr:
    if not 8 <= len(secret.get_secret_value()) <= 64:
        raise ValueError("must have 8 to 64 characters")
    if any(character in secret.get_secret_value() for character in "\n\r\0"):
        raise ValueError("must not contain line breaks")
    return secret


Fqdn = Annotated[str, AfterValidator(_fqdn)]
Interface = Annotated[ipaddress.IPv4Interface | ipaddress.IPv6Interface, BeforeValidator(_interface)]
Address = Annotated[ipaddress.IPv4Address | ipaddress.IPv6Address, BeforeValidator(_address)]
#: Up to an exbibyte, beyond which the arithmetic in bytes has no meaning.
Gibibytes = Annotated[float, Field(ge=0, le=2**30, allow_inf_nan=False, strict=True)]


def _other_meaning(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> str:
    """What an address is that no machine of `network` can have; empty for one that it can.

    A network of two addresses has no address of its own, nor for all (RFC 3021, RFC 6164).
    """
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return "no address that a machine can have"
    if network.num_addresses > 2 and address == network.network_address:
        return "the address of the network itself"
    if network.version == 4 and network.num_addresses > 2 and address == network.broadcast_address:
        return "the broadcast address of its network"
    return ""


class FqdnFromDhcp(Section):
    """The name that the DHCP server gives, with `domain` where it gives none."""

    source: Literal["from-dhcp"]
    domain: Annotated[str, AfterValidator(_domain)] | None = None


def _fqdn_form(value: Any) -> str:
    return f"{BRANCH}table" if isinstance(value, Mapping | FqdnFromDhcp) else f"{BRANCH}name"


class Global(Section):
    """`[global]`: who and where the node is, and how to get in."""

    country: Annotated[str, AfterValidator(_country), Field(json_schema_extra={"pattern": f"^{_COUNTRY}$"})]
    fqdn: Annotated[
        Annotated[Fqdn, Tag(f"{BRANCH}name")] | Annotated[FqdnFromDhcp, Tag(f"{BRANCH}table")],
        Discriminator(_fqdn_form),
    ]
    keyboard: Keyboard
    mailto: Annotated[str, AfterValidator(_mail)]
    timezone: Annotated[str, AfterValidator(_timezone)]
    root_password: Annotated[SecretStr, AfterValidator(_password_length)] | None = None
    root_password_hashed: Annotated[SecretStr, AfterValidator(_hashed_password)] | None = None
    root_ssh_keys: tuple[Annotated[str, AfterValidator(_ssh_key)], ...] = ()
    reboot_on_error: StrictBool = False
    reboot_mode: RebootMode = RebootMode.REBOOT
    subscription_key: SecretStr | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.root_password is None) == (self.root_password_hashed is None):
            raise ValueError("needs either root-password or root-password-hashed, and not both")
        return self


class InterfaceNamePinning(Section):
    """`[network.interface-name-pinning]`: names bound to MAC addresses, so that they survive new hardware."""

    enabled: StrictBool = False
    mapping: dict[str, str] = {}

    @field_validator("mapping")
    @classmethod
    def _check(cls, mapping: dict[str, str]) -> dict[str, str]:
        lowered = {mac.lower().replace("-", ":"): name for mac, name in mapping.items()}
        for mac, name in lowered.items():
            if not _MAC.fullmatch(mac):
                raise ValueError(f"{mac!r} is not a MAC address such as 52:54:00:12:34:56")
            if not _INTERFACE_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not an interface name (a letter, then letters, digits or _; 2 to 15)")
        if len(lowered) != len(mapping):
            raise ValueError("names a MAC address twice, written in different ways")
        if len(set(lowered.values())) != len(lowered):
            raise ValueError("gives one name to two MAC addresses")
        return lowered


class Network(Section):
    """`[network]`: the management address, on bridge vmbr0."""

    source: NetworkSource
    cidr: Interface | None = None
    dns: Address | None = None
    gateway: Address | None = None
    filter: dict[str, str] | None = None
    interface_name_pinning: InterfaceNamePinning = InterfaceNamePinning()

    @field_validator("filter")
    @classmethod
    def _not_empty(cls, filters: dict[str, str] | None) -> dict[str, str] | None:
        if filters == {}:
            raise ValueError('is empty; it needs a udev property, such as ID_NET_NAME_MAC = "enx525400123456"')
        return filters

    @model_validator(mode="after")
    def _fits_source(self) -> Self:
        keys = {"cidr": self.cidr, "dns": self.dns, "gateway": self.gateway, "filter": self.filter}
        if self.source is NetworkSource.DHCP:
            if given := [key for key, value in keys.items() if value is not None]:
                raise ValueError(f'{", ".join(given)}: only with source = "from-answer"')
            return self
        if missing := [key for key, value in keys.items() if value is None]:
            raise ValueError(f'source = "from-answer" also needs {", ".join(missing)}')
        assert self.cidr is not None and self.gateway is not None
        if self.gateway.version != self.cidr.version:
            raise ValueError("gateway and cidr are of different IP versions")
        if self.gateway not in self.cidr.network and not self.gateway.is_link_local:
            raise ValueError(f"gateway {self.gateway} is not in {self.cidr.network}")
        if self.gateway == self.cidr.ip:
            raise ValueError("gateway is the node's own address")
        for key, shown, address in (("cidr", self.cidr, self.cidr.ip), ("gateway", self.gateway, self.gateway)):
            if key == "gateway" and address.version == 6 and address == self.cidr.network.network_address:
                continue  # RFC 4291, 2.6.1: the network's own address is that of its routers.
            if meaning := _other_meaning(address, self.cidr.network):
                raise ValueError(f"{key} {shown} is {meaning}")
        if self.dns is not None and (self.dns.is_multicast or self.dns.is_unspecified):
            raise ValueError(f"dns {self.dns} is no address that a server can have")
        return self


class LvmSizes(Section):
    """`[disk-setup]` lvm.*: sizes in GiB; what is not given follows `trebol_installer.sizing`."""

    hdsize: Gibibytes | None = None
    swapsize: Gibibytes | None = None
    maxroot: Gibibytes | None = None
    maxvz: Gibibytes | None = None
    minfree: Gibibytes | None = None


class DiskSetup(Section):
    """`[disk-setup]`: which disks, and the layout on them.

    `wipe = "confirmed"` is ours: the explicit yes to lose what a disk holds; it counts for disks named in
    `disk-list` only, never for what a filter happens to find.
    """

    filesystem: Filesystem
    disk_list: tuple[str, ...] = ()
    filter: dict[str, str] | None = None
    filter_match: FilterMatch = FilterMatch.ANY
    lvm: LvmSizes = LvmSizes()
    zfs: dict[str, Any] | None = None
    btrfs: dict[str, Any] | None = None
    wipe: Literal["confirmed"] | None = None

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        if bool(self.disk_list) == bool(self.filter):
            raise ValueError("needs either disk-list or filter, and not both")
        if len(set(self.disk_list)) != len(self.disk_list):
            raise ValueError("disk-list names a disk twice")
        return self


class FailOn(StrEnum):
    """The least severity of a hardware check's finding that keeps an installation from beginning."""

    FAIL = "fail"
    WARN = "warn"
    NEVER = "never"


#: What a node can be checked for: the values of `trebol_hardware.checks.registry.Role`, which this room cannot see.
NodeRole = Literal["node", "cluster", "ha", "ceph-mon", "ceph-osd", "ceph-mds", "mixed"]


class Checks(Section):
    """`[checks]`: what the hardware checks have to say before an installation. A section of our own.

    By default they only tell. A form that others' files keep to must not refuse a machine that they install on today,
    and what fails is mended without installing anew: a switch in the firmware, more memory, a second port.
    """

    for_: NodeRole = "node"
    fail_on: FailOn = FailOn.NEVER
    mute: tuple[str, ...] = ()


class Answers(Section):
    """A whole answer file."""

    global_: Global = Field(alias="global")
    network: Network
    disk_setup: DiskSetup
    checks: Checks = Checks()
    post_installation_webhook: dict[str, Any] | None = None
    first_boot: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _name_can_come(self) -> Self:
        if isinstance(self.global_.fqdn, FqdnFromDhcp) and self.network.source is not NetworkSource.DHCP:
            raise ValueError('global.fqdn from DHCP needs network.source = "from-dhcp"')
        return self
