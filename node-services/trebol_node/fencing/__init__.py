"""What cuts the power of a node that the others have lost: devices, their proofs, pacemaker. See docs/cluster.md,
"Fencing"."""
