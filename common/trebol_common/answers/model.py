"""The answer model: sections, keys and values of the answer.toml that Proxmox VE's automated installer made common,
and keys of our own.

Keys are kebab-case in files; snake_case is accepted too, as it is there. Unknown keys are errors. A value that the
form knows but Trebol does not serve yet is refused by `parse.check_members`, in these words, so that files people
already have either mean what they say or are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, SecretStr, StrictBool, Tag, model_validator

from trebol_common.answers.cluster import Cluster, ClusterMode
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
from trebol_common.answers.first_boot import FirstBoot, FirstBootSource
from trebol_common.answers.section import BRANCH, Section
from trebol_common.answers.values import (
    Address,
    AnyAddress,
    AnyInterface,
    Country,
    Domain,
    Fqdn,
    HashedPassword,
    Interface,
    Mac,
    Mail,
    Mtu,
    NetworkFilter,
    Password,
    PinnedNames,
    SshKey,
    Timezone,
    VlanId,
    other_meaning,
)
from trebol_common.answers.webhook import Webhook
from trebol_common.i18n import _
from trebol_common.network import BondMode

__all__ = [
    "BRANCH",
    "Answers",
    "BondAnswers",
    "BondMode",
    "BtrfsCompress",
    "BtrfsOptions",
    "BtrfsRaid",
    "Checks",
    "Cluster",
    "ClusterMode",
    "DiskSetup",
    "Encryption",
    "FailOn",
    "Filesystem",
    "FilterMatch",
    "FirstBoot",
    "FirstBootSource",
    "FqdnFromDhcp",
    "Global",
    "InterfaceNamePinning",
    "Ipv6Answers",
    "Keyboard",
    "LvmSizes",
    "MdRaid",
    "Network",
    "NetworkSource",
    "NodeRole",
    "RebootMode",
    "Section",
    "Webhook",
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


class BondAnswers(Section):
    """`[network]` bond.*, ours: several interfaces, by their MAC addresses, below the bridge as one."""

    mode: BondMode
    ports: Annotated[tuple[Mac, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.ports)) != len(self.ports):
            raise ValueError(_("ports names an interface twice"))
        return self


class Ipv6Answers(Section):
    """`[network]` ipv6.*, ours: an IPv6 address beside the IPv4 one; without `gateway`, routers say the way out."""

    cidr: Interface
    gateway: Address | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cidr.version != 6:
            raise ValueError(_("cidr is no IPv6 address"))
        if self.gateway is not None:
            check_gateway(self.cidr, self.gateway)
        return self


def check_gateway(cidr: AnyInterface, gateway: AnyAddress) -> None:
    """Raise ValueError where a node with this address cannot have this gateway, or cannot have the address at all."""
    if gateway.version != cidr.version:
        raise ValueError(_("gateway and cidr are of different IP versions"))
    if gateway not in cidr.network and not gateway.is_link_local:
        raise ValueError(_("gateway {address} is not in {network}").format(address=gateway, network=cidr.network))
    if gateway == cidr.ip:
        raise ValueError(_("gateway is the node's own address"))
    for key, shown, address in (("cidr", cidr, cidr.ip), ("gateway", gateway, gateway)):
        if key == "gateway" and address.version == 6 and address == cidr.network.network_address:
            continue  # RFC 4291, 2.6.1: the network's own address is that of its routers.
        if meaning := other_meaning(address, cidr.network):
            raise ValueError(_("{key} {address} is {meaning}").format(key=key, address=shown, meaning=meaning))


class Network(Section):
    """`[network]`: the management address, on bridge vmbr0.

    `bond`, `vlan`, `mtu` and `ipv6` are ours, and so is `filter` with DHCP.
    """

    source: NetworkSource
    cidr: Interface | None = None
    dns: Address | None = None
    gateway: Address | None = None
    filter: NetworkFilter | None = None
    interface_name_pinning: InterfaceNamePinning = InterfaceNamePinning()
    bond: BondAnswers | None = None
    vlan: VlanId | None = None
    mtu: Mtu | None = None
    ipv6: Ipv6Answers | None = None

    @model_validator(mode="after")
    def _fits_source(self) -> Self:
        if self.bond is not None and self.filter is not None:
            raise ValueError(_("needs either filter or bond, and not both"))
        keys: dict[str, object] = {"cidr": self.cidr, "dns": self.dns, "gateway": self.gateway}
        if self.source is NetworkSource.DHCP:
            keys["ipv6"] = self.ipv6
            if given := [key for key, value in keys.items() if value is not None]:
                raise ValueError(_('{keys}: only with source = "from-answer"').format(keys=", ".join(given)))
            return self
        if self.bond is None:
            keys["filter"] = self.filter
        if missing := [key for key, value in keys.items() if value is None]:
            raise ValueError(_('source = "from-answer" also needs {keys}').format(keys=", ".join(missing)))
        assert self.cidr is not None and self.gateway is not None
        check_gateway(self.cidr, self.gateway)
        if self.ipv6 is not None and self.cidr.version == 6:
            raise ValueError(_("ipv6 goes beside an IPv4 cidr; this one is IPv6 itself"))
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
    cluster: Cluster = Cluster()
    post_installation_webhook: Webhook | None = None
    first_boot: FirstBoot | None = None

    @model_validator(mode="after")
    def _name_can_come(self) -> Self:
        if isinstance(self.global_.fqdn, FqdnFromDhcp) and self.network.source is not NetworkSource.DHCP:
            raise ValueError(_('global.fqdn from DHCP needs network.source = "from-dhcp"'))
        return self
