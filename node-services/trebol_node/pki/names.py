"""The names and addresses of a node that its certificates speak for. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from trebol_common.errors import BadInput
from trebol_common.i18n import _

#: RFC 1123: labels of letters, digits and hyphens. What is no such name cannot get into openssl's configuration.
_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)

_LOCAL = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Names:
    """What a certificate of a node is for: its `host` name without a domain, all its names, all its addresses."""

    host: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]

    def alternatives(self) -> tuple[str, ...]:
        """As openssl takes them for subjectAltName: "DNS:node1", "IP:192.0.2.10"."""
        return (*(f"DNS:{name}" for name in self.names), *(f"IP:{address}" for address in self.addresses))


def names_of(host: str, hosts: str, addresses: Iterable[str]) -> Names:
    """Of the node called `host`: what /etc/hosts (its text: `hosts`) says of it, and `addresses`, without prefixes.

    A node that gets its address later still has the one that it was installed with in /etc/hosts. Raises BadInput for
    a host name that is none.
    """
    if not _NAME.fullmatch(host):
        raise BadInput(
            _("{name} is no host name").format(name=repr(host)),
            where="/etc/hostname",
            hint=_("set it with hostnamectl"),
        )
    label = host.partition(".")[0]
    names = [label, host]
    found: list[str] = []
    for line in hosts.splitlines():
        address, *told = line.partition("#")[0].split() or [""]
        if label in told or host in told:
            names += [name for name in told if _NAME.fullmatch(name)]
            found += _usable(address)
    for address in addresses:
        found += _usable(address)
    return Names(label, tuple(dict.fromkeys((*names, "localhost"))), tuple(dict.fromkeys((*found, *_LOCAL))))


def _usable(text: str) -> tuple[str, ...]:
    """The address as it is written in a certificate; nothing for this machine's own alone and for what is none."""
    try:
        # A zone, which ipaddress lets hold anything, would be words of openssl's configuration.
        address = ipaddress.ip_address("" if "%" in text else text)
    except ValueError:
        return ()
    return () if address.is_loopback or address.is_link_local else (str(address),)
