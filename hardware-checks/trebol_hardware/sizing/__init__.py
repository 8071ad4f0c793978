"""`trebol size`: what a cluster of given servers holds, survives and leaves to guests. Arithmetic, no I/O."""
