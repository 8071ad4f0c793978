"""What every table of an answer file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


#: How names of a union's branches begin in pydantic's locations of errors; `parse` leaves them out.
BRANCH = "="


class Section(BaseModel):
    """A table of the answer file: frozen, unknown keys rejected, kebab-case with snake_case as alias."""

    # Validators are built once, for the whole file, when the first one is read. Pydantic's own text of an error ends
    # up in tracebacks (`--debug`): it must not repeat a secret.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=_kebab,
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,
    )
