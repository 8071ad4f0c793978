"""The cluster: what the installation wanted, and what this version can do about it."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.answers.cluster import Cluster, ClusterMode
from trebol_common.i18n import _
from trebol_common.tui.page import Element, Gap, Rows, Text, Tone
from trebol_firstboot.screens.topic import Topic, Typed


def elements(known: Cluster, typed: Typed) -> tuple[Element, ...]:
    """What was wanted; of a token only that there is one."""
    return (
        Text(_("This node stands alone."), Tone.STRONG),
        Gap(),
        *_wanted(known),
        Text(_("This version neither creates nor joins a cluster yet. A node that stands alone is complete.")),
    )


def _wanted(known: Cluster) -> Iterator[Element]:
    match known.mode:
        case ClusterMode.CREATE:
            rows: tuple[tuple[str, ...], ...] = ((_("Cluster name"), known.name or ""),)
            said = _("When it was installed, it was to create a cluster:")
        case ClusterMode.JOIN:
            token = _("there is one") if known.token else _("not given")
            rows = ((_("Member"), known.peer or ""), (_("Join token"), token))
            said = _("When it was installed, it was to join a cluster:")
        case _:
            return
    yield Text(said)
    yield Rows(rows)
    yield Gap()


TOPIC: Topic[Cluster] = Topic("cluster", lambda: _("Cluster"), lambda world: world.intent(), elements, limited=True)
