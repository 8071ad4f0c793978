"""Verifying the medium's layers and unpacking them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from trebol_common.medium import FOLDER, Layer, verify_layer
from trebol_installer.execute.state import Run
from trebol_installer.steps import ExtractLayer, VerifyLayers


def verify_layers(step: VerifyLayers, run: Run) -> None:
    """Read all layers at once, one thread each (hashing leaves Python's lock), and compare. Raises DamagedMedium."""
    layers = [layer for layer in run.manifest.layers if layer.name in step.layers]
    done = dict.fromkeys(step.layers, 0)
    lock = threading.Lock()

    def verify(layer: Layer) -> None:
        def progress(bytes_done: int) -> None:
            with lock:
                done[layer.name] = bytes_done
                run.context.progress(sum(done.values()), step.size, "bytes")

        verify_layer(run.medium, layer, progress)

    with ThreadPoolExecutor(max_workers=max(1, len(layers))) as pool:
        results = [pool.submit(verify, layer) for layer in layers]
    for result in results:
        result.result()


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
