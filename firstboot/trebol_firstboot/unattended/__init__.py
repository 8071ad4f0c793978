"""What a node does by itself when it first boots: `[first-boot]` of its answer file (docs/first-boot.md)."""
