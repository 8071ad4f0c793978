"""What the worker does for a cluster's witness: see `trebol_node.worker.operations`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trebol_node.worker.operation import Operation

#: A request for a certificate, PEM.
Request = Annotated[str, Field(max_length=8192)]


class FollowDevice(Operation):
    """Have corosync's quorum device run as this node's corosync.conf says, which corosync has loaded. Nothing."""

    name = "quorum-device-follow"


class SignWitness(Operation):
    """Certificates for the witness at `address`, which is no member: for QNetd, and, with `store`, for its member of
    the store. `{"authority": PEM, "quorum": PEM, "store": PEM or ""}`."""

    name = "witness-sign"
    address: Annotated[str, Field(max_length=64)]
    quorum: Request
    store: Request = ""
