"""How large records may be, and their keys. Pure.

etcd refuses every write once its quota is met, and gets out of that by hand alone: these limits lie far below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from trebol_common.errors import BadInput
from trebol_node.store.errors import TooLarge

KIB, MIB = 2**10, 2**20

#: Bytes of one value, as JSON; of all values and keys; of a key.
VALUE = 256 * KIB
TOTAL = 64 * MIB
KEY = 512

#: etcd's own limits: its file with an hour's history of changes, and one request with room for base64.
QUOTA = 2048 * MIB
REQUEST = 1024 * KIB

#: "access/users/root@pam": parts of what names of users, tokens, nodes and options are made of.
_KEY = re.compile(r"[^/\x00-\x20\x7f]+(/[^/\x00-\x20\x7f]+)*")


def encode(key: str, value: Mapping[str, Any]) -> bytes:
    """The value as it is stored; the same value is always the same bytes.

    Raises BadInput for a key that cannot be one or a value that is not JSON, TooLarge for what is above `VALUE`.
    """
    if not _KEY.fullmatch(key) or len(key.encode()) > KEY:
        raise BadInput(f"{key[:80]!r} is no key of a record")
    try:
        encoded = json.dumps(dict(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        content = encoded.encode()
    except (TypeError, ValueError) as error:
        raise BadInput(f"cannot be stored as JSON: {error}", where=key) from error
    if len(content) > VALUE:
        raise TooLarge(f"{len(content)} bytes; a record has at most {VALUE // KIB} KiB", where=key)
    return content


def require_room(key: str, *, now: int, more: int) -> None:
    """Raise TooLarge where records of `now` bytes would grow by `more` beyond `TOTAL`; they may always shrink."""
    if more > 0 and now + more > TOTAL:
        raise TooLarge(
            f"all records together would have {now + more} bytes; they have at most {TOTAL // MIB} MiB",
            where=key,
            hint="delete what is not needed any more",
        )
