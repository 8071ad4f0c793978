"""Names and addresses: the node's own, the DNS servers that it asks, and its /etc/hosts."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from trebol_hardware.probe.sysfs import read_text

#: What systemd-resolved asks itself; /etc/resolv.conf names resolved's own address then.
_RESOLVED = "run/systemd/resolve/resolv.conf"
_RESOLV = "etc/resolv.conf"
_SERVERS = 3


def dns(text: str) -> dict[str, str]:
    """The value of GET /nodes/{node}/dns from a resolv.conf: up to three servers, domains that are searched."""
    servers: list[str] = []
    search: list[str] = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", server, *_]:
                servers.append(server)
            case [("search" | "domain"), *domains]:
                search = domains
    found = {f"dns{number}": server for number, server in enumerate(servers[:_SERVERS], 1)}
    if search and search != ["."]:
        found["search"] = " ".join(search)
    return found


def read_dns(root: Path) -> dict[str, str]:
    """`dns` of the system below `root`."""
    return dns(read_text(root / _RESOLVED) or read_text(root / _RESOLV))


def hosts(text: str) -> dict[str, str]:
    """The value of GET /nodes/{node}/hosts: the file and what a change must name to be a change of that."""
    return {"data": text, "digest": digest(text)}


def digest(text: str) -> str:
    """SHA-1 in hexadecimal, as Proxmox VE has it: it tells versions apart, it guards nothing."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def read_hosts(root: Path) -> dict[str, str]:
    """`hosts` of the system below `root`; empty where there is no such file."""
    path = root / "etc/hosts"
    return hosts(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "")


def full_name(label: str, hosts: str, settings: str = "") -> str:
    """The full name of the node with this host name: by a hosts(5), else by what its installer wrote (node.toml).

    Without either the label is all that is known.
    """
    found = [name for line in hosts.splitlines() for name in line.partition("#")[0].split()[1:]]
    wanted = re.search(r'^fqdn = "(.*)"$', settings, re.MULTILINE)
    found += [wanted[1]] if wanted else []
    return next((name for name in found if name.startswith(f"{label}.")), label)


def read_name(root: Path) -> dict[str, str]:
    """The value of GET /nodes/{node}/hostname: `fqdn`, and `hostname` without its domain."""
    label = read_text(root / "proc/sys/kernel/hostname").strip().partition(".")[0]
    return {
        "fqdn": full_name(label, read_text(root / "etc/hosts"), read_text(root / "etc/trebol/node.toml")),
        "hostname": label,
    }
