"""Checksums of a layer block by block: made by the image build, compared before an installation writes anything.

Reading a whole medium can take longer than booting from it, so the live system begins while the hardware is probed
and the plan is made (`python3 -m trebol_common.block_sums MEDIUM RECORD`, which needs the standard library alone).
Whoever verifies takes what has been hashed by then and hashes only the rest; nobody waits for anybody.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

#: Bytes of a layer that have a checksum of their own in the manifest.
BLOCK = 16 * 1024 * 1024

#: How these checksums are made; layers that were summed otherwise are not of this version.
KIND = f"crc32 of {BLOCK} bytes"

#: Where the live system keeps what it hashed in advance: "FILE NUMBER SUM" per line.
RECORD = Path("/run/trebol/block-sums")

#: The layers of a medium, for those without a JSON parser (`trebol_common.medium`).
_LAYERS = "trebol/layers.txt"


def block_sum(descriptor: int, number: int) -> str:
    """CRC-32 of one block, hexadecimal.

    What is looked for is damage: whoever changed a layer on purpose would change the manifest beside it. Of damaged
    blocks one in four thousand million goes unseen. A cryptographic hash takes up to fifteen times as long, on
    the processors that boot; SHA-256 of each file is in the manifest and in SHA256SUMS, for `trebol image verify`,
    `trebol.verify` and other tools.
    """
    return f"{zlib.crc32(os.pread(descriptor, BLOCK, number * BLOCK)):08x}"


def block_sums(
    path: Path, on_progress: Callable[[int], None] = lambda done: None, *, known: Mapping[int, str] | None = None
) -> tuple[str, ...]:
    """The sum of each block of a file, hashed on all processors at once; `on_progress` gets bytes done.

    Blocks in `known` are not read again.
    """
    # It loads half of the logging package, which nobody needs before there is a layer to verify.
    from concurrent.futures import ThreadPoolExecutor

    size = path.stat().st_size
    with path.open("rb") as stream, ThreadPoolExecutor(os.cpu_count()) as pool:

        def one(number: int) -> str:
            return (known or {}).get(number) or block_sum(stream.fileno(), number)

        sums = []
        for number, result in enumerate(pool.map(one, range(_blocks(size))), start=1):
            sums.append(result)
            on_progress(min(size, number * BLOCK))
    return tuple(sums)


def _blocks(size: int) -> int:
    return -(-size // BLOCK)


def hash_ahead(medium: Path, record: Path) -> None:
    """Hash the layers of the medium in order and append each block's sum to `record`, until that is taken away.

    Raises OSError where the medium cannot be read; whoever verifies will meet the same, and tell.
    """
    record.touch()
    for line in (medium / _LAYERS).read_text(encoding="utf-8").splitlines():
        file = line.split()[1]
        with (medium / "trebol" / file).open("rb") as layer:
            for number in range(_blocks(os.fstat(layer.fileno()).st_size)):
                if not record.exists():
                    return
                _append(record, f"{file} {number} {block_sum(layer.fileno(), number)}\n")


def _append(record: Path, line: str) -> None:
    """One write, and never a new file: a record that was taken must not come back."""
    try:
        descriptor = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def take(record: Path) -> dict[str, dict[int, str]]:
    """What was hashed in advance: file → number → sum. Whoever still hashes stops at the next block."""
    taken = record.with_suffix(".taken")
    try:
        record.replace(taken)
    except FileNotFoundError:
        return {}
    sums: dict[str, dict[int, str]] = {}
    for line in taken.read_text(encoding="utf-8").splitlines():
        file, number, found = line.split()
        sums.setdefault(file, {})[int(number)] = found
    return sums


if __name__ == "__main__":
    try:
        hash_ahead(Path(sys.argv[1]), Path(sys.argv[2]))
    except OSError as error:
        sys.stderr.write(f"reading ahead ended: {error}\n")
