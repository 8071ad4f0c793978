"""Where members answer: "192.0.2.11:8006", "[2001:db8::11]:8006", "node1.example.org:8006". Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)

#: trebold's.
PORT = 8006


@dataclass(frozen=True)
class Address:
    """`host` is an address as `ipaddress` writes it, without brackets, or a name in lower case."""

    host: str
    port: int = PORT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is no such text; an IPv6 address needs its brackets."""
        host, colon, port = text.rpartition(":")
        if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
            raise ValueError(text)
        if host.startswith("[") and host.endswith("]"):
            # The zone of an address (RFC 4007) means nothing on another machine.
            if "%" in host:
                raise ValueError(text)
            return cls(str(ipaddress.IPv6Address(host[1:-1])), int(port))
        host = host.lower()
        if host.replace(".", "").isdigit():
            return cls(str(ipaddress.IPv4Address(host)), int(port))
        if len(host) > 253 or not _NAME.fullmatch(host):
            raise ValueError(text)
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
