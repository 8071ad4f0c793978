"""Whether a machine can be a cluster's witness. Pure."""

from __future__ import annotations

from collections.abc import Collection

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.rules import canonical
from trebol_node.cluster.witness.record import Witness

#: QNetd's.
PORT = 5403


def require_possible(
    totem: Totem, host: str, resolved: Collection[str], before: Witness | None, own: Collection[str] = ()
) -> str:
    """Its address: of those that `host` was `resolved` to the first that can be one. `own` are addresses of the node
    that was asked. Raises BadInput with all that is wrong with the only ones that there are, Refused where there is a
    witness already, or nothing to decide."""
    if before is not None and before.here:
        hint = "remove that first: trebol cluster witness remove"
        raise Refused(f"the cluster has a witness already: {before.host}", where=host, hint=hint)
    if totem.device is not None:
        raise Refused(f"the cluster has a quorum device already: {totem.device.host}", where=host)
    if any(host.partition(".")[0] == node.name for node in totem.nodes):
        raise BadInput("is a node of the cluster: a member cannot decide between members", where=host, hint=_OUTSIDE)
    wrong: BadInput | None = None
    for each in resolved:
        address = canonical(each)
        if address in own:
            wrong = BadInput(
                f"{address} is this node: a member cannot decide between members", where=host, hint=_OUTSIDE
            )
            continue
        try:
            totem.with_device(address, may_wait=True)
        except BadInput as error:
            wrong = wrong or error
        else:
            return address
    raise wrong or BadInput("has no address", where=host, hint="give its IP address")


_OUTSIDE = "take a machine outside of the cluster"
