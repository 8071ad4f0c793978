"""Putting a snapshot back: what was there is kept, and comes back where the store does not start with the new one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_node.store.configuration import Configuration
from trebol_node.store.snapshots import content

UNIT = "trebol-store.service"

#: Added to the revision of the snapshot: more writes than there can have been since, so that the fencing token of a
#: record never comes twice (etcd's documentation on disaster recovery takes the same number).
BUMP = 1_000_000_000


def restore(
    snapshot: Path, configuration: Configuration, runner: Runner, *, now: datetime, owner: str = "etcd:etcd"
) -> Iterator[str]:
    """Make the store hold what `snapshot` holds; yields what was done, a line each.

    Raises BadInput for what is no whole snapshot. Where the restored store does not start, everything is as before,
    and CommandFailed is raised. Whoever calls has seen that there are no other voters: they would go on with what
    they hold.
    """
    held = content(snapshot, runner)
    yield _("{file} is whole: revision {revision}, {keys} keys").format(
        file=snapshot, revision=held.revision, keys=held.keys
    )
    data = configuration.data
    fresh = data.with_name(f"{data.name}.restored")
    kept = data.with_name(f"{data.name}.{now:%Y%m%dT%H%M%SZ}")
    shutil.rmtree(fresh, ignore_errors=True)  # Of a run that was cut off.
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, fresh, ignore_errors=True)
        runner.run(
            [
                *("etcdutl", "snapshot", "restore", snapshot, "--data-dir", fresh, "--name", configuration.name),
                *("--initial-cluster", configuration.initial_cluster),
                *("--initial-cluster-token", configuration.token),
                *("--initial-advertise-peer-urls", configuration.peer_url),
                *("--bump-revision", str(BUMP), "--mark-compacted"),
            ]
        )
        runner.run(["chown", "--recursive", "--no-dereference", owner, fresh])
        undo.callback(runner.run, ["systemctl", "start", UNIT])
        runner.run(["systemctl", "stop", UNIT])
        if data.exists():
            data.rename(kept)
            undo.callback(kept.rename, data)
        fresh.rename(data)
        undo.callback(shutil.rmtree, data)
        undo.callback(runner.run, ["systemctl", "stop", UNIT])
        # It says that it is ready (Type=notify), or fails.
        runner.run(["systemctl", "start", UNIT])
        undo.pop_all()
    yield _("the store runs with it")
    if kept.exists():
        yield _("what it held before is in {folder}").format(folder=kept)
