"""The answer model: sections, keys and values of the answer.toml that Proxmox VE's automated installer made common,
and keys of our own.

Keys are kebab-case in files; snake_case is accepted too, as it is there. Unknown keys are errors. A value that the
form knows but Trebol does not serve yet is refused by `parse.unserved`, in these words, so that files people already
have either mean what they say or are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, SecretStr, StrictBool, Tag, model_validator

from trebol_common.answers.disks import (
    BtrfsCompress,
    BtrfsOptions,
    BtrfsRaid,
    DiskSetup,
    Encryption,
    Filesystem,
    FilterMatch,
    LvmSizes,
    MdRaid,
    ZfsChecksum,
    ZfsCompress,
    ZfsOptions,
    ZfsRaid,
)
from trebol_common.answers.section import BRANCH, Section
from trebol_common.answers.values import (
    Address,
    Country,
    Domain,
    Fqdn,
    HashedPassword,
    Interface,
    Mail,
    NetworkFilter,
    Password,
    PinnedNames,
    SshKey,
    Timezone,
    other_meaning,
)
from trebol_common.i18n import _

__all__ = [
    "BRANCH",
    "Answers",
    "BtrfsCompress",
    "BtrfsOptions",
    "BtrfsRaid",
    "Checks",
    "DiskSetup",
    "Encryption",
    "FailOn",
    "Filesystem",
    "FilterMatch",
    "FqdnFromDhcp",
    "Global",
    "InterfaceNamePinning",
    "Keyboard",
    "LvmSizes",
    "MdRaid",
    "Network",
    "NetworkSource",
    "NodeRole",
    "RebootMode",
    "Section",
    "ZfsChecksum",
    "ZfsCompress",
    "ZfsOptions",
    "ZfsRaid",
]


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


class FqdnFromDhcp(Section):
    """The name that the DHCP server gives, with `domain` where it gives none."""

    source: Literal["from-dhcp"]
    domain: Domain | None = None


def _fqdn_form(value: Any) -> str:
    return f"{BRANCH}table" if isinstance(value, Mapping | FqdnFromDhcp) else f"{BRANCH}name"


class Global(Section):
    """`[global]`: who and where the node is, and how to get in."""

    country: Country
    fqdn: Annotated[
        Annotated[Fqdn, Tag(f"{BRANCH}name")] | Annotated[FqdnFromDhcp, Tag(f"{BRANCH}table")],
        Discriminator(_fqdn_form),
    ]
    keyboard: Keyboard
    mailto: Mail
    timezone: Timezone
    root_password: Password | None = None
    root_password_hashed: HashedPassword | None = None
    root_ssh_keys: tuple[SshKey, ...] = ()
    reboot_on_error: StrictBool = False
    reboot_mode: RebootMode = RebootMode.REBOOT
    subscription_key: SecretStr | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.root_password is None) == (self.root_password_hashed is None):
            raise ValueError(_("needs either root-password or root-password-hashed, and not both"))
        return self


class InterfaceNamePinning(Section):
    """`[network.interface-name-pinning]`: names bound to MAC addresses, so that they survive new hardware."""

    enabled: StrictBool = False
    mapping: PinnedNames = Field(default={})


class Network(Section):
    """`[network]`: the management address, on bridge vmbr0."""

    source: NetworkSource
    cidr: Interface | None = None
    dns: Address | None = None
    gateway: Address | None = None
    filter: NetworkFilter | None = None
    interface_name_pinning: InterfaceNamePinning = InterfaceNamePinning()

    @model_validator(mode="after")
    def _fits_source(self) -> Self:
        keys = {"cidr": self.cidr, "dns": self.dns, "gateway": self.gateway, "filter": self.filter}
        if self.source is NetworkSource.DHCP:
            if given := [key for key, value in keys.items() if value is not None]:
                raise ValueError(_('{keys}: only with source = "from-answer"').format(keys=", ".join(given)))
            return self
        if missing := [key for key, value in keys.items() if value is None]:
            raise ValueError(_('source = "from-answer" also needs {keys}').format(keys=", ".join(missing)))
        assert self.cidr is not None and self.gateway is not None
        if self.gateway.version != self.cidr.version:
            raise ValueError(_("gateway and cidr are of different IP versions"))
        if self.gateway not in self.cidr.network and not self.gateway.is_link_local:
            outside = _("gateway {address} is not in {network}")
            raise ValueError(outside.format(address=self.gateway, network=self.cidr.network))
        if self.gateway == self.cidr.ip:
            raise ValueError(_("gateway is the node's own address"))
        for key, shown, address in (("cidr", self.cidr, self.cidr.ip), ("gateway", self.gateway, self.gateway)):
            if key == "gateway" and address.version == 6 and address == self.cidr.network.network_address:
                continue  # RFC 4291, 2.6.1: the network's own address is that of its routers.
            if meaning := other_meaning(address, self.cidr.network):
                raise ValueError(_("{key} {address} is {meaning}").format(key=key, address=shown, meaning=meaning))
        if self.dns is not None and (self.dns.is_multicast or self.dns.is_unspecified):
            raise ValueError(_("dns {address} is no address that a server can have").format(address=self.dns))
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
            raise ValueError(_('global.fqdn from DHCP needs network.source = "from-dhcp"'))
        return self
