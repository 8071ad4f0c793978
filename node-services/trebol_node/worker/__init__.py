"""The few things that need root, done by a process of their own for those that may ask: typed, by name, no more."""
