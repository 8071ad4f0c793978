"""What two or more rooms of Trebol share: answers, network model, events, command runner, errors, files."""

__version__ = "0.1.0"

#: What an installation leaves on a node, below its root: that it is whole, of which version, and when (JSON).
INSTALLED = "var/lib/trebol/installed.json"

#: What the answers want of a cluster, for the first boot to offer, below the node's root: their `[cluster]`, with its
#: token (TOML). Not there where the node is to stand alone.
CLUSTER_INTENT = "var/lib/trebol/firstboot/cluster.toml"

#: What the hardware checks found on a running node, below its root (JSON): trebol-checks.service writes it.
FINDINGS = "run/trebol/findings.json"
