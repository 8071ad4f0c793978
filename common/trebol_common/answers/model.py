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
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Section(BaseModel):
    """A table of the answer file: frozen, unknown keys rejected, kebab-case with snake_case as alias."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_kebab, populate_by_name=True)


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


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"^{_LABEL}(\.{_LABEL})+$", re.IGNORECASE)
_MAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
_CRYPT = re.compile(r"^\$(y|gy|7|2[aby]|6|5)\$[^\s:]+$")
_SSH_KEY_TYPE = re.compile(r"^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+$")
_INTERFACE_NAME = re.compile(r"^[a-z][a-z0-9_]{1,14}$", re.IGNORECASE)
_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$")


def _fqdn(name: str) -> str:
    if len(name) > 253 or not _FQDN.match(name):
        raise ValueError("is not a fully qualified domain name such as node1.example.org")
    if name.split(".")[0].isdigit():
        raise ValueError("has a host name made of digits only")
    return name.lower()


def _domain(name: str) -> str:
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name, re.IGNORECASE):
        raise ValueError("is not a domain name such as example.org")
    return name.lower()


def _mail(address: str) -> str:
    if not _MAIL.match(address):
        raise ValueError("is not a mail address such as admin@example.org")
    return address


def _timezone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError("is not a time zone such as Europe/Madrid or UTC")
    return name


def _ssh_key(line: str) -> str:
    """One line of an authorized_keys file, without options: type, base64, comment."""
    fields = line.split()
    if len(fields) < 2 or not _SSH_KEY_TYPE.match(fields[0]):
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
    if not _CRYPT.match(secret.get_secret_value()):
        raise ValueError("is not a crypt(5) hash (make one with: mkpasswd --method=yescrypt)")
    return secret


def _password_length(secret: SecretStr) -> SecretStr:
    if not 8 <= len(secret.get_secret_value()) <= 64:
        raise ValueError("must have 8 to 64 characters")
    if any(character in secret.get_secret_value() for character in "\n\r\0"):
        raise ValueError("must not contain line breaks")
    return secret


Fqdn = Annotated[str, AfterValidator(_fqdn)]
Gibibytes = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FqdnFromDhcp(Section):
    """The name that the DHCP server gives, with `domain` where it gives none."""

    source: Literal["from-dhcp"]
    domain: Annotated[str, AfterValidator(_domain)] | None = None


class Global(Section):
    """`[global]`: who and where the node is, and how to get in."""

    country: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2}$", to_lower=True)]
    fqdn: Fqdn | FqdnFromDhcp
    keyboard: Keyboard
    mailto: Annotated[str, AfterValidator(_mail)]
    timezone: Annotated[str, AfterValidator(_timezone)]
    root_password: Annotated[SecretStr, AfterValidator(_password_length)] | None = None
    root_password_hashed: Annotated[SecretStr, AfterValidator(_hashed_password)] | None = None
    root_ssh_keys: tuple[Annotated[str, AfterValidator(_ssh_key)], ...] = ()
    reboot_on_error: bool = False
    reboot_mode: RebootMode = RebootMode.REBOOT
    subscription_key: SecretStr | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.root_password is None) == (self.root_password_hashed is None):
            raise ValueError("needs either root-password or root-password-hashed, and not both")
        return self


class InterfaceNamePinning(Section):
    """`[network.interface-name-pinning]`: names bound to MAC addresses, so that they survive new hardware."""

    enabled: bool = False
    mapping: dict[str, str] = {}

    @field_validator("mapping")
    @classmethod
    def _check(cls, mapping: dict[str, str]) -> dict[str, str]:
        lowered = {mac.lower().replace("-", ":"): name for mac, name in mapping.items()}
        for mac, name in lowered.items():
            if not _MAC.match(mac):
                raise ValueError(f"{mac!r} is not a MAC address such as 52:54:00:12:34:56")
            if not _INTERFACE_NAME.match(name):
                raise ValueError(f"{name!r} is not an interface name (a letter, then letters, digits or _; 2 to 15)")
        if len(set(lowered.values())) != len(lowered):
            raise ValueError("gives one name to two MAC addresses")
        return lowered


class Network(Section):
    """`[network]`: the management address, on bridge vmbr0."""

    source: NetworkSource
    cidr: ipaddress.IPv4Interface | ipaddress.IPv6Interface | None = None
    dns: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    gateway: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    filter: dict[str, str] | None = None
    interface_name_pinning: InterfaceNamePinning = InterfaceNamePinning()

    @field_validator("cidr", mode="before")
    @classmethod
    def _prefix_is_written(cls, value: Any) -> Any:
        if isinstance(value, str) and "/" not in value:
            raise ValueError("needs the prefix length, such as 192.0.2.10/24")
        return value

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


class Answers(Section):
    """A whole answer file."""

    global_: Global = Field(alias="global")
    network: Network
    disk_setup: DiskSetup
    post_installation_webhook: dict[str, Any] | None = None
    first_boot: dict[str, Any] | None = None
