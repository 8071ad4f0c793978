"""Values of the answer file, each by itself: types for names, addresses, zones, keys and passwords that say in words
for people what is wrong with one.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import zoneinfo
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from trebol_common.i18n import _
from trebol_common.join_tokens import advice, is_printed, is_word, weakness

_TEXT_NEEDED = "must be text in quotes"
_COUNTRY = r"[a-zA-Z]{2}"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"{_LABEL}(\.{_LABEL})+", re.IGNORECASE | re.ASCII)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CRYPT = re.compile(r"\$(y|gy|7|2[aby]|6|5)\$[!-9;-~]+")
_SSH_KEY_TYPE = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")
_INTERFACE_NAME = re.compile(r"[a-z][a-z0-9_]{1,14}", re.IGNORECASE | re.ASCII)
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}|([0-9a-f]{2}:){31}[0-9a-f]{2}", re.IGNORECASE)


def _country(code: str) -> str:
    if not re.fullmatch(_COUNTRY, code):
        raise ValueError(_("is not a country's two letters such as es"))
    return code.lower()


def _fqdn(name: str) -> str:
    if len(name) > 253 or not _FQDN.fullmatch(name):
        raise ValueError(_("is not a fully qualified domain name such as node1.example.org"))
    if name.split(".")[0].isdigit():
        raise ValueError(_("has a host name made of digits only"))
    if name.lower().startswith("localhost."):
        raise ValueError(_("has the host name of every machine's loopback"))
    return name.lower()


def _domain(name: str) -> str:
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name, re.IGNORECASE | re.ASCII):
        raise ValueError(_("is not a domain name such as example.org"))
    return name.lower()


def _mail(address: str) -> str:
    if not address.isprintable() or not _MAIL.fullmatch(address):
        raise ValueError(_("is not a mail address such as admin@example.org"))
    return address


def _timezone(name: str) -> str:
    # Looked up alone: listing all time zones opens each of their 600 files.
    wrong = _("is not a time zone such as Europe/Madrid or UTC")
    if not re.fullmatch(r"[A-Z][\w+-]*(/[A-Z][\w+-]*)*", name):
        raise ValueError(wrong)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(wrong) from error
    return name


def _without_zone(text: str) -> str:
    """An address as it is. Raises ValueError for a zone (RFC 4007, "%eth0"): ipaddress takes whatever stands there,
    line ends too, which would be lines of the file that the address is written to.
    """
    if "%" in text:
        raise ValueError(text)
    return text


def _interface(value: Any) -> Any:
    """An address with its prefix; by hand, because pydantic names the classes it tried in its message."""
    if isinstance(value, ipaddress.IPv4Interface | ipaddress.IPv6Interface):
        return value
    if not isinstance(value, str):
        # ipaddress takes numbers, and true for one.
        raise ValueError(_(_TEXT_NEEDED))
    if "/" not in value:
        raise ValueError(_("needs the prefix length, such as 192.0.2.10/24"))
    try:
        return ipaddress.ip_interface(_without_zone(value))
    except ValueError as error:
        raise ValueError(_("is not an address with its prefix length, such as 192.0.2.10/24")) from error


def _address(value: Any) -> Any:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return value
    if not isinstance(value, str):
        raise ValueError(_(_TEXT_NEEDED))
    try:
        return ipaddress.ip_address(_without_zone(value))
    except ValueError as error:
        raise ValueError(_("is not an IP address such as 192.0.2.1")) from error


def ssh_key(line: str) -> str:
    """One line of an authorized_keys file, without options: type, base64, comment. Raises ValueError for others."""
    fields = line.split()
    if len(fields) < 2 or not line.strip().isprintable() or not _SSH_KEY_TYPE.fullmatch(fields[0]):
        raise ValueError(_("is not an SSH public key such as ssh-ed25519 AAAA… admin@laptop"))
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except binascii.Error as error:
        raise ValueError(_("is an SSH public key whose base64 part is damaged")) from error
    name = fields[0].encode()
    if blob[4 : 4 + len(name)] != name:
        raise ValueError(_("says {kind} but holds another type of key").format(kind=fields[0]))
    return " ".join(fields)


def _cluster_name(name: str) -> str:
    """RFC 1123, 2.1: a label; 15 characters, as Proxmox VE and NetBIOS have it."""
    if len(name) > 15 or not re.fullmatch(_LABEL, name, re.IGNORECASE | re.ASCII):
        raise ValueError(_("is not a cluster's name such as clover-1: letters, digits and -, at most 15"))
    return name.lower()


def _peer(text: str) -> str:
    try:
        address = ipaddress.ip_address(_without_zone(text))
    except ValueError:
        name = text.lower()
        labels = name.split(".")
        if len(name) > 253 or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name, re.ASCII) or labels[-1].isdigit():
            wrong = _("is not the address or name of a machine, such as 192.0.2.11 or node1.example.org")
            raise ValueError(wrong) from None
        if labels[0] == "localhost":
            raise ValueError(_("has the host name of every machine's loopback")) from None
        return name
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        raise ValueError(_("is no address that another machine can have"))
    return str(address)


def _join_token(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not is_word(text):
        raise ValueError(_("is not a join token: one word of letters, digits and signs, at most 1024"))
    if not is_printed(text) and (found := weakness(text)):
        raise ValueError(f"{found}; {advice()}")
    return secret


def _node_name(name: str) -> str:
    if not re.fullmatch(_LABEL, name, re.IGNORECASE | re.ASCII) or name.isdigit() or name.lower() == "localhost":
        raise ValueError(_("is not the host name of a node, without its domain"))
    return name.lower()


def _url(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    wrong = _("is not an http(s) URL")
    if len(text) > 2048 or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError(wrong)
    try:
        parts = urlsplit(text)
        # Looked at because they raise too.
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Not told of, nor kept: it repeats the URL.
        is_one = False
    if not is_one:
        raise ValueError(wrong)
    return secret


def _fingerprint(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError(_("is not the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, or AA:BB:…"))
    return text.replace(":", "").lower()


def _hashed_password(secret: SecretStr) -> SecretStr:
    if not _CRYPT.fullmatch(secret.get_secret_value()):
        raise ValueError(_("is not a crypt(5) hash (make one with: mkpasswd --method=yescrypt)"))
    return secret


def _password_length(secret: SecretStr) -> SecretStr:
    if not 8 <= len(secret.get_secret_value()) <= 64:
        raise ValueError(_("must have 8 to 64 characters"))
    if any(character in secret.get_secret_value() for character in "\n\r\0"):
        raise ValueError(_("must not contain line breaks"))
    return secret


def _passphrase(secret: SecretStr) -> SecretStr:
    """What a person can type at a boot prompt, and both LUKS and ZFS (zfsprops(7), keyformat) take."""
    text = secret.get_secret_value()
    if len(text) < 8 or len(text.encode(errors="replace")) > 512:
        raise ValueError(_("must have at least 8 characters, and at most 512 bytes"))
    if not (text.isascii() and text.isprintable()):
        raise ValueError(
            _("must be of letters without accents, digits, blanks and signs that every keyboard has (ASCII)")
        )
    return secret


def _pinned_names(mapping: dict[str, str]) -> dict[str, str]:
    lowered = {mac.lower().replace("-", ":"): name for mac, name in mapping.items()}
    for mac, name in lowered.items():
        if not _MAC.fullmatch(mac):
            raise ValueError(_("{mac!r} is not a MAC address such as 52:54:00:12:34:56").format(mac=mac))
        if not _INTERFACE_NAME.fullmatch(name):
            wrong = _("{name!r} is not an interface name (a letter, then letters, digits or _; 2 to 15)")
            raise ValueError(wrong.format(name=name))
    if len(lowered) != len(mapping):
        raise ValueError(_("names a MAC address twice, written in different ways"))
    if len(set(lowered.values())) != len(lowered):
        raise ValueError(_("gives one name to two MAC addresses"))
    return lowered


def _not_empty(filters: dict[str, str]) -> dict[str, str]:
    if not filters:
        raise ValueError(_('is empty; it needs a udev property, such as ID_NET_NAME_MAC = "enx525400123456"'))
    return filters


def _mac(address: str) -> str:
    lowered = address.lower().replace("-", ":")
    if not _MAC.fullmatch(lowered):
        raise ValueError(_("is not a MAC address such as {example}").format(example="52:54:00:12:34:56"))
    return lowered


Country = Annotated[str, AfterValidator(_country), Field(json_schema_extra={"pattern": f"^{_COUNTRY}$"})]
Fqdn = Annotated[str, AfterValidator(_fqdn)]
Domain = Annotated[str, AfterValidator(_domain)]
Mail = Annotated[str, AfterValidator(_mail)]
Timezone = Annotated[str, AfterValidator(_timezone)]
AnyInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
AnyAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = Annotated[AnyInterface, BeforeValidator(_interface)]
Address = Annotated[AnyAddress, BeforeValidator(_address)]
SshKey = Annotated[str, AfterValidator(ssh_key)]
Password = Annotated[SecretStr, AfterValidator(_password_length)]
HashedPassword = Annotated[SecretStr, AfterValidator(_hashed_password)]
Passphrase = Annotated[SecretStr, AfterValidator(_passphrase)]
ClusterName = Annotated[str, AfterValidator(_cluster_name)]
#: A member of a cluster, by its address or its name, which may be the host name alone.
Peer = Annotated[str, AfterValidator(_peer)]
#: The host name of a node, as a cluster calls it.
NodeName = Annotated[str, AfterValidator(_node_name)]
#: Printed by a cluster, or agreed beforehand. What a printed one says inside is for those who make it and take it.
JoinToken = Annotated[SecretStr, AfterValidator(_join_token)]
TimeServer = Annotated[str, AfterValidator(_peer)]
#: Such as may hold a user's password, or a token.
Url = Annotated[SecretStr, AfterValidator(_url)]
#: SHA-256 of a certificate, in lower-case hexadecimal without colons, however it was written.
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
#: In lower case with colons, however it was written.
Mac = Annotated[str, AfterValidator(_mac)]
#: IEEE 802.1Q: 0 and 4095 mean something else.
VlanId = Annotated[int, Field(ge=1, le=4094, strict=True)]
#: Bytes: IPv6 needs 1280 (RFC 8200, 5); switches take jumbo frames of up to 9216.
Mtu = Annotated[int, Field(ge=1280, le=9216, strict=True)]
#: Names of interfaces by MAC addresses; those in lower case with colons, however they were written.
PinnedNames = Annotated[dict[str, str], AfterValidator(_pinned_names)]
#: Values of udev properties by their names, of which there must be one at least.
NetworkFilter = Annotated[dict[str, str], AfterValidator(_not_empty)]
#: Up to an exbibyte, beyond which the arithmetic in bytes has no meaning.
Gibibytes = Annotated[float, Field(ge=0, le=2**30, allow_inf_nan=False, strict=True)]
#: Memory for ZFS; 64 MiB is its own least (zfs(4), zfs_arc_max).
Mebibytes = Annotated[int, Field(ge=64, le=2**40, strict=True)]
#: zpoolprops(7): sectors of 512 bytes to 64 KiB.
Ashift = Annotated[int, Field(ge=9, le=16, strict=True)]
#: zfsprops(7).
Copies = Annotated[int, Field(ge=1, le=3, strict=True)]


def other_meaning(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> str:
    """What an address is that no machine of `network` can have; empty for one that it can.

    A network of two addresses has no address of its own, nor for all (RFC 3021, RFC 6164).
    """
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return _("no address that a machine can have")
    if network.num_addresses > 2 and address == network.network_address:
        return _("the address of the network itself")
    if network.version == 4 and network.num_addresses > 2 and address == network.broadcast_address:
        return _("the broadcast address of its network")
    return ""
