"""Pydantic's adapters, one of each type: to make one takes as long as to use it a thousand times."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

_Kind = TypeVar("_Kind")


def adapter(kind: type[_Kind]) -> TypeAdapter[_Kind]:
    """That of a type, which checks its values and writes them."""
    key: Any = kind
    return _made(key)


@cache
def _made(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
