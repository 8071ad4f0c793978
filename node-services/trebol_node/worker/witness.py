"""What a cluster's witness needs of this node: the quorum device here, and certificates there."""

from __future__ import annotations

import ipaddress

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.corosync.parse import describes_cluster, read_back
from trebol_node.cluster.here import qdevice
from trebol_node.cluster.here.machine import Here
from trebol_node.pki import AUTHORITY, FOLDER, STORE, Kind, Names
from trebol_node.pki.requests import sign
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.corosync import CONFIGURATION
from trebol_node.worker.witness_operations import FollowDevice, SignWitness

#: The name that corosync-qdevice looks for (corosync-qdevice(8), nss_qnetd_cn). For the server's side alone: who has
#: it cannot ask the store for anything.
QUORUM = Kind("qnetd", "root", ("serverAuth",), common_name="Qnetd Server")


def follow_device(operation: FollowDevice, context: Context, who: str) -> None:
    """See `FollowDevice`. Nothing to do on a node that stands alone."""
    text = context.machine.text(CONFIGURATION)
    if describes_cluster(text):
        qdevice.follow(_here(context.machine), read_back(text))


def sign_witness(operation: SignWitness, context: Context, who: str) -> dict[str, str]:
    """See `SignWitness`. Raises Refused for the address of a node of the cluster, and without one."""
    here = _here(context.machine)
    text = context.machine.text(CONFIGURATION)
    if not describes_cluster(text):
        raise Refused("is of no cluster", where="this node")
    address = _address(operation.address)
    taken = {each for node in read_back(text).nodes for each in node.addresses.values()} | here.addresses()
    if address in taken:
        raise Refused(f"{address} is a node's of the cluster", where="address")
    folder = here.at(FOLDER)
    names = Names("witness", (), (address,))
    store = sign(operation.store, STORE, names, here.runner, folder=folder) if operation.store else ""
    return {
        "authority": AUTHORITY.pair(folder).certificate.read_text("ascii"),
        # Without a name of its own: with one, NSS would look at that instead of the common name.
        "quorum": sign(operation.quorum, QUORUM, Names("witness", (), ()), here.runner, folder=folder),
        "store": store,
    }


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address("" if "%" in text else text))
    except ValueError as error:
        raise BadInput(f"{text!r} is no IP address", where="address") from error


def _here(machine: Machine) -> Here:
    return Here(machine.root, machine.runner)
