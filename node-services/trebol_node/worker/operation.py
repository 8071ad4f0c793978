"""What all operations of the worker have in common, and the kinds of values that several take."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr, ValidationError

from trebol_common.errors import BadInput, Problem
from trebol_common.i18n import _

#: Characters of a file that is handed over as text.
TEXT = 64 * 1024

#: In no log and no representation; on the socket it is itself.
Secret = Annotated[SecretStr, PlainSerializer(SecretStr.get_secret_value, return_type=str)]


def _node_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", name, re.ASCII):
        raise ValueError(_("is not a host name such as node7: letters, digits and -, at most 63, no domain"))
    return name


#: A host name without its domain (RFC 1123).
NodeName = Annotated[str, AfterValidator(_node_name)]

#: The node's own addresses, by number of corosync's link, as text: keys of JSON are.
Links = Annotated[
    dict[Annotated[str, Field(pattern=r"\A[0-7]\z")], Annotated[str, Field(max_length=64)]],
    Field(min_length=1, max_length=8),
]


class Operation(BaseModel):
    """What all have in common: no field too many, no value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    name: ClassVar[str]
    #: It only looks: what is asked every few seconds would drown the journal.
    reads: ClassVar[bool] = False

    @classmethod
    def of(cls, **arguments: Any) -> Self:
        """From arguments that nobody checked. Raises BadInput, with every one that is wrong."""
        try:
            return cls.model_validate(arguments)
        except ValidationError as error:
            raise BadInput.of(problems(error)) from None

    def arguments(self) -> dict[str, Any]:
        """What goes over the socket, secrets as they are."""
        return self.model_dump(exclude_none=True)


def problems(error: ValidationError) -> list[Problem]:
    """What is wrong and where, without what was given: it may be a password."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Problem(each["msg"].removeprefix("Value error, "), ".".join(map(str, each["loc"]))) for each in found]
