"""Hashing a password without a program: no argument list, no pipe, no log can give it away."""

from __future__ import annotations

import ctypes
import time

from trebol_common.errors import TrebolError
from trebol_common.i18n import _

#: crypt(3) as Debian ships it (libxcrypt; login and PAM use the same).
LIBRARY = "libcrypt.so.1"

#: yescrypt, Debian's default (ENCRYPT_METHOD in login.defs).
PREFIX = b"$y$"

_DAY = 86400


def hash_password(password: str) -> str:
    """A yescrypt hash of `password` with a fresh salt from the kernel. Raises TrebolError where libcrypt cannot."""
    try:
        library = ctypes.CDLL(LIBRARY, use_errno=True)
    except OSError as error:
        what = _("cannot be loaded: {reason}").format(reason=error)
        raise TrebolError(what, where=LIBRARY, hint=_("give root-password-hashed")) from error
    library.crypt_gensalt.restype = ctypes.c_char_p
    library.crypt_gensalt.argtypes = [ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int]
    library.crypt.restype = ctypes.c_char_p
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    # Count 0 and no bytes: the method's default cost, and salt from getrandom(2) (crypt_gensalt(3)).
    setting: bytes | None = library.crypt_gensalt(PREFIX, 0, None, 0)
    hashed: bytes | None = library.crypt(password.encode(), setting) if setting else None
    if hashed is None or not hashed.startswith(PREFIX):
        raise TrebolError(_("cannot hash with yescrypt"), where=LIBRARY, hint=_("give root-password-hashed"))
    return hashed.decode("ascii")


def with_root_password(shadow: str, hashed: str, *, now: float | None = None) -> str:
    """The text of shadow(5) with root's password set as of `now` (seconds since 1970). Raises TrebolError."""
    today = str(int((time.time() if now is None else now) // _DAY))
    lines = shadow.splitlines()
    for index, line in enumerate(lines):
        fields = line.split(":")
        if fields[0] == "root" and len(fields) == 9:
            lines[index] = ":".join(["root", hashed, today, *fields[3:]])
            return "\n".join(lines) + "\n"
    raise TrebolError(_("has no line for root"), where="/etc/shadow")
