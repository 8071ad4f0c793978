"""What this host has that a new member must not have: guests, a cluster, Ceph."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path

from trebol_hardware.probe.sysfs import names, read_text
from trebol_node.cluster.preflight.facts import Contents

COROSYNC = "etc/corosync/corosync.conf"
CEPH = "etc/ceph/ceph.conf"
CEPH_DATA = "var/lib/ceph"
JOURNAL = "var/lib/trebol/cluster/journal.json"

#: Where libvirt keeps the definitions of guests, by driver; those below /run are of guests that run.
_GUESTS = ("etc/libvirt/qemu", "etc/libvirt/lxc", "run/libvirt/qemu", "run/libvirt/lxc")

_CEPH_KINDS = ("mon", "mgr", "osd", "mds")

#: corosync.conf(5): addresses of nodes (knet's links), and of the ring's network where there is no list of nodes.
_ADDRESS = re.compile(r"^\s*(?:ring\d_addr|bindnetaddr)\s*:\s*(\S+)", re.MULTILINE)
_NAME = re.compile(r"^\s*cluster_name\s*:\s*(\S+)", re.MULTILINE)
_FSID = re.compile(r"^\s*fsid\s*=\s*(\S+)", re.MULTILINE)


def read(root: Path, *, joining: bool = False) -> Contents:
    """What is there below `root`; files that are missing are nothing. `joining`: the journal is of the join that
    asks."""
    corosync = read_text(root / COROSYNC)
    # Debian's package brings an example with one node, 127.0.0.1, which is no cluster.
    nodes = tuple(address for address in _ADDRESS.findall(corosync) if not _loopback(address))
    name = _NAME.search(corosync)
    fsid = _FSID.search(read_text(root / CEPH))
    return Contents(
        guests=_guests(root),
        cluster=name[1] if name and nodes else "",
        cluster_nodes=nodes,
        ceph=fsid[1] if fsid else "",
        ceph_daemons=tuple(
            f"{kind}.{each.partition('-')[2]}"
            for kind in _CEPH_KINDS
            for each in names(root / CEPH_DATA / kind)
            if "-" in each
        ),
        unfinished=not joining and (root / JOURNAL).exists(),
    )


def _guests(root: Path) -> tuple[str, ...]:
    found = {
        name.removesuffix(".xml")
        for folder in _GUESTS
        for name in names(root / folder)
        if name.endswith(".xml") and (root / folder / name).is_file()
    }
    return tuple(sorted(found))


def _loopback(text: str) -> bool:
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return text == "localhost"
