"""Which function does which operation, in the worker and in a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from trebol_common.run import CommandRunner, Runner
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker import (
    accounts,
    apt,
    certificate,
    cluster,
    cluster_operations,
    corosync,
    dns,
    fence_operations,
    fencing,
    handover,
    hostname,
    link_operations,
    links,
    network,
    node,
    preflight,
    rename,
    rename_operations,
    report,
    ssh_keys,
    store,
    time_servers,
    upkeep,
    upkeep_operations,
    witness,
    witness_operations,
)
from trebol_node.worker import operations as ops
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import Request

#: Operation → what does it, for whom, and returns what JSON can say.
HANDLERS: Mapping[type[Operation], Callable[[Any, Context, str], Any]] = {
    ops.Authenticate: accounts.authenticate,
    ops.ChangePassword: accounts.change_password,
    ops.ServiceAction: node.service,
    ops.Power: node.power,
    ops.SetTimeZone: node.set_time_zone,
    ops.SetTimeServers: time_servers.set_time_servers,
    ops.SetHostname: hostname.set_hostname,
    ops.ReadSshKeys: ssh_keys.read_keys,
    ops.SetSshKeys: ssh_keys.set_keys,
    ops.SetDns: dns.set_dns,
    ops.SetHosts: node.set_hosts,
    ops.ReadSmart: node.read_smart,
    ops.ReadNetwork: network.read,
    ops.SetNetworkCandidate: network.set_candidate,
    ops.DropNetworkCandidate: network.drop_candidate,
    ops.ApplyNetwork: network.apply,
    ops.ConfirmNetwork: network.confirm,
    ops.RevertNetwork: network.revert,
    ops.RefreshPackages: apt.refresh,
    ops.UpgradePackages: apt.upgrade,
    ops.RenewCertificate: certificate.renew_certificate,
    ops.MakeReport: report.make_report,
    cluster_operations.ReadMembership: corosync.membership,
    cluster_operations.InstallCorosync: corosync.install,
    cluster_operations.LoadCorosync: corosync.load,
    cluster_operations.ForgetNode: corosync.forget,
    cluster_operations.HandOver: handover.hand_over,
    cluster_operations.ReachStore: store.reach_store,
    cluster_operations.LearnStore: store.learn_store,
    cluster_operations.LeaveStore: store.leave_store,
    cluster_operations.CreateCluster: cluster.create_cluster,
    cluster_operations.JoinCluster: cluster.join_cluster,
    cluster_operations.Preflight: preflight.begin,
    cluster_operations.PreflightFacts: preflight.read_facts,
    cluster_operations.PreflightMeasure: preflight.measure,
    cluster_operations.LeaveCluster: cluster.leave_cluster,
    cluster_operations.GoOn: cluster.go_on,
    link_operations.SetLink: links.set_link,
    rename_operations.RenameNode: rename.rename_node,
    rename_operations.TellName: rename.tell_name,
    fence_operations.SealSecrets: fencing.seal,
    fence_operations.InstallFencing: fencing.install,
    fence_operations.SweepFencing: fencing.sweep,
    fence_operations.WriteFencing: fencing.write,
    fence_operations.TestFencing: fencing.test,
    witness_operations.FollowDevice: witness.follow_device,
    witness_operations.SignWitness: witness.sign_witness,
    upkeep_operations.Diagnose: upkeep.diagnose,
    upkeep_operations.ReadPacemaker: upkeep.pacemaker,
    upkeep_operations.SetStandby: upkeep.standby,
    upkeep_operations.HoldCluster: upkeep.hold,
    ops.EndTask: node.end_task,
}

#: What looks at how things are, and then changes them: one at a time, or the second would undo the first.
ALONE = frozenset(
    {
        ops.SetTimeServers,
        ops.SetHostname,
        ops.SetSshKeys,
        ops.SetHosts,
        ops.RenewCertificate,
        ops.RefreshPackages,
        ops.UpgradePackages,
        cluster_operations.InstallCorosync,
        cluster_operations.ReachStore,
        cluster_operations.LearnStore,
        cluster_operations.LeaveStore,
        fence_operations.InstallFencing,
        fence_operations.SweepFencing,
        fence_operations.WriteFencing,
        witness_operations.FollowDevice,
    }
)

#: Operation → what a task does for it.
WORK: Mapping[type[Operation], Callable[[Any, Machine, Upid, Log], None]] = {
    ops.ServiceAction: node.run_service,
    ops.ApplyNetwork: network.run_apply,
    ops.MakeReport: report.run_report,
    ops.RefreshPackages: apt.run_refresh,
    ops.UpgradePackages: apt.run_upgrade,
    cluster_operations.CreateCluster: cluster.run_create,
    cluster_operations.JoinCluster: cluster.run_join,
    cluster_operations.Preflight: preflight.run,
    cluster_operations.LeaveCluster: cluster.run_leave,
    cluster_operations.GoOn: cluster.run_go_on,
    link_operations.SetLink: links.run_set_link,
    rename_operations.RenameNode: rename.run_rename,
    fence_operations.TestFencing: fencing.run_test,
}


def perform(request: Request, context: Context) -> Any:
    """Do what is asked for."""
    kind = type(request.operation)
    with context.alone if kind in ALONE else nullcontext():
        return HANDLERS[kind](request.operation, context, request.who)


def work(arguments: Mapping[str, Any], upid: Upid, log: Log, runner: Runner | None = None) -> None:
    """Do what a task is for; `arguments` are those that `Context.start` gave it."""
    operation = ops.OPERATIONS[arguments["operation"]].of(**arguments["arguments"])
    machine = Machine(Path(arguments["root"]), runner or CommandRunner())
    WORK[type(operation)](operation, machine, upid, log)
