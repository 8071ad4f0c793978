"""The layer store: content-addressed, locked, size-capped; a miss says which input changed.

On disk, below `$TREBOL_CACHE` (default `/var/cache/trebol`)::

    lock                        held (flock) by the one build that runs
    work/                       what that build has under way; swept when the next one starts
    layers/ID/layer.squashfs    a finished layer; ID is NAME-HASH over all its inputs
    layers/ID/record.json       `Record`: its inputs, size, checksum
    latest/NAME.json            inputs of the layer of that name that was built or found last, to explain a miss
    lock.json                   the package lock of the newest base
    packages/                   .deb files
    apt/                        apt's indexes
    zfs/                        the same three for the ZFS layer: lock.json, packages/, apt/
    keys/                       the image's own signing key (`trebol_image.signing`), for its owner alone

A layer is written below work/ and renamed into place when it is whole: there are no half layers.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from trebol_common.errors import BadInput, Refused
from trebol_common.files import write_text
from trebol_common.run import Runner

#: Layers beyond this many bytes are dropped, the longest unused first.
CAPACITY = 12 * 1024**3

_LOCK = "lock"
#: What a folder may hold that is to become a store: a fresh file system's own, parts of another store.
_HARMLESS = frozenset({"lost+found", "packages", "apt", "keys", "zfs"})
_HINT = "give a folder of its own: TREBOL_CACHE=/path/trebol"

Inputs = Mapping[str, str]
_INPUTS = TypeAdapter(dict[str, str])


class Record(BaseModel):
    """A finished layer. `size` of the squashfs and `unpacked` of its content in bytes, `files` counts inodes.

    `blocks` are the checksums that the medium's manifest gives (`trebol_common.block_sums`).
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    inputs: dict[str, str]
    sha256: str
    blocks: tuple[str, ...]
    size: int
    unpacked: int
    files: int


@dataclass(frozen=True)
class Stored:
    """A layer in the store: where its squashfs is, and what is known of it."""

    path: Path
    record: Record

    @property
    def folder(self) -> Path:
        """The layer's folder: side products (kernel, package list) lie beside the squashfs."""
        return self.path.parent


def default_folder() -> Path:
    """Where the store of this machine is: `$TREBOL_CACHE`, else /var/cache/trebol."""
    return Path(os.environ.get("TREBOL_CACHE") or "/var/cache/trebol").absolute()


def layer_id(name: str, inputs: Inputs) -> str:
    """NAME-HASH: the hash chains over every input, among them the parent's id."""
    digest = hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode())
    return f"{name}-{digest.hexdigest()[:24]}"


def changed_inputs(before: Inputs, after: Inputs) -> list[str]:
    """The names of inputs that differ, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def explain_miss(reasons: Sequence[str]) -> str:
    """The reasons for building a layer, in a few words."""
    if not reasons:
        return "there is none yet"
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"changed: {', '.join(reasons[:3])}{more}"


class Store:
    """The store in `folder`; `locked()` must be held for everything that writes."""

    def __init__(self, folder: Path, runner: Runner, *, capacity: int = CAPACITY) -> None:
        self.folder = folder
        self._runner = runner
        self.packages = folder / "packages"
        self.apt = folder / "apt"
        self.package_lock = folder / "lock.json"
        self.zfs = folder / "zfs"
        self.keys = folder / "keys"
        self._capacity = capacity

    @contextmanager
    def locked(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the store for one build; calls `on_wait` once when another build holds it. Sweeps work/ first.

        Raises BadInput where there can be no store, and Refused in a folder of somebody else's, whose work/ is none
        of ours to sweep.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = {path.name for path in self.folder.iterdir()}
        except OSError as error:
            raise BadInput(
                f"cannot be the layer store: {error.strerror}", where=str(self.folder), hint=_HINT
            ) from error
        if found - _HARMLESS and _LOCK not in found:
            raise Refused("holds other things than a layer store", where=str(self.folder), hint=_HINT)
        with (self.folder / _LOCK).open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(handle, fcntl.LOCK_EX)
            self._sweep()
            try:
                yield
            finally:
                self._sweep()

    @property
    def _work(self) -> Path:
        return self.folder / "work"

    def _sweep(self) -> None:
        """Remove what an interrupted build left. Its mounts went with its mount namespace; never follow any other."""
        self._runner.run(["rm", "--recursive", "--force", "--one-file-system", self._work])
        self._work.mkdir(exist_ok=True)

    def work_folder(self, name: str) -> Path:
        """A fresh folder for a piece of work of this build."""
        path = self._work / name
        path.mkdir(parents=True)
        return path

    def find(self, name: str, inputs: Inputs) -> Stored | None:
        """The layer made of exactly these inputs, or None. What is found is the latest of its name from then on."""
        record = self._record(name, inputs)
        if not record.is_file():
            return None
        try:
            found = Stored(record.with_name("layer.squashfs"), Record.model_validate_json(record.read_bytes()))
        except ValidationError:
            return None  # Damaged, or written by a version of Trebol that knew less of its layers.
        # A full disk or a tidy hand leaves a record without its layer, or with a part of it.
        whole = found.path.is_file() and found.path.stat().st_size == found.record.size
        if not whole:
            return None
        os.utime(record)
        self._take_note(name, inputs)
        return found

    def latest(self, name: str) -> Stored | None:
        """The layer of this name that was built or found last.

        None when there is none (any more), or its note is damaged.
        """
        try:
            inputs = self._latest_inputs(name)
        except ValidationError:
            return None
        return None if inputs is None else self.find(name, inputs)

    def why_missing(self, name: str, inputs: Inputs) -> list[str]:
        """What changed since the latest layer of this name: inputs, or a file of the store that is damaged.

        Empty when there is no such layer (any more).
        """
        try:
            latest = self._latest_inputs(name)
        except ValidationError:
            return [f"{self._note(name)} (damaged)"]
        if latest is None:
            return []
        record = self._record(name, inputs)
        unreadable = [f"{record} (damaged, or of another version)"] if record.is_file() else []
        return changed_inputs(latest, inputs) or unreadable

    def _note(self, name: str) -> Path:
        return self.folder / "latest" / f"{name}.json"

    def _take_note(self, name: str, inputs: Inputs) -> None:
        write_text(self._note(name), json.dumps(dict(inputs), indent=2))

    def _record(self, name: str, inputs: Inputs) -> Path:
        return self.folder / "layers" / layer_id(name, inputs) / "record.json"

    def _latest_inputs(self, name: str) -> dict[str, str] | None:
        """The note on the latest layer of this name. Raises ValidationError when it is damaged."""
        note = self._note(name)
        return _INPUTS.validate_json(note.read_bytes()) if note.is_file() else None

    def commit(self, name: str, inputs: Inputs, folder: Path, record: Record) -> Stored:
        """Take a finished layer: `folder` (below work/, holding layer.squashfs) is renamed into the store."""
        write_text(folder / "record.json", record.model_dump_json(indent=2))
        target = self.folder / "layers" / record.id
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)
        self._take_note(name, inputs)
        self._prune(keep=target)
        return Stored(target / "layer.squashfs", record)

    def _prune(self, *, keep: Path) -> None:
        records = sorted((self.folder / "layers").glob("*/record.json"), key=lambda path: path.stat().st_mtime)
        sizes = {path.parent: sum(file.stat().st_size for file in path.parent.iterdir()) for path in records}
        total = sum(sizes.values())
        for folder, size in sizes.items():
            if total <= self._capacity:
                return
            if folder != keep:
                shutil.rmtree(folder)
                total -= size
