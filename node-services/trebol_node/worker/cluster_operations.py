"""What the worker does for a cluster: see `trebol_node.worker.operations`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trebol_common.answers.values import ClusterName, Peer
from trebol_node.worker.operation import TEXT, Links, NodeName, Operation, Secret

#: Voters of the store at most: while one takes the place of another, there may be one more.
VOTERS = 7


class ReadMembership(Operation):
    """What corosync says of itself: a `trebol_node.cluster.corosync.status.Membership` as JSON."""

    name = "corosync-status"
    reads = True


class InstallCorosync(Operation):
    """Make this the node's corosync.conf, once corosync itself has found nothing wrong with it. Nothing.

    Only one that Trebol has rendered, with a higher version than that which is there.
    """

    name = "corosync-install"
    text: Annotated[str, Field(max_length=TEXT)]


class LoadCorosync(Operation):
    """Have corosync load its configuration, on all members at once. Nothing."""

    name = "corosync-load"


class ForgetNode(Operation):
    """Have pacemaker forget a node that has left. Nothing."""

    name = "pacemaker-forget"
    node: NodeName


class HandOver(Operation):
    """What a node that joins is given: the key and certificate of the CA, corosync's key (base64), by name."""

    name = "hand-over"


#: Nodes of the cluster, by name: their addresses are those of the node's corosync.conf.
Voters = Annotated[list[NodeName], Field(min_length=1, max_length=VOTERS)]


class ReachStore(Operation):
    """Have this node reach the store at these voters. Nothing."""

    name = "store-reach"
    voters: Voters


class LearnStore(Operation):
    """Have this node's store be the learner `member` (its id, hexadecimal) of the one of these voters, and of the
    `witness` at that address, where it votes. Nothing: it starts."""

    name = "store-learn"
    voters: Voters
    member: Annotated[str, Field(pattern=r"\A[0-9a-f]{1,16}\z")]
    witness: Annotated[str, Field(max_length=64)] = ""


class LeaveStore(Operation):
    """Have no store on this node, which is a member of a cluster; what it held is put away. Nothing."""

    name = "store-leave"


class CreateCluster(Operation):
    """Make a cluster of this node alone; `links` are its own addresses by number of link. A UPID."""

    name = "cluster-create"
    cluster: ClusterName
    links: Links


class JoinCluster(Operation):
    """Join the cluster of a token; `peer` where the token names no member. It waits `patience` seconds for its turn,
    None: as long as it takes. `force`: codes of the preflight's findings that stop it not. `replaces`: the node of
    this one's name is dead, and removed first. A UPID.
    """

    name = "cluster-join"
    token: Annotated[Secret, Field(max_length=TEXT)]
    peer: Peer | None = None
    links: Links
    patience: Annotated[int, Field(ge=0)] | None = None
    force: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=64)
    replaces: bool = False


class Preflight(Operation):
    """Measure what stands against joining the cluster of a token, and change nothing. A UPID, whose result has the
    facts."""

    name = "preflight"
    token: Annotated[Secret, Field(max_length=TEXT)]
    peer: Peer | None = None
    links: Links


class PreflightFacts(Operation):
    """Answer a `trebol_node.cluster.preflight.questions.FactsQuestion`: a `HostFacts`. Both as JSON."""

    name = "preflight-facts"
    question: Annotated[str, Field(max_length=TEXT)]


class PreflightMeasure(Operation):
    """Answer a `trebol_node.cluster.preflight.questions.MeasureQuestion`: a `Measured`. Both as JSON; it takes no
    longer than the question says, and not above fifteen seconds."""

    name = "preflight-measure"
    question: Annotated[str, Field(max_length=4 * TEXT)]


class LeaveCluster(Operation):
    """Leave the cluster ("last": as its last node; "forced": without asking the others), and stand alone with an
    empty store. A UPID."""

    name = "cluster-leave"
    how: Literal["leave", "last", "forced"]


class GoOn(Operation):
    """Go on with a change that was cut off, or take it back; one of that `kind` alone (`trebol_node.cluster.steps`),
    of whichever there is without. A UPID."""

    name = "cluster-go-on"
    how: Literal["resume", "abort"]
    kind: Annotated[str, Field(max_length=32)] = ""
