"""Measurements that need more than looking: a disk's synchronous writes, the way between two nodes."""
