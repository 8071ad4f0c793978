"""What is measured before a node joins, in both directions between it and all members, and what it means."""
