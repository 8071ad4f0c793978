"""What runs on a node: its status, and the upkeep of its boot partition."""
