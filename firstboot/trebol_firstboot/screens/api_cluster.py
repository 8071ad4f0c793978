"""What the wizard shows of the cluster, between the node's API and files and the wizard's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trebol_common.i18n import _
from trebol_firstboot import intent
from trebol_firstboot.cluster_seen import cluster_of, nodes_of
from trebol_firstboot.screens.world import ClusterKnown, Unended
from trebol_node.cluster.steps import disk
from trebol_node.cluster.steps.journal import Direction


def known(root: Path, addresses: Iterable[str], status: Sequence[Mapping[str, Any]]) -> ClusterKnown:
    """`addresses` of the node, with or without their prefix; `status` is the answer of GET /cluster/status."""
    own = tuple(dict.fromkeys(each.partition("/")[0] for each in addresses))
    cluster = cluster_of(status)
    return ClusterKnown(intent.intent(root), own, cluster, nodes_of(status) if cluster else (), unended(root))


def unended(root: Path) -> Unended | None:
    """What the journal of the node's worker has that was not ended. Raises TrebolError where it cannot be read."""
    folder = root / disk.FOLDER.relative_to("/")
    found = disk.look(folder)
    if found is None:
        return None
    if disk.is_anybody_at_it(folder):
        return Unended(found.kind, running=True)
    # The worker refuses what is beyond its point of no return, and says so.
    ways = ("abort",) if found.direction is Direction.BACK else ("resume", "abort")
    return Unended(found.kind, reason=found.reason, ways=ways)


def said(token: str, end: int) -> str:
    """Of a new token; `end` in seconds since 1970."""
    moment = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d %H:%M UTC")
    told = _("Good once, until {time}. It is shown this once.").format(time=moment)
    return f"{told}\n\n{token}"
