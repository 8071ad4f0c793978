"""Which nodes vote in the store, and its members."""
