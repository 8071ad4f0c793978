"""Versions of Debian packages that have to fit together."""

from __future__ import annotations

#: dpkg-query(1): of packages that are not there it complains, and tells of the others.
QUERY = (
    "dpkg-query",
    "--show",
    "--showformat=${Package} ${db:Status-Status} ${Version}\\n",
    "corosync",
    "pacemaker",
    "etcd-server",
    "ceph-common",
)


def versions(told: str) -> dict[str, str]:
    """Package → upstream version, of those that are installed."""
    rows = (line.split() for line in told.splitlines())
    return {row[0]: upstream(row[2]) for row in rows if len(row) == 3 and row[1] == "installed"}


def upstream(version: str) -> str:
    """Without epoch and Debian's revision: "18.2.7" of "1:18.2.7+ds-1" (deb-version(7))."""
    bare = version.partition(":")[2] if ":" in version else version
    bare = bare.rpartition("-")[0] or bare
    return bare.partition("+")[0].partition("~")[0]
