"""The toolkit of console programs: what a screen consists of, and how it is drawn and driven.

urwid tries to load an event loop of each library that has one, and with them GLib, tornado, asyncio and TLS where
they are installed: more than half of the time until something is to be seen. They are kept out of it here, before any
of our modules loads it; its own loop remains.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast

_FOREIGN = ("glib", "tornado", "trio", "twisted", "zmq")


def _load_urwid() -> None:
    if "urwid" in sys.modules:
        return
    # An import of what is None there fails as one of what is not installed (sys.modules, Python's reference, 5.3.1).
    hidden: dict[str, ModuleType | None] = {f"urwid.event_loop.{name}_loop": None for name in _FOREIGN}
    # Of this one urwid takes for granted that it is there.
    hidden["urwid.event_loop.asyncio_loop"] = asyncio_loop = ModuleType("asyncio_loop")
    vars(asyncio_loop)["AsyncioEventLoop"] = None
    cast("dict[str, ModuleType | None]", sys.modules).update(hidden)
    try:
        import urwid  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


_load_urwid()
