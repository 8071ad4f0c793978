"""The wizard on a node's consoles: what the node is, and what its administrator changes. See docs/screens.md."""
