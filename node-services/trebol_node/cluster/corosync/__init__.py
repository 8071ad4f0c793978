"""Corosync: its configuration as a value, what it says of itself, and what its quorum bears (docs/cluster.md)."""
