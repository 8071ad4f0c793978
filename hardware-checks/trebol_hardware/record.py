"""Reading recorded dataclasses back from JSON, strictly: a record may have been edited, or damaged, by anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

#: Largest count of anything, bytes of a disk included: what the kernel itself can count.
LARGEST = 2**63 - 1


def read_record(kind: Any, value: object, place: str) -> Any:
    """`value`, as json.loads made it, as a `kind`: a dataclass, a tuple of one kind, a mapping, a StrEnum, str, int,
    bool, or one of them or None. What a record lacks has its default.

    Raises ValueError naming the `place` inside the record; numbers below zero or above LARGEST are errors too.
    """
    origin = get_origin(kind)
    if origin is UnionType:
        (inner,) = (member for member in get_args(kind) if member is not type(None))
        return None if value is None else read_record(inner, value, place)
    if origin is tuple:
        items = _require(list, value, place, "a list")
        return tuple(read_record(get_args(kind)[0], item, f"{place}[{index}]") for index, item in enumerate(items))
    if origin is Mapping:
        table = _require(dict, value, place, "a table")
        return {
            _require_text(key, place): read_record(get_args(kind)[1], item, f"{place}.{key}")
            for key, item in table.items()
        }
    if is_dataclass(kind):
        return _read_dataclass(kind, _require(dict, value, place, "a table"), place)
    if issubclass(kind, StrEnum):
        known = [member.value for member in kind]
        if value not in known:
            raise ValueError(f"{place} is none of {', '.join(known)}")
        return kind(value)
    if kind is int and type(value) is int and not 0 <= value <= LARGEST:
        raise ValueError(f"{place} is out of range")
    if kind is str:
        return _require_text(value, place)
    return _require(kind, value, place, {int: "a whole number", bool: "true or false"}[kind])


def _read_dataclass(kind: Any, members: dict[str, Any], place: str) -> Any:
    hints = get_type_hints(kind)
    if unknown := sorted(members.keys() - hints.keys()):
        raise ValueError(f"{place} has a member {unknown[0]!r} that is unknown")
    for field in fields(kind):
        if field.default is MISSING and field.default_factory is MISSING and field.name not in members:
            raise ValueError(f"{place} lacks {field.name}")
    return kind(**{name: read_record(hints[name], value, f"{place}.{name}") for name, value in members.items()})


def _require_text(value: object, place: str) -> Any:
    text = _require(str, value, place, "text")
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON can write halves of characters ("\ud800"), which neither files nor terminals take.
        raise ValueError(f"{ascii(place)[1:-1]} has half a character") from None
    return text


def _require(kind: type, value: object, place: str, name: str) -> Any:
    # Not isinstance: a bool is an int to it.
    if type(value) is not kind:
        raise ValueError(f"{place} is not {name}")
    return value
