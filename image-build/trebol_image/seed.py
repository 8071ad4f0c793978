"""Seeding: an answer file, what its first boot runs, and boot settings, patched into an ISO or a stick, in place.

Nothing is copied or rebuilt: two areas of fixed size are overwritten, `answer.slot` and GRUB's environment block. The
order of the writes keeps a medium on which they were interrupted harmless: first the boot settings are reset (no
start without a person), then all of the slot but its first byte, then that byte, which makes it count (a slot is
read up to its first NUL, so it is empty until then), then the new boot settings; each on the device before the next.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from trebol_common.answer_slot import answer_in, executable_in, pack
from trebol_common.answers import Answers, parse_answers
from trebol_common.answers.model import FirstBootSource
from trebol_common.answers.parse import decode, read_text
from trebol_common.errors import BadInput, Refused, TrebolError, raise_for
from trebol_common.first_boot import LARGEST, is_executable
from trebol_common.medium import SLOT_SIZE
from trebol_hardware.checks.mute import mute_problems
from trebol_image import grubenv
from trebol_image.iso9660 import Extent
from trebol_image.locator import Locator
from trebol_image.target import is_whole, opened, read_locator

#: Seconds that a seeded medium leaves a person to stop it, and the value that makes GRUB's menu wait for one.
_SOON = "1"
_NEVER = "-1"
_CONSOLE = re.compile(r"^(?P<device>tty[A-Za-z]*[0-9]+|hvc[0-9]+)(?P<mode>,[0-9]+[noe]?[78]?r?)?$")
#: Characters that neither GRUB's script language nor the kernel's command line gives a meaning.
_WORD = re.compile(r"^[A-Za-z0-9_.,:;=/+@%&?~^*!-]+$")


@dataclass(frozen=True)
class Seed:
    """What a medium is seeded with: the answer file's text, and what GRUB does with it.

    `words` are kernel words; without `autostart` the boot menu waits for a person. `first_boot` is the executable of
    `source = "from-iso"`.
    """

    answer: str
    words: tuple[str, ...] = ()
    autostart: bool = True
    first_boot: bytes | None = None

    def environment(self) -> dict[str, str]:
        """GRUB's variables; iso/boot/grub.cfg.j2 reads them."""
        variables = {"trebol_timeout": _SOON if self.autostart else _NEVER, "trebol_entry": "install"}
        if self.words:
            variables["trebol_words"] = " ".join(self.words)
        return variables


@dataclass(frozen=True)
class Seeded:
    """What is found on a medium: `answer` is None when it is not seeded, `environment` is GRUB's."""

    version: str
    medium_id: str
    answer: str | None
    environment: Mapping[str, str]
    first_boot: bytes | None = None


def make_seed(
    answer: Path,
    *,
    console: str | None = None,
    words: str = "",
    autostart: bool = True,
    first_boot: Path | None = None,
) -> tuple[Seed, Answers]:
    """Check all that the user gave, before anything is touched. Raises BadInput with every problem of the answers."""
    text = read_text(answer)
    if "\0" in text:
        raise BadInput("holds a NUL byte", where=str(answer), hint="save the file as UTF-8 TOML")
    if not text.strip():
        raise BadInput("is empty", where=str(answer), hint="see docs/answer-file.md for what belongs in it")
    answers = parse_answers(text, where=str(answer))
    unknown = mute_problems(answers.checks)
    raise_for([replace(problem, where=f"{answer}: {problem.where}") for problem in unknown], BadInput)
    executable = _executable(answers, answer, first_boot)
    seed = Seed(text, (*console_words(console), *kernel_words(words)), autostart, executable)
    pack(text.encode(), executable)  # Raises where it has no place.
    return seed, answers


def _executable(answers: Answers, answer: Path, path: Path | None) -> bytes | None:
    """What the first boot runs. Raises BadInput where the answers want one and there is none, or the other way."""
    wanted = answers.first_boot is not None and answers.first_boot.source is FirstBootSource.ISO
    if path is None and wanted:
        hint = "give it with --first-boot FILE"
        raise BadInput("wants an executable on the medium", where=f"{answer}: first-boot.source", hint=hint)
    if path is None:
        return None
    if not wanted:
        hint = 'add to it: [first-boot] source = "from-iso"'
        raise BadInput("does not want an executable on the medium", where=str(answer), hint=hint)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path), hint="check the path") from error
    if len(content) > LARGEST:
        raise BadInput(f"is larger than {LARGEST} bytes", where=str(path))
    if not is_executable(content):
        raise BadInput("is neither a script (#!) nor a program", where=str(path), hint="begin it with #!/bin/sh")
    return content


