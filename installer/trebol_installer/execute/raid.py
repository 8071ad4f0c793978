"""md arrays, by mdadm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trebol_common.errors import Refused
from trebol_common.i18n import _
from trebol_installer.execute.block import disk_node, node_of
from trebol_installer.execute.holders import attribute, holders
from trebol_installer.execute.state import Run
from trebol_installer.sizing import ARRAY_OFFSET, MIB
from trebol_installer.steps import AssembleArray, CreateArray


def create_array(step: CreateArray, run: Run) -> None:
    """See `CreateArray`. It is in sync only after a while: md copies whenever the disks have nothing else to do."""
    members = [node_of(member) for member in step.members]
    run.undo.callback(_stop, members, run)
    run.runner.run(
        [
            "mdadm", "--create", step.path, "--run", "--quiet",
            # Known by this name wherever it is assembled, not as some other host's array.
            "--homehost=any", f"--name={step.path.rpartition('/')[2]}",
            "--metadata=1.2", f"--data-offset={ARRAY_OFFSET // MIB}M", "--bitmap=internal",
            f"--level={step.level}", f"--raid-devices={len(members)}", *members,
        ]
    )  # fmt: skip
    _await(step.path, run)
    # What lay in an older array of the same shape lies at the same place of this one: LVM would find its group again.
    run.runner.run(["wipefs", "--all", disk_node(step.path)])


def assemble_array(step: AssembleArray, run: Run) -> None:
    """See `AssembleArray`. Raises Refused where it has another level, or is not whole: only one that runs tells."""
    members = [node_of(member) for member in step.members]
    run.undo.callback(_stop, members, run)
    run.runner.run(["mdadm", "--assemble", "--quiet", step.path, *members])
    _await(step.path, run)
    told = run.runner.run(["mdadm", "--detail", "--export", step.path]).stdout
    level = next((line.partition("=")[2] for line in told.splitlines() if line.startswith("MD_LEVEL=")), "unknown")
    if level != step.level:
        raise Refused(
            _("the array that is to be kept is {found}, not {wanted}").format(found=level, wanted=step.level),
            where=step.path,
            hint=_('set lvm.raid = "{level}", or leave keep out').format(level=level),
        )
    if (missing := attribute(disk_node(step.path).name, "md/degraded")) not in ("", "0"):
        raise Refused(
            _("the array that is to be kept lacks {missing} of its {count} members, or they are out of date").format(
                missing=missing, count=len(members)
            ),
            where=step.path,
            hint=_("have the old system mend it first (mdadm --add), or leave keep out"),
        )


def _await(path: str, run: Run) -> None:
    run.runner.run(["udevadm", "wait", "--timeout=30", path])


def _stop(members: Sequence[Path], run: Run) -> None:
    """Stop what the members are part of, which has no link of its name where udev was too slow."""
    for name in dict.fromkeys(holder for member in members for holder in holders(member.name)):
        run.runner.run(["mdadm", "--quiet", "--stop", f"/dev/{name}"])
