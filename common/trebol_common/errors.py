"""The one hierarchy of errors: each says what is wrong, where, and what to do about it.

Exit statuses (fixed, scripts lean on them): 0 done, 1 failed, 2 bad usage or bad input, 3 refused for safety.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from trebol_common.i18n import _

#: Control characters but line feed and tab: what a file or firmware holds must not steer the terminal it is shown on.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}


def printable(text: str) -> str:
    """`text` with control characters shown as `\\x1b`; lines and tabs stay."""
    return text.translate(_CONTROLS)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    `where` is the place as the user knows it: a file and key, a device, a package, a URL.
    """

    what: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return printable(f"{text}\n  → {self.hint}" if self.hint else text)


class TrebolError(Exception):
    """Something failed; `problems` holds every reason at once, never only the first."""

    exit_status: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(what, where, hint),)
        super().__init__(what)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Self:
        """An error made of several problems, in the order in which they should be read."""
        collected = tuple(problems)
        error = cls(collected[0].what)
        error.problems = collected
        return error

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def of_system(error: OSError) -> TrebolError:
    """What no one took for an error of its own: a full disk, a file that may not be written."""
    what, where = str(error.strerror or error), str(error.filename or _("a file or connection"))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(what, where=where, hint=_("see what is full: df -h"))
    return TrebolError(what, where=where)


class NoSpace(TrebolError):
    """A file system is full, or a quota is used up; what was to be written was not."""


class BadInput(TrebolError):
    """What the user gave (file, option, value) cannot be used; nothing was done."""

    exit_status = 2


class Refused(TrebolError):
    """Doing it would endanger data; nothing was written."""

    exit_status = 3


def raise_for(problems: Sequence[Problem], error: type[TrebolError]) -> None:
    """Raise `error` with all `problems` when there are any."""
    if problems:
        raise error.of(problems)
