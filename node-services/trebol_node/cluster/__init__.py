"""Several nodes as one: see docs/cluster.md."""
