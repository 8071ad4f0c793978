"""`[cluster]`, ours: what the node is to be in a cluster.

Nothing of it is done during the installation: it is kept for the node's first boot, which offers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from trebol_common.answers.section import Section
from trebol_common.answers.values import ClusterName, JoinToken, Peer
from trebol_common.i18n import _


class ClusterMode(StrEnum):
    """What a node is to be."""

    STAND_ALONE = "stand-alone"
    CREATE = "create"
    JOIN = "join"


#: The keys that go with each mode, and with no other one; it needs the first.
KEYS: Mapping[ClusterMode, tuple[str, ...]] = {
    ClusterMode.STAND_ALONE: (),
    ClusterMode.CREATE: ("name",),
    ClusterMode.JOIN: ("peer", "token"),
}


class Cluster(Section):
    """`[cluster]`.

    `peer` is a member of the cluster to join, by its address or name. Without `token`, it is asked for at first boot.
    """

    mode: ClusterMode = ClusterMode.STAND_ALONE
    name: ClusterName | None = None
    peer: Peer | None = None
    token: JoinToken | None = None

    @model_validator(mode="after")
    def _fits_mode(self) -> Self:
        if problems := list(self._contradictions()):
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        for mode, keys in KEYS.items():
            given = [key for key in keys if getattr(self, key) is not None]
            if given and mode is not self.mode:
                yield _('{keys}: only with mode = "{mode}"').format(keys=", ".join(given), mode=mode.value)
        for key in KEYS[self.mode][:1]:
            if getattr(self, key) is None:
                yield _('mode = "{mode}" also needs {key}').format(mode=self.mode.value, key=key)
