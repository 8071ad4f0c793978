"""Media for unattended machines: a seeded copy of an ISO, which itself stays as it is."""

from __future__ import annotations

from pathlib import Path

from trebol_common.run import CommandRunner, Runner
from trebol_image.seed import Seed, console_words, write_seed


def seeded_copy(
    iso: Path,
    copy: Path,
    answer: str,
    *,
    words: tuple[str, ...] = (),
    first_boot: bytes | None = None,
    runner: Runner | None = None,
) -> Path:
    """Copy `iso` and seed the copy with the text of an answer file; it starts by itself, on the serial console.

    `answer` goes in unchecked: a test may want to see how the installer refuses it. An empty one seeds boot settings
    alone. `words` are further kernel words, `first_boot` is the executable of `source = "from-iso"`.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    (runner or CommandRunner()).run(["cp", "--reflink=auto", "--sparse=always", iso, copy])
    copy.chmod(0o644)
    write_seed(copy, Seed(answer, (*console_words("ttyS0"), *words), first_boot=first_boot))
    return copy
