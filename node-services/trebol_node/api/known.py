"""What Proxmox VE's API has beyond ours: answered 501 by name, so that clients know what to wait for. Pure.

The patterns are those of its documented tree. `{}` is one segment of any name; `a|b` is either; a path and all that
is below it is meant by `/**`.
"""

from __future__ import annotations

import re

_CLUSTER = """
acme/** backup/** backup-info/** bulk-action/** ceph/** config/** firewall/** ha/** jobs/** mapping/** metrics/**
notifications/** replication/** sdn/** qemu/**
log resources tasks options status nextid
"""

_NODE = """
qemu/** lxc/** ceph/** storage/** vzdump/** certificates/** apt/** firewall/** scan/** hardware/** capabilities/**
replication/** sdn/** disks/** network/** services/** tasks/**
config dns time hosts status version syslog journal report startall stopall suspendall migrateall vncshell termproxy
vncwebsocket spiceshell wakeonlan subscription aplinfo netstat rrd rrddata execute query-url-metadata
query-oci-repo-tags
"""

_ACCESS = """
openid/** vncticket domains/{} domains/{}/sync domains users users/{} users/{}/tfa users/{}/unlock-tfa users/{}/token
users/{}/token/{} groups groups/{} roles roles/{} acl tfa tfa/{} tfa/{}/{} ticket password permissions
"""

_TOP = "pools pools/{} storage storage/{} version"


def _expression(pattern: str) -> str:
    below = pattern.endswith("/**")
    fixed = re.escape(pattern.removesuffix("/**")).replace(r"\{\}", "[^/]+")
    return f"{fixed}(/[^/]+)*" if below else fixed


def _any_of(prefix: str, patterns: str) -> list[str]:
    return [f"{prefix}{_expression(pattern)}" for pattern in patterns.split()]


_KNOWN = re.compile(
    "|".join(
        (
            *_any_of("/cluster/", _CLUSTER),
            *_any_of("/nodes/[^/]+/", _NODE),
            *_any_of("/access/", _ACCESS),
            *_any_of("/", _TOP),
        )
    )
)


def is_known(path: str) -> bool:
    """Whether Proxmox VE has this path ("/nodes/n1/qemu/100/config", without the API's prefix)."""
    return _KNOWN.fullmatch(path) is not None
