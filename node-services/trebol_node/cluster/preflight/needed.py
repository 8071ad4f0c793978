"""The ports that a cluster needs, and whose they are."""

from __future__ import annotations

from trebol_node.cluster.preflight.facts import Protocol

#: corosync's port of link N is this and N, of eight links at most (totemconfig.c; pvecm(1): UDP 5405 to 5412).
COROSYNC_PORT = 5405
LINKS = 8
ETCD_CLIENT, ETCD_PEER, API, QNETD = 2379, 2380, 8006, 5403

#: Who may have a port that the cluster needs, by the name of its process (systemd keeps the API's for it). pcsd's
#: 2224 is none of them: nodes are not run by pcs.
USERS = {
    **{(Protocol.UDP, COROSYNC_PORT + link): frozenset({"corosync"}) for link in range(LINKS)},
    (Protocol.TCP, ETCD_CLIENT): frozenset({"etcd"}),
    (Protocol.TCP, ETCD_PEER): frozenset({"etcd"}),
    (Protocol.TCP, API): frozenset({"systemd", "trebold", "python3"}),
    (Protocol.TCP, QNETD): frozenset({"corosync-qnetd"}),
}