def console_words(console: str | None) -> tuple[str, ...]:
    """`ttyS0` or `ttyS0,115200n8` → kernel words; the screen stays a console too. Raises BadInput."""
    if console is None:
        return ()
    match = _CONSOLE.match(console)
    if match is None:
        raise BadInput(f"{console!r} is not a console", where="--console", hint="such as ttyS0 or ttyS1,115200n8")
    device, mode = match["device"], match["mode"]
    if mode is None and device.startswith("ttyS"):
        mode = ",115200n8"
    screen = () if re.fullmatch(r"tty[0-9]+", device) else ("console=tty0",)
    return (*screen, f"console={device}{mode or ''}")


def kernel_words(text: str) -> tuple[str, ...]:
    """Kernel words separated by spaces. Raises BadInput for what GRUB would take for something else."""
    words = tuple(text.split())
    for word in words:
        if not _WORD.match(word):
            raise BadInput(
                f"{word!r} has characters that the boot loader gives a meaning of its own",
                where="--words",
                hint="letters, digits and _.,:;=/+@%&?~^*!- pass unchanged",
            )
    return words


def write_seed(target: Path, seed: Seed) -> Locator:
    """Patch `seed` into `target`. Raises BadInput (no medium) or Refused (in use, or not what the locator says)."""
    block = grubenv.render(seed.environment())
    slot = pack(seed.answer.encode(), seed.first_boot)
    with opened(target, write=True) as stream:
        locator = read_locator(stream, target)
        _require_areas(stream, locator, target)
        with _telling(target):
            _write(stream, locator.grubenv, grubenv.render({"trebol_timeout": _NEVER}))
            _write(stream, locator.slot, b"\0" + slot[1:])
            _write(stream, locator.slot, slot[:1])
            _write(stream, locator.grubenv, block)
    return locator


def clear_seed(target: Path) -> Locator:
    """Take answer file and boot settings out again: the medium is then as it was built."""
    with opened(target, write=True) as stream:
        locator = read_locator(stream, target)
        _require_areas(stream, locator, target)
        with _telling(target):
            _write(stream, locator.grubenv, grubenv.render({}))
            _write(stream, locator.slot, bytes(SLOT_SIZE))
    return locator


def read_seed(target: Path) -> Seeded:
    """What `target` is seeded with. Raises BadInput."""
    with opened(target) as stream:
        locator = read_locator(stream, target)
        _require_areas(stream, locator, target)
        slot = _read(stream, locator.slot)
        text = answer_in(slot)
        return Seeded(
            version=locator.version,
            medium_id=locator.medium_id,
            answer=decode(text, where=f"{target}: answer slot") if text else None,
            environment=grubenv.parse(_read(stream, locator.grubenv)),
            first_boot=executable_in(slot),
        )


def _require_areas(stream: BinaryIO, locator: Locator, target: Path) -> None:
    """Raise Refused unless the locator points at a slot and an environment block of the right form."""
    problem = ""
    if not is_whole(stream, locator):
        problem = f"is shorter than the {locator.size} bytes it was made with: a download or copy that was cut off"
    elif (locator.slot.length, locator.grubenv.length) != (SLOT_SIZE, grubenv.SIZE):
        problem = "has a slot of another size than this version of Trebol writes"
    elif not _read(stream, locator.grubenv).startswith(grubenv.SIGNATURE):
        problem = "has no boot loader environment where its locator says"
    if problem:
        raise Refused(problem, where=str(target), hint="check it with: trebol image verify; or download it again")


def _read(stream: BinaryIO, extent: Extent) -> bytes:
    return os.pread(stream.fileno(), extent.length, extent.offset)


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    """Name the medium where writing to it fails: a full disk below the ISO, a stick that gives up."""
    try:
        yield
    except OSError as error:
        raise TrebolError(
            f"cannot be written: {error.strerror}",
            where=str(target),
            hint="it is seeded with nothing, or half of it: once the cause is gone, seed it again",
        ) from error


def _write(stream: BinaryIO, extent: Extent, content: bytes) -> None:
    """Write `content` at the beginning of `extent`, and have it on the device when this returns."""
    done = 0
    while done < len(content):
        done += os.pwrite(stream.fileno(), content[done:], extent.offset + done)
    os.fdatasync(stream.fileno())
