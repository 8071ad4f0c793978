"""What becomes of one node's own services when it enters a cluster, and when it leaves: each both ways, each of which
bears being done twice."""
