"""Carrying out a plan: each step in its own context of events, undone in reverse order when one fails.

A step that failed can be done again alone: what the attempt opened is closed, what earlier steps made stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, assert_never

from trebol_common.answers.model import Answers
from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.events import Context
from trebol_common.i18n import _
from trebol_common.medium import Manifest
from trebol_common.run import Runner
from trebol_hardware.machine import Machine
from trebol_installer import steps
from trebol_installer.execute import (
    bootloader,
    configure,
    disks,
    encryption,
    filesystems,
    first_boot,
    layers,
    lvm,
    raid,
    teardown,
    webhook,
    zfs,
)
from trebol_installer.execute.state import LOGS, TARGET, Run, Undo
from trebol_installer.plan import Plan
from trebol_installer.render import describe
from trebol_installer.report import leave_report, write_report
from trebol_installer.steps import Step, step_name

#: Until one of these is done, a refusal can say that all disks are as they were.
_FIRST_WRITES = (
    steps.WipeVolume,
    steps.WipeDisk,
    steps.PartitionDisk,
    steps.ReuseVolumeGroup,
    steps.ReplaceSubvolume,
    steps.ReusePool,
)


class StepFailed(TrebolError):
    """A step of an installation failed; nothing is left mounted."""


class Executor(Protocol):
    """Carries out plans, for real or not."""

    def execute(self, plan: Plan, context: Context) -> None:
        """Do every step of `plan`, one child context each. Raises Refused or BadInput before anything is written,
        StepFailed from then on.
        """
        ...


@dataclass(frozen=True)
class DryRun:
    """Says what would be done, and does nothing."""

    def execute(self, plan: Plan, context: Context) -> None:
        """See `Executor.execute`; nothing can fail."""
        for step in plan.steps:
            with context.child(step_name(step), describe(step)) as inside:
                inside.log(_("not done: dry run"))


def never(failed: StepFailed) -> bool:
    """No step is done again."""
    return False


@dataclass(frozen=True)
class Installer:
    """Installs this machine from the medium mounted at `medium`; `retry` says whether a failed step is done again."""

    answers: Answers
    machine: Machine
    manifest: Manifest
    medium: Path
    runner: Runner
    target: Path = TARGET
    logs: Path = LOGS
    retry: Callable[[StepFailed], bool] = never

    def execute(self, plan: Plan, context: Context) -> None:
        """See `Executor.execute`."""
        run = Run(
            plan=plan,
            answers=self.answers,
            machine=self.machine,
            manifest=self.manifest,
            medium=self.medium,
            runner=self.runner,
            context=context,
            target=self.target,
            logs=self.logs,
        )
        try:
            for number, step in enumerate(plan.steps, 1):
                self._until_done(step, number, run)
                run = replace(run, again=False, begun=run.begun or isinstance(step, _FIRST_WRITES))
        except BaseException:
            with run.context.child("undo", _("Unmount the target")) as inside:
                _undo(run.opened, inside)
            raise

    def _until_done(self, step: Step, number: int, run: Run) -> None:
        while True:
            try:
                return _perform_in_context(step, number, run)
            except StepFailed as failed:
                if not self.retry(failed):
                    raise
                run = replace(run, again=True)


def _perform_in_context(step: Step, number: int, run: Run) -> None:
    try:
        with run.context.child(step_name(step), describe(step)) as inside:
            _perform_or_undo(step, run, inside)
    except (TrebolError, OSError) as error:
        leave_report(run)
        if isinstance(error, Refused | BadInput) and not run.begun:
            raise
        reason = str(error).replace("\n", "\n  ")
        failed = _("step {number} of {count} failed:").format(number=number, count=len(run.plan.steps))
        raise StepFailed(
            f"{failed}\n  {reason}",
            where=describe(step),
            hint=_("put the cause right and start again; the disk needs no cleaning up first"),
        ) from error


def _perform_or_undo(step: Step, run: Run, context: Context) -> None:
    undo = Undo()
    try:
        perform(step, replace(run.within(context), undo=undo))
    except BaseException:
        _undo(undo, context)
        raise
    run.opened.take_over(undo)


def _undo(undo: Undo, context: Context) -> None:
    """Leave nothing mounted. What went wrong first is what the user has to hear of; this only goes to the log."""
    while undo:
        try:
            undo.close()
        except TrebolError as error:
            context.log(_("cannot be undone: {reason}").format(reason=error))
            undo.skip()


def perform(step: Step, run: Run) -> None:
    """Do one step."""
    match step:
        case steps.CheckTarget():
            disks.check_target(step, run)
        case steps.GetExecutable():
            first_boot.get_executable(step, run)
        case steps.VerifyLayers():
            layers.verify_layers(step, run)
        case steps.LoadZfs():
            zfs.load_zfs(step, run)
        case steps.ReleaseSwap():
            teardown.release_swap(step, run)
        case steps.ReleaseMount():
            teardown.release_mount(step, run)
        case steps.ExportPool():
            teardown.export_pool(step, run)
        case steps.CloseGroup():
            teardown.close_group(step, run)
        case steps.CloseVolume():
            teardown.close_volume(step, run)
        case steps.LeaveBcache():
            teardown.leave_bcache(step, run)
        case steps.WipeVolume():
            teardown.wipe_volume(step, run)
        case steps.WipeDisk():
            teardown.wipe_disk(step, run)
        case steps.PartitionDisk():
            disks.partition_disk(step, run)
        case steps.CreateArray():
            raid.create_array(step, run)
        case steps.EncryptDevice():
            encryption.encrypt_device(step, run)
        case steps.CreateVolumeGroup():
            lvm.create_group(step, run)
        case steps.AssembleArray():
            raid.assemble_array(step, run)
        case steps.BindToTpm():
            encryption.bind_to_tpm(step, run)
        case steps.UnbindFromTpm():
            encryption.unbind_from_tpm(step, run)
        case steps.OpenContainer():
            encryption.open_container(step, run)
        case steps.ReuseVolumeGroup():
            lvm.reuse_group(step, run)
        case steps.ReplaceSubvolume():
            filesystems.replace_subvolume(step, run)
        case steps.CreateVolume():
            lvm.create_volume(step, run)
        case steps.CreateThinPool():
            lvm.create_thin_pool(step, run)
        case steps.MakeSwap():
            filesystems.make_swap(step, run)
        case steps.MakeFilesystem():
            filesystems.make_filesystem(step, run)
        case steps.MakeBtrfs():
            filesystems.make_btrfs(step, run)
        case steps.CreatePool():
            zfs.create_pool(step, run)
        case steps.ReusePool():
            zfs.reuse_pool(step, run)
        case steps.CreateDataset():
            zfs.create_dataset(step, run)
        case steps.MountDataset():
            zfs.mount_dataset(step, run)
        case steps.MountTarget():
            filesystems.mount_target(step, run)
        case steps.ExtractLayer():
            layers.extract_layer(step, run)
        case steps.MergePackages():
            layers.merge_packages(step, run)
        case steps.WriteIdentity():
            configure.write_identity(step, run)
        case steps.WriteMounts():
            configure.write_mounts(step, run)
        case steps.WriteEncryption():
            encryption.write_encryption(step, run)
        case steps.WritePool():
            zfs.write_pool(step, run)
        case steps.WriteNetwork():
            configure.write_network(step, run)
        case steps.WriteLocale():
            configure.write_locale(step, run)
        case steps.WriteAccess():
            configure.write_access(step, run)
        case steps.WriteNodeConfiguration():
            configure.write_node_configuration(step, run)
        case steps.WriteClusterIntent():
            configure.write_cluster_intent(step, run)
        case steps.WriteFirstBoot():
            first_boot.write_first_boot(step, run)
        case steps.InstallBootLoader():
            bootloader.install_boot_loader(step, run)
        case steps.WriteReport():
            write_report(step, run)
        case steps.GatherNews():
            webhook.gather_news(step, run)
        case steps.CloseTarget():
            filesystems.close_target(step, run)
        case steps.MarkFinished():
            disks.mark_finished(step, run)
        case steps.TellWebhook():
            webhook.tell_webhook(step, run)
        case _:
            assert_never(step)
