"""The copy of the records on disk, read where there is no store. It holds secrets: for its owner alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from trebol_common.files import write_text
from trebol_node.store.view import Entry, Record

_log = logging.getLogger(__name__)


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    revision: int
    value: dict[str, Any]


class _Copy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1]
    revision: int
    records: dict[str, _Stored]


def write_copy(path: Path, records: Iterable[Record], revision: int) -> None:
    """Write all records, as they are at `revision`, in one step. Raises OSError."""
    stored = {record.key: {"revision": record.revision, "value": record.value} for record in records}
    text = json.dumps({"format": 1, "revision": revision, "records": stored}, ensure_ascii=False)
    write_text(path, text, mode=0o600)


def read_copy(path: Path) -> tuple[tuple[Entry, ...], int]:
    """The records and their revision; none, with a word in the log, where there is no copy that can be read."""
    try:
        copy = _Copy.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return (), 0
    except (OSError, ValidationError) as error:
        # pydantic's words quote what is in it.
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        _log.warning("records: %s is left out: %s", path, reason)
        return (), 0
    entries = (Entry(key, json.dumps(each.value).encode(), each.revision) for key, each in copy.records.items())
    return tuple(entries), copy.revision
