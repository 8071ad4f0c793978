"""Layouts: what becomes of the target disks, from blank partitions to a mounted root. Pure.

One module for each family; `choose` finds it. The first two partitions are the same in every layout, so that each
target boots alone (docs/storage.md).
"""

from trebol_installer.layout.choose import choose
from trebol_installer.layout.model import Layout, Request

__all__ = ["Layout", "Request", "choose"]
