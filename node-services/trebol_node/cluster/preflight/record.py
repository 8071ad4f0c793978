"""Facts travel between nodes as JSON; what comes back is what was sent, or an error. Between programs of one version
on one machine they travel as they are, and nobody loads what checks them."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Self

from trebol_common.errors import BadInput

if TYPE_CHECKING:
    from pydantic import ConfigDict


class Record:
    """A frozen dataclass with a JSON form. Unknown members and other types than the declared ones are errors."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid", "strict": True}

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
        from pydantic import ValidationError

        from trebol_common.adapters import adapter

        try:
            found: Self = adapter(cls).validate_json(text)
            return found
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise BadInput(str(first["msg"]), where=f"{where}: {place}" if place else where) from error

    def hand_over(self) -> str:
        """As it is, on one line, for a program that was started for it."""
        return base64.b64encode(pickle.dumps(self)).decode("ascii")

    @classmethod
    def handed_over(cls, text: str) -> Self:
        """The inverse of `hand_over`, of what the own parent wrote alone: it may be any code. Raises BadInput."""
        try:
            found = pickle.loads(base64.b64decode(text.strip(), validate=True))
        # What pickle raises of text that is none, says its documentation, is not only its own error.
        except (
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ImportError,
            EOFError,
            pickle.PickleError,
        ) as error:
            raise BadInput("is no question of this version", where="stdin") from error
        if not isinstance(found, cls):
            raise BadInput(f"is no {cls.__name__}", where="stdin")
        return found
