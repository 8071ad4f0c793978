"""What lets a node join: see docs/cluster.md, "Tokens"."""
