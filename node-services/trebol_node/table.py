"""Values of the API as plain text for people: tables for lists, lines for objects. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trebol_common.errors import printable

#: Between columns.
_GAP = "  "


def to_text(value: Any) -> str:
    """A list of objects as a table with a head, an object as a line per member, whatever else as it is."""
    match value:
        case None:
            return ""
        case [{}, *_] if all(isinstance(each, Mapping) for each in value):
            return _table(value)
        case list():
            return "\n".join(map(_cell, value))
        case dict():
            rows = [(name, _cell(each)) for name, each in value.items()]
            return aligned(rows)
        case _:
            return _cell(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return aligned([columns, *[[_cell(row.get(name)) for name in columns] for row in rows]])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines, in columns."""
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(value: Any) -> str:
    """One value in one line."""
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case str():
            return printable(value).replace("\n", "\\n").replace("\t", " ")
        case _:
            return printable(json.dumps(value, ensure_ascii=False))
