"""How etcdctl reaches the store that this node reaches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trebol_node.pki import CLIENT, FOLDER
from trebol_node.store import reached
from trebol_node.store.configuration import read


def environment(urls: Sequence[str] | None = None, folder: Path = FOLDER) -> dict[str, str]:
    """Its variables (etcdctl(1)): the nearest voter, and certificates."""
    found = urls or reached.read() or (read().client_url,)
    pair = CLIENT.pair(folder)
    return {
        "ETCDCTL_ENDPOINTS": found[0],
        "ETCDCTL_CACERT": str(folder / "ca.pem"),
        "ETCDCTL_CERT": str(pair.certificate),
        "ETCDCTL_KEY": str(pair.key),
    }
