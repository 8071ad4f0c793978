"""How somebody else comes in over SSH, where this boot lets anybody in: told by the live system's own service."""

from __future__ import annotations

from pathlib import Path

from trebol_common.i18n import _

#: The password, and behind it the addresses, once there are any.
TOLD = Path("/run/trebol/ssh/told")


def invitation(told: Path = TOLD) -> str:
    """Where to, and the password; empty where this boot lets nobody in."""
    try:
        password, *addresses = told.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # Nothing, or not all of it yet.
        return ""
    where = f"root@{addresses[0]}" if addresses else _("no address yet")
    return _("SSH: {where}  password: {password}").format(where=where, password=password)
