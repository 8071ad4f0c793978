"""What a node that joins is given of a member's secrets: with it, it is as good as any other member."""

from __future__ import annotations

from base64 import b64encode

from trebol_common.errors import BadInput
from trebol_node.pki import AUTHORITY, FOLDER
from trebol_node.worker.cluster_operations import HandOver
from trebol_node.worker.context import Context

AUTHKEY = "etc/corosync/authkey"


def hand_over(operation: HandOver, context: Context, who: str) -> dict[str, str]:
    """See `HandOver`. Raises BadInput where the CA's key was taken away."""
    machine = context.machine
    pair = AUTHORITY.pair(machine.root / FOLDER.relative_to("/"))
    if not pair.key.exists():
        raise BadInput("was taken away, and a node that joins needs it", where=str(pair.key), hint="put it back")
    return {
        "authority-key": pair.key.read_text("ascii"),
        "authority": pair.certificate.read_text("ascii"),
        "corosync-key": b64encode(machine.at(AUTHKEY).read_bytes()).decode(),
    }
