"""Verifying the medium's layers and unpacking them."""

from __future__ import annotations

from functools import partial

from trebol_common import block_sums
from trebol_common.medium import FOLDER, verify_layer
from trebol_installer.execute.state import Run
from trebol_installer.steps import ExtractLayer, MergePackages, VerifyLayers


def verify_layers(step: VerifyLayers, run: Run) -> None:
    """Compare every layer with the manifest. Raises DamagedMedium."""
    known = block_sums.take(run.hashed)
    before = 0
    for layer in run.manifest.layers:
        if layer.name in step.layers:
            progress = partial(_progress, run, before, step.size)
            verify_layer(run.medium, layer, progress, known=known.get(layer.file))
            before += layer.size


def _progress(run: Run, before: int, total: int, done: int) -> None:
    run.context.progress(before + done, total, "bytes")


def extract_layer(step: ExtractLayer, run: Run) -> None:
    """Unpack a squashfs over what is in the target, attributes and all.

    unsquashfs tells percent of blocks and inodes; they are given out as bytes of the unpacked layer.
    """

    def progress(line: str) -> None:
        if line.strip().isdigit():
            run.context.progress(step.unpacked * int(line) / 100, step.unpacked, "bytes")
        elif line.strip():
            run.context.log(line)

    image = run.medium / FOLDER / step.file
    # Without -strict-errors a full or failing disk only makes warnings, and leaves holes.
    options = ("-force", "-strict-errors", "-percentage")
    run.runner.run(["unsquashfs", *options, "-dest", run.target, image], on_line=progress)


def merge_packages(step: MergePackages, run: Run) -> None:
    """See `MergePackages`. No package is configured here: each was when its layer was made."""
    run.runner.run(["dpkg", f"--root={run.target}", "--configure", "--pending"])
