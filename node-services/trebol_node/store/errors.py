"""What can go wrong with the records."""

from __future__ import annotations

from trebol_common.errors import TrebolError


class Conflict(TrebolError):
    """A record is not at the revision that the writer has read: somebody was faster. Read again, then write."""


class Unavailable(TrebolError):
    """The store does not answer, or has no quorum: what is known can be read, nothing can be written."""


class NotBegun(Unavailable):
    """No member took what was asked for, so that nothing was begun: it may be asked for again."""


class TooLarge(TrebolError):
    """A record, or all of them together, would be larger than they may be; nothing was written."""
