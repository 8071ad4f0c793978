"""Facts travel between nodes as JSON; what comes back is what was sent, or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, ValidationError

from trebol_common.adapters import adapter
from trebol_common.errors import BadInput


class Record:
    """A frozen dataclass with a JSON form. Unknown members and other types than the declared ones are errors."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    def to_members(self) -> dict[str, Any]:
        """The JSON form as plain values."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    def to_json(self) -> str:
        """On one line."""
        return json.dumps(self.to_members(), separators=(",", ":"))

    @classmethod
    def of_members(cls, members: Mapping[str, Any], *, where: str = "facts") -> Self:
        """The inverse of `to_members`. Raises BadInput as `of_json` does."""
        return cls.of_json(json.dumps(members), where=where)

    @classmethod
    def of_json(cls, text: str | bytes, *, where: str = "facts") -> Self:
        """The inverse of `to_json`. Raises BadInput naming the member that is wrong."""
        try:
            found: Self = adapter(cls).validate_json(text)
            return found
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise BadInput(str(first["msg"]), where=f"{where}: {place}" if place else where) from error
