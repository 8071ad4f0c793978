"""`trebol node|cluster|fence|api …`: over the node's own API, as root or whoever logged in."""
