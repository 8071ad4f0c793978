"""Packing a tree into a squashfs, reproducibly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from trebol_common.block_sums import block_sums
from trebol_common.events import Context
from trebol_common.run import Runner
from trebol_image.store import Record, layer_id


def pack(
    name: str,
    inputs: Mapping[str, str],
    tree: Path,
    folder: Path,
    *,
    xattrs: bool,
    context: Context,
    runner: Runner,
) -> Record:
    """Pack `tree` into `folder`/layer.squashfs with zstd at `inputs["level"]` and say what came out.

    `inputs["epoch"]` caps every time stamp. `xattrs` keeps extended attributes (file capabilities of the base); the
    upper side of an overlayfs must not keep its own (`trusted.overlay.*`).
    """
    image = folder / "layer.squashfs"
    command: list[str | Path] = [
        "mksquashfs", tree, image,
        "-comp", "zstd", "-Xcompression-level", inputs["level"],
        "-xattrs" if xattrs else "-no-xattrs", "-noappend", "-no-progress", "-quiet", "-no-recovery",
    ]  # fmt: skip
    runner.run(command, env={"SOURCE_DATE_EPOCH": inputs["epoch"]}, on_line=context.log)
    listing = runner.run(["unsquashfs", "-stat", image]).stdout
    files = sum(map(int, re.findall(r"^Number of inodes (\d+)", listing, flags=re.MULTILINE)))
    with image.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    usage = runner.run(["du", "--summarize", "--block-size=1", tree]).stdout
    return Record(
        id=layer_id(name, inputs),
        name=name,
        inputs=dict(inputs),
        sha256=digest,
        blocks=block_sums(image),
        size=image.stat().st_size,
        unpacked=int(usage.split()[0]),
        files=files,
    )
