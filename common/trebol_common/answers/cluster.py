"""`[cluster]`, ours: what the node is to be in a cluster.

Nothing of it is done during the installation: it is kept for the node's first boot, which does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from trebol_common.answers.section import Section
from trebol_common.answers.values import ClusterName, JoinToken, NodeName, Peer
from trebol_common.i18n import _
from trebol_common.join_tokens import advice, is_printed
from trebol_common.preflight_codes import FORCEABLE

#: Nodes that one text lets in.
MOST = 31


class ClusterMode(StrEnum):
    """What a node is to be."""

    STAND_ALONE = "stand-alone"
    CREATE = "create"
    JOIN = "join"


#: The keys that go with each mode; it needs the first.
KEYS: Mapping[ClusterMode, tuple[str, ...]] = {
    ClusterMode.STAND_ALONE: (),
    ClusterMode.CREATE: ("name", "token", "nodes"),
    ClusterMode.JOIN: ("peer", "token", "force"),
}


class Cluster(Section):
    """`[cluster]`.

    `peer` is a member of the cluster to join, by its address or name. Without `token`, joining is left to somebody at
    the console. Where the node creates the cluster, `token` is the text that others join with, once each: `nodes` by
    name, or whichever comes first. `force`: codes of findings of the preflight that do not stop the join.
    """

    mode: ClusterMode = ClusterMode.STAND_ALONE
    name: ClusterName | None = None
    peer: Peer | None = None
    token: JoinToken | None = None
    nodes: Annotated[tuple[NodeName, ...], Field(max_length=MOST)] = ()
    force: Annotated[tuple[str, ...], Field(max_length=len(FORCEABLE))] = ()

    @model_validator(mode="after")
    def _fits_mode(self) -> Self:
        if problems := list(self._contradictions()):
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        for key in dict.fromkeys(key for keys in KEYS.values() for key in keys if key not in KEYS[self.mode]):
            if getattr(self, key):
                modes = '" / "'.join(mode.value for mode, keys in KEYS.items() if key in keys)
                yield _('{keys}: only with mode = "{mode}"').format(keys=key, mode=modes)
        for key in KEYS[self.mode][:1]:
            if getattr(self, key) is None:
                yield _('mode = "{mode}" also needs {key}').format(mode=self.mode.value, key=key)
        if self.mode is ClusterMode.CREATE:
            yield from self._not_agreed()
        if unknown := [code for code in self.force if code not in FORCEABLE]:
            yield _("force: {code} is no finding that can be forced: one of {codes}").format(
                code=unknown[0], codes=", ".join(sorted(FORCEABLE))
            )

    def _not_agreed(self) -> Iterator[str]:
        if self.token is None:
            if self.nodes:
                yield _("nodes: only with token")
        elif is_printed(self.token.get_secret_value()):
            yield _("token: is one that a cluster printed; this cluster is not there yet: {advice}").format(
                advice=advice()
            )
        if len(set(self.nodes)) < len(self.nodes):
            yield _("nodes: names one twice")
