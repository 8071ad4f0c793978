"""What `/cluster` shows of this node: its load and its addresses, read every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from trebol_common.run import CommandRunner, Runner
from trebol_node import facts
from trebol_node.system import identity
from trebol_node.system.held import Held
from trebol_node.system.node import node_entry
from trebol_node.system.proc import Sample, sample

#: Seconds between two readings. Addresses take a program.
NUMBERS_EVERY = 5.0
ADDRESSES_EVERY = 15.0


class Numbers:
    """The node's entry of `GET /nodes`, of the system below `root`. The load is that between two readings."""

    def __init__(self, root: Path, *, fingerprint: str = "") -> None:
        self._root = root
        self._fingerprint = fingerprint
        self._before: Sample | None = None
        self.held: Held[tuple[Sample, Sample]] = Held("numbers", NUMBERS_EVERY, self._read)

    async def entry(self, name: str) -> Mapping[str, Any]:
        """The entry of node `name`; raises NotRead before the first reading."""
        before, now = await self.held.get()
        return node_entry(name, now, before, self._identity, fingerprint=self._fingerprint)

    @cached_property
    def _identity(self) -> identity.NodeIdentity:
        return identity.read(self._root)

    async def _read(self) -> tuple[Sample, Sample]:
        now = sample(self._root, at=time.time())
        before, self._before = self._before or now, now
        return before, now


class Addresses:
    """The node's addresses, of the system below `root`."""

    def __init__(self, root: Path, runner: Runner | None = None) -> None:
        self._root = root
        self._runner = runner or CommandRunner()
        self._known: tuple[str, ...] = ()
        self.held: Held[tuple[str, ...]] = Held("addresses", ADDRESSES_EVERY, self._read)

    def now(self) -> tuple[str, ...]:
        """Those of the last reading; none before the first."""
        return self._known

    async def _read(self) -> tuple[str, ...]:
        self._known = await asyncio.to_thread(facts.addresses, self._root, self._runner)
        return self._known
