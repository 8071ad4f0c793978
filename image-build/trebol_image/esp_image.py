"""The EFI system partition that is appended to the ISO: a small FAT16 image, the same byte for byte each time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from trebol_common.errors import TrebolError
from trebol_common.run import Runner

#: FAT16 needs at least 4085 clusters; at 1 KiB each this has 8 Ki of them. Below 20 MB, because some firmware loads
#: the whole El Torito image.
SIZE = 8 * 1024 * 1024
_SECTORS_PER_CLUSTER = 2
_ROOM = SIZE - 256 * 1024


def make_esp(files: Mapping[str, Path], output: Path, *, serial: int, epoch: int, runner: Runner) -> None:
    """Make `output` with `files` (path in it → source); `serial` is the volume's 32-bit number.

    Raises TrebolError when they do not fit.
    """
    needed = sum(source.stat().st_size for source in files.values())
    if needed > _ROOM:
        raise TrebolError(f"boot files of {needed} bytes do not fit the EFI partition of {SIZE}", where=str(output))
    # mtools takes time stamps from SOURCE_DATE_EPOCH, and writes them in local time.
    env = {"SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    runner.run(
        [
            "mformat", "-C", "-i", output, "-T", str(SIZE // 512), "-h", "16", "-s", "32",
            "-c", str(_SECTORS_PER_CLUSTER), "-N", f"{serial:08x}", "-v", "TREBOL_EFI", "::",
        ],
        env=env,
    )  # fmt: skip
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents if parent.name}
    runner.run(["mmd", "-i", output, *(f"::{folder}" for folder in sorted(folders))], env=env)
    for path, source in sorted(files.items()):
        runner.run(["mcopy", "-i", output, source, f"::{path}"], env=env)
