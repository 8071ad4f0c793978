"""Comparing a medium with its own checksums: an ISO or a written stick, without mounting it and without root."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from trebol_common.errors import Problem, raise_for
from trebol_common.medium import FOLDER, LAYERS, MANIFEST, SLOT, SUMS, DamagedMedium, Manifest
from trebol_image.iso import GRUBENV, layers_text
from trebol_image.iso9660 import File, Image
from trebol_image.locator import Locator
from trebol_image.target import is_whole, opened, read_locator

#: What may change after the build, and the list itself.
UNLISTED = frozenset((SLOT, GRUBENV, SUMS))
_ANEW = "download the ISO again, compare its checksum, and write the medium anew"
_LINE = re.compile(r"^([0-9a-f]{64})  (.+)$")

#: Called with bytes read so far and bytes in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Verified:
    """What was found whole: `size` in bytes of the `files` that were read."""

    manifest: Manifest
    files: int
    size: int


def verify(path: Path, on_progress: Progress = lambda done, total: None) -> Verified:
    """Read all of the medium at `path`. Raises BadInput when it is none, DamagedMedium with all that is wrong."""
    with opened(path) as stream:
        locator = read_locator(stream, path)
        if not is_whole(stream, locator):
            raise DamagedMedium(f"is shorter than the {locator.size} bytes of the ISO", where=str(path), hint=_ANEW)
        image = Image(stream, str(path))
        files = image.files()
        manifest = read_manifest(image, files)
        sums = read_sums(image, files)
        problems = [*structure_problems(image, files, manifest, locator, sums)]
        total = locator.esp.length + sum(files[name].size for name in sums if name in files)
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += size
            on_progress(done, total)

        for name in sorted(sums.keys() & files.keys()):
            problems += _compare(image, name, files[name], sums[name], advance)
        esp = File((locator.esp,))
        problems += _compare(image, "the EFI partition", esp, locator.esp_sha256, advance)
        raise_for(problems, DamagedMedium)
        return Verified(manifest, files=len(sums), size=done)


def read_manifest(image: Image, files: Mapping[str, File]) -> Manifest:
    """The manifest of the medium. Raises DamagedMedium."""
    if MANIFEST not in files:
        raise DamagedMedium(f"has no /{MANIFEST}", where=image.where, hint=_ANEW)
    try:
        return Manifest.model_validate_json(image.content(files[MANIFEST]))
    except ValidationError as error:
        raise DamagedMedium(
            f"/{MANIFEST} is not a manifest of this version of Trebol", where=image.where, hint=_ANEW
        ) from error


def read_sums(image: Image, files: Mapping[str, File]) -> dict[str, str]:
    """SHA256SUMS: path → digest. Raises DamagedMedium."""
    if SUMS not in files:
        raise DamagedMedium(f"has no /{SUMS}", where=image.where, hint=_ANEW)
    sums = {}
    for line in image.content(files[SUMS]).decode(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            raise DamagedMedium(f"/{SUMS} has a line that is none: {line[:80]!r}", where=image.where, hint=_ANEW)
        sums[match[2]] = match[1]
    return sums


def structure_problems(
    image: Image, files: Mapping[str, File], manifest: Manifest, locator: Locator, sums: Mapping[str, str]
) -> Iterator[Problem]:
    """Where manifest, locator, list of checksums and files do not say the same."""
    where = image.where
    for name in sorted(sums.keys() - files.keys()):
        yield Problem(f"/{name} is missing", where, _ANEW)
    for name in sorted(files.keys() - sums.keys() - UNLISTED):
        yield Problem(f"/{name} is in no list of checksums", where, _ANEW)
    for name, extent in ((SLOT, locator.slot), (GRUBENV, locator.grubenv)):
        if name not in files or files[name].extents != (extent,):
            yield Problem(f"the locator does not point at /{name}", where, _ANEW)
    if f"{FOLDER}/id/{manifest.medium_id}" not in files or locator.medium_id != manifest.medium_id:
        yield Problem("manifest, locator and /trebol/id do not name the same medium", where, _ANEW)
    if LAYERS in files and image.content(files[LAYERS]).decode(errors="replace") != layers_text(manifest):
        yield Problem(f"/{LAYERS} and the manifest list different layers", where, _ANEW)
    for layer in manifest.layers:
        path = f"{FOLDER}/{layer.file}"
        if path not in files:
            yield Problem(f"layer /{path} is missing", where, _ANEW)
        elif (files[path].size, sums.get(path)) != (layer.size, layer.sha256):
            yield Problem(f"layer /{path} is not the one in the manifest", where, _ANEW)


def _compare(image: Image, name: str, file: File, expected: str, advance: Callable[[int], None]) -> list[Problem]:
    digest = hashlib.sha256()
    try:
        for chunk in image.chunks(file):
            digest.update(chunk)
            advance(len(chunk))
    except DamagedMedium as error:
        return [Problem(f"{name}: {problem.what}", problem.where, problem.hint) for problem in error.problems]
    if digest.hexdigest() == expected:
        return []
    return [Problem(f"{name} is damaged: SHA-256 {digest.hexdigest()}, expected {expected}", image.where, _ANEW)]
