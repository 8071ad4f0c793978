"""Which findings of a cluster's preflight an answer file may pass over: its checks are another room's
(`trebol_node.cluster.preflight.findings`); a test has both say the same."""

from __future__ import annotations

FORCEABLE = frozenset(
    {
        "not-empty-guests",
        "not-empty-ceph",
        "not-measured",
        "unreachable",
        "link-missing",
        "link-other-network",
        "port-closed",
        "port-taken",
        "loss",
        "rtt-high",
        "mtu-path",
        "mtu-differs",
        "clock-offset",
        "clock-unsynchronised",
        "name-loopback",
        "name-differs",
        "name-unknown",
        "version-trebol",
        "version-corosync",
        "version-pacemaker",
        "version-etcd",
        "version-ceph",
        "version-debian",
        "link-slow",
        "link-half-duplex",
        "bond-mode",
        "links-together",
        "link-single",
    }
)
