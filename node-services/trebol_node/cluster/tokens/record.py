"""What the store keeps of a token, at `cluster/tokens/ID`: never its secret.

Fields that a later version of Trebol added stay when this one writes the record: nodes of a cluster are upgraded one
by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trebol_node.cluster.tokens.proof import hash_secret as hash_secret

FOLDER = "cluster/tokens/"

#: Seconds since 1970.
Seconds = Annotated[int, Field(ge=0)]

#: 32 bytes in hexadecimal.
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")

    def value(self) -> dict[str, Any]:
        """The JSON value of it; what is as by default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Use(_Stored):
    """Who used it: `machine` is the machine-id(5)."""

    machine: str
    node: str
    when: Seconds


class TokenRecord(_Stored):
    """`hash` is the SHA-256 of the secret; `made_by` the member that made it, at `when`; `agreed`: not printed, but
    agreed beforehand. `ended`: the join is over that it was for, which nothing follows."""

    hash: Digest = Field(repr=False)
    end: Seconds
    when: Seconds
    made_by: str
    node: str | None = None
    agreed: bool = False
    used_by: Use | None = None
    ended: bool = False

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self | None:
        """From the store's value; None for what is no such record: it lets nobody in."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            return None

    @property
    def lifetime(self) -> int:
        """For how many seconds it was meant to be good."""
        return self.end - self.when

    def is_over(self, now: int) -> bool:
        """Whether it lets no machine in any more that has not begun with it."""
        return self.ended or (self.used_by is None and self.end <= now)


def key_of(ident: str) -> str:
    """The key of a token's record."""
    return FOLDER + ident
