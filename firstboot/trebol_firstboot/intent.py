"""What the installation wanted of a cluster: `[cluster]` of the answers, as the installer left it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from trebol_common import CLUSTER_INTENT
from trebol_common.errors import TrebolError
from trebol_common.files import sync_folder
from trebol_common.i18n import _

if TYPE_CHECKING:
    from trebol_common.answers.cluster import Cluster


def intent(root: Path) -> Cluster:
    """What was wanted; to stand alone, where nothing was. Raises TrebolError for a file that is none, and tells
    nothing of it: it holds the token."""
    from trebol_common.answers.cluster import Cluster

    path = root / CLUSTER_INTENT
    try:
        return Cluster.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))["cluster"])
    except FileNotFoundError:
        return Cluster()
    except (OSError, ValueError, KeyError, RecursionError):
        raise TrebolError(_("is damaged"), where=str(path)) from None


def forget(root: Path) -> None:
    """It is done: no secret lies about that nobody needs."""
    path = root / CLUSTER_INTENT
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_folder(path.parent)
