"""What is in the medium's slot: an answer file, and the executable of its `[first-boot]` where it has one.

The answer file ends at the first NUL. What follows it is zeroes, or::

    TREBOLFIRSTBOOT1\\n
    SIZE SHA256\\n
    SIZE bytes

A slot whose first byte is NUL is empty, whatever follows: that of a seeding that was cut off.
"""

from __future__ import annotations

import hashlib
import re

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.medium import SLOT_SIZE, DamagedMedium

_HEAD = re.compile(rb"\0TREBOLFIRSTBOOT1\n([0-9]{1,8}) ([0-9a-f]{64})\n")


def pack(answer: bytes, executable: bytes | None) -> bytes:
    """The slot's SLOT_SIZE bytes. Raises BadInput where that is too little."""
    content = answer
    if executable is not None:
        head = f"\0TREBOLFIRSTBOOT1\n{len(executable)} {hashlib.sha256(executable).hexdigest()}\n"
        content += head.encode() + executable
    if len(content) <= SLOT_SIZE:
        return content.ljust(SLOT_SIZE, b"\0")
    if executable is None:
        raise BadInput(
            _("the answer file has {size} bytes, the slot {slot}").format(size=len(answer), slot=SLOT_SIZE),
            hint=_("make it shorter"),
        )
    wrong = _("answer file and executable have {size} bytes, the slot {slot}")
    raise BadInput(
        wrong.format(size=len(content), slot=SLOT_SIZE),
        hint=_('make the executable shorter, or serve it: source = "from-url"'),
    )


def answer_in(slot: bytes) -> bytes:
    """The answer file's bytes; none where the slot is empty."""
    return slot.partition(b"\0")[0]


def executable_in(slot: bytes) -> bytes | None:
    """The executable; None where there is none. Raises DamagedMedium."""
    found = _HEAD.match(slot, len(answer_in(slot)))
    if found is None or found.start() == 0:
        return None
    size = int(found[1])
    content = slot[found.end() : found.end() + size]
    if len(content) != size or hashlib.sha256(content).hexdigest() != found[2].decode():
        hint = _("seed the medium again (trebol image seed ISO answer.toml --first-boot FILE)")
        raise DamagedMedium(_("the executable in the medium's answer slot is damaged"), hint=hint)
    return content
