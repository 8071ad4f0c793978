"""Snapshots of the store, as `etcdctl snapshot save` makes them: root's alone, since they hold what the store holds.

Below `FOLDER`, which is root's: what runs as another user could not make root write elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_node.store.gateway import Gateway
from trebol_node.store.keeping import keep

FOLDER = Path("/var/backups/trebol")

#: Names sort as their times do.
_NAME = "%Y%m%dT%H%M%SZ.db"

#: A snapshot ends with the SHA-256 of all before it. What is before it has whole sectors: so one knows it is there.
_DIGEST, _SECTOR = 32, 512


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk: when it was made (UTC), and its bytes."""

    path: Path
    time: datetime
    size: int


@dataclass(frozen=True)
class Content:
    """What a snapshot holds: the store's revision, and how many keys, all their versions counted."""

    revision: int
    keys: int


def snapshots(folder: Path = FOLDER) -> tuple[Snapshot, ...]:
    """All of them, the oldest first."""
    found = []
    for path in sorted(folder.glob("*.db")):
        try:
            time = datetime.strptime(path.name, _NAME).replace(tzinfo=UTC)
        except ValueError:  # Somebody's own.
            continue
        found.append(Snapshot(path, time, path.stat().st_size))
    return tuple(found)


def take(gateway: Gateway, *, now: datetime, folder: Path = FOLDER) -> Snapshot:
    """Make a snapshot. Raises Unavailable where the store does not answer, OSError where the disk is full."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / now.strftime(_NAME)
    save(path, gateway)
    return Snapshot(path, now.replace(microsecond=0), path.stat().st_size)


def save(path: Path, gateway: Gateway) -> None:
    """Make a snapshot at `path`, whole or not at all. Raises as `take` does."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            gateway.snapshot(stream)
            stream.flush()
            os.fsync(stream.fileno())
        require_whole(fresh)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


def prune(folder: Path = FOLDER, *, now: datetime, remove: Callable[[Path], None] = Path.unlink) -> tuple[Path, ...]:
    """Remove the snapshots that are not to be kept (see `keep`); which they were."""
    found = snapshots(folder)
    kept = keep((snapshot.time for snapshot in found), now)
    gone = tuple(snapshot.path for snapshot in found if snapshot.time not in kept)
    for path in gone:
        remove(path)
    return gone


def require_whole(path: Path) -> None:
    """Raise BadInput where the file at `path` is no snapshot, or not as it was made.

    etcdutl 3.5 reports on a damaged one as if nothing were wrong, and ends with a trace on one that was cut off.
    """
    size = path.stat().st_size
    if size % _SECTOR != _DIGEST:
        raise BadInput(_("is no snapshot of the store, or was cut off"), where=str(path))
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        left = size - _DIGEST
        while left:
            chunk = stream.read(min(left, 2**20))
            digest.update(chunk)
            left -= len(chunk)
        if digest.digest() != stream.read():
            raise BadInput(_("is damaged: its checksum is wrong"), where=str(path))


def content(path: Path, runner: Runner) -> Content:
    """What a snapshot holds. Raises BadInput as `require_whole` does."""
    require_whole(path)
    told = json.loads(runner.run(["etcdutl", "snapshot", "status", path, "--write-out=json"]).stdout)
    return Content(revision=int(told["revision"]), keys=int(told["totalKey"]))
