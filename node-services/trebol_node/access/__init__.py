"""Accounts and their rights: who somebody is, what they may do, and how that is changed.

All of it is pure: values in, values out; time, randomness and the store are the caller's. A change is a tuple of
`Write`, to be made in its order, each only where its key is as it was when `Accounts` were read.
"""

from trebol_node.access.accounts import Accounts, Write, Writes
from trebol_node.access.names import Identity

__all__ = ["Accounts", "Identity", "Write", "Writes"]
