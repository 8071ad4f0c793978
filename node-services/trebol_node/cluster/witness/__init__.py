"""The machine beside two nodes that has the third vote: what the cluster knows of it."""
