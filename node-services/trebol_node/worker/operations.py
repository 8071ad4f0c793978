"""What can be asked of the worker: one model for each operation, whose fields are all that it takes.

None takes a path, a command or a unit's name as such: what is named is looked up in what the node has or Trebol
knows. Whoever takes over trebold can ask for these, and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trebol_common.answers.values import Fqdn, Peer
from trebol_node.worker import (
    cluster_operations,
    fence_operations,
    link_operations,
    rename_operations,
    upkeep_operations,
    witness_operations,
)
from trebol_node.worker.operation import TEXT, Operation, Secret
from trebol_node.worker.services import Action

#: Time servers, and SSH keys of root, at most.
TIME_SERVERS = 8
SSH_KEYS = 256


#: No control characters, no colon: neither steers a program that reads lines of passwords.
UserName = Annotated[str, Field(pattern=r"\A[A-Za-z_][A-Za-z0-9_.-]{0,31}\z")]


class Authenticate(Operation):
    """Is this the password of a system user? Nothing, or AuthenticationFailed."""

    name = "authenticate"
    user: Annotated[str, Field(max_length=256)]
    password: Secret


class ChangePassword(Operation):
    """Give a system user (root, or a person's) another password. Nothing."""

    name = "change-password"
    user: UserName
    password: Annotated[Secret, Field(min_length=5, max_length=512)]


class ServiceAction(Operation):
    """Start, stop, restart or reload one of `trebol_node.worker.services.SERVICES`. A UPID."""

    name = "service"
    service: str
    action: Action


class Power(Operation):
    """Reboot the node or power it off. Nothing: it has begun."""

    name = "power"
    action: Literal["reboot", "shutdown"]


class SetTimeZone(Operation):
    """Set the time zone to one that the node knows ("Europe/Madrid"). Nothing."""

    name = "time-zone"
    timezone: Annotated[str, Field(max_length=64)]


class SetTimeServers(Operation):
    """Have the clock follow these servers (names or addresses); none: those that the system comes with. Nothing."""

    name = "time-servers"
    servers: Annotated[list[Peer], Field(max_length=TIME_SERVERS)]


class SetHostname(Operation):
    """Give the node another full name ("node1.example.org"). Nothing: it has it, and trebold is restarting."""

    name = "hostname"
    fqdn: Fqdn


class ReadSshKeys(Operation):
    """The keys that get root in: `{"keys": [line, …], "digest": str}`."""

    name = "ssh-keys"


class SetSshKeys(Operation):
    """Let these keys get root in and no others, if the file is still the one with `digest`. Nothing."""

    name = "ssh-keys-set"
    keys: Annotated[list[Annotated[str, Field(max_length=TEXT)]], Field(max_length=SSH_KEYS)]
    digest: Annotated[str | None, Field(max_length=64)] = None


class SetDns(Operation):
    """Set the name servers, in order, and the domains tried for short names. Nothing."""

    name = "dns"
    servers: Annotated[list[str], Field(max_length=3)]
    search: list[str] = Field(default=[], max_length=6)


class SetHosts(Operation):
    """Replace /etc/hosts, if it is still the one with `digest` (`trebol_node.worker.node.digest_of`). Nothing."""

    name = "hosts"
    data: Annotated[str, Field(max_length=TEXT)]
    digest: Annotated[str | None, Field(max_length=64)] = None


class ReadSmart(Operation):
    """What smartctl says of the disk with this name of the kernel's ("sda").

    `{"asleep": bool, "report": {…}}`, smartctl's own JSON; asleep, it is not woken, and the report is empty.
    """

    name = "smart"
    reads = True
    disk: Annotated[str, Field(max_length=32)]


class ReadNetwork(Operation):
    """The netplan of the node, which root alone may read: see `trebol_node.worker.network.read`."""

    name = "network"
    reads = True


class SetNetworkCandidate(Operation):
    """Put this netplan beside the one of the node, if netplan takes it and the candidate before is that of `digest`.

    Its digest. "" as `digest`: there is none yet; None: whatever there is.
    """

    name = "network-candidate"
    netplan: Annotated[str, Field(max_length=TEXT)]
    digest: Annotated[str | None, Field(max_length=64)] = None


class DropNetworkCandidate(Operation):
    """Forget the candidate. Nothing."""

    name = "network-drop"


class ApplyNetwork(Operation):
    """Apply the candidate; it is undone unless confirmed in time. A UPID."""

    name = "network-apply"


class ConfirmNetwork(Operation):
    """Keep the network that was applied. Nothing: it is kept."""

    name = "network-confirm"


class RevertNetwork(Operation):
    """Go back to the network before at once, not only when time is up. The UPID of the task that does so."""

    name = "network-revert"


class RefreshPackages(Operation):
    """Have apt ask the mirrors. A UPID."""

    name = "apt-update"


class UpgradePackages(Operation):
    """Bring all packages up to date, after what was cut short before. A UPID."""

    name = "apt-upgrade"


class RenewCertificate(Operation):
    """Make the API's certificate anew where Trebol made it, and it lacks a name or an address of the node.

    Whether it was made.
    """

    name = "certificate"


class MakeReport(Operation):
    """Write the node's report into a file. A UPID; the last line of its log before its end says where the file is."""

    name = "report"


class EndTask(Operation):
    """End a running task. Its UPID: it is over."""

    name = "task-end"
    upid: Annotated[str, Field(max_length=400)]


#: Every operation by its name.
OPERATIONS: dict[str, type[Operation]] = {
    operation.name: operation
    for operation in (
        Authenticate,
        ChangePassword,
        ServiceAction,
        Power,
        SetTimeZone,
        SetTimeServers,
        SetHostname,
        ReadSshKeys,
        SetSshKeys,
        SetDns,
        SetHosts,
        ReadSmart,
        ReadNetwork,
        SetNetworkCandidate,
        DropNetworkCandidate,
        ApplyNetwork,
        ConfirmNetwork,
        RevertNetwork,
        RefreshPackages,
        UpgradePackages,
        RenewCertificate,
        MakeReport,
        cluster_operations.ReadMembership,
        cluster_operations.InstallCorosync,
        cluster_operations.LoadCorosync,
        cluster_operations.ForgetNode,
        cluster_operations.HandOver,
        cluster_operations.ReachStore,
        cluster_operations.LearnStore,
        cluster_operations.LeaveStore,
        cluster_operations.CreateCluster,
        cluster_operations.JoinCluster,
        cluster_operations.Preflight,
        cluster_operations.PreflightFacts,
        cluster_operations.PreflightMeasure,
        cluster_operations.LeaveCluster,
        cluster_operations.GoOn,
        link_operations.SetLink,
        rename_operations.RenameNode,
        rename_operations.TellName,
        fence_operations.SealSecrets,
        fence_operations.InstallFencing,
        fence_operations.SweepFencing,
        fence_operations.WriteFencing,
        fence_operations.TestFencing,
        witness_operations.FollowDevice,
        witness_operations.SignWitness,
        upkeep_operations.Diagnose,
        upkeep_operations.ReadPacemaker,
        upkeep_operations.SetStandby,
        upkeep_operations.HoldCluster,
        EndTask,
    )
}
