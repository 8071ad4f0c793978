"""Verifying the medium's layers and unpacking them."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from trebol_common.medium import FOLDER, verify_layer
from trebol_installer.execute.state import Run
from trebol_installer.steps import ExtractLayer, VerifyLayers

#: KiB that the kernel reads ahead on the medium while layers are read from end to end. With its own 128, an optical
#: drive waits between any two reads: 41 MB/s instead of 117 were seen under emulation.
READ_AHEAD = 4096


def verify_layers(step: VerifyLayers, run: Run) -> None:
    """Compare every layer with the manifest. Raises DamagedMedium."""
    before = 0
    for layer in run.manifest.layers:
        if layer.name in step.layers:
            verify_layer(run.medium, layer, partial(_progress, run, before, step.size))
            before += layer.size


def _progress(run: Run, before: int, total: int, done: int) -> None:
    run.context.progress(before + done, total, "bytes")


def read_ahead(folder: Path, size: int = READ_AHEAD, *, devices: Path = Path("/sys/dev/block")) -> None:
    """Have the kernel read `size` KiB ahead on the disk that `folder` lies on; nothing where that is memory."""
    number = folder.stat().st_dev
    device = devices / f"{os.major(number)}:{os.minor(number)}"
    # A partition has no queue of its own; its folder lies in that of its disk.
    for queue in (device / "queue", device / ".." / "queue"):
        if (file := queue / "read_ahead_kb").is_file():
            file.write_text(str(size))
            return


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
