"""Where a node of a cluster reaches the store: URLs of the voters, its own first.

`/etc/trebol/store-urls.json`, on all members, whether they vote or not; a node without it has its own store alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_node.store.configuration import Configuration, client_url

PATH = Path("/etc/trebol/store-urls.json")


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    urls: tuple[str, ...] = Field(min_length=1)


def urls_of(name: str, voters: Mapping[str, str]) -> tuple[str, ...]:
    """The client URLs for the node `name`; `voters` has the address of link 0 of each voter. Pure.

    A voter asks its own store first. The others follow by name, beginning after its own: so the nodes that do not
    vote do not all ask the same one. Raises BadInput for an address that is none.
    """
    others = [each for each in sorted(voters) if each != name]
    ring = [each for each in others if each > name] + [each for each in others if each < name]
    own = (Configuration(name).client_url,) if name in voters else ()
    return (*own, *(client_url(voters[each]) for each in ring))


def write(urls: Sequence[str], path: Path = PATH) -> None:
    """Say so, in one step. trebold takes it when it starts. Raises OSError."""
    write_text(path, _Stored(urls=tuple(urls)).model_dump_json(indent=1) + "\n")


def read(path: Path = PATH) -> tuple[str, ...]:
    """The URLs, the preferred one first; none where the node is no member. Raises BadInput for a damaged file."""
    try:
        return _Stored.model_validate_json(path.read_bytes()).urls
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        raise BadInput(_("does not say where the store is reached"), where=str(path)) from error
