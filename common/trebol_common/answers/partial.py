"""Answer files that leave something to be asked: `[interactive]` names the tables and keys that screens ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trebol_common.answers.parse import KeyProblem, check_members, load_members
from trebol_common.errors import BadInput
from trebol_common.i18n import _

#: The table of an answer file that says what is left to ask, and the tables that screens ask for.
TABLE = "interactive"
ASKABLE = ("global", "network", "disk-setup", "cluster")


@dataclass(frozen=True)
class Partial:
    """`members` are the tables that are known, `asked` the tables and keys that are not."""

    members: Mapping[str, Any]
    asked: tuple[str, ...]

    def problems(self) -> tuple[KeyProblem, ...]:
        """What is wrong with what is known. Rules about several keys of a table count once all of it is right."""
        _answers, wrong = check_members(self.members)
        return tuple(problem for problem in wrong if problem.key and not self._is_asked(problem))

    def _is_asked(self, problem: KeyProblem) -> bool:
        """Whether a screen puts it right: what is not there yet, or does not fit together; a wrong value is wrong."""
        is_table = isinstance(self.members.get(problem.key), Mapping)
        return self.asks_for(problem.key) and (problem.absent or (problem.key in ASKABLE and is_table))

    def asks_for(self, *keys: str) -> bool:
        """Whether one of these keys, or the table of one, or a key below one, is to be asked for."""
        return any(is_below(key, asked) or is_below(asked, key) for key in keys for asked in self.asked)


def is_below(key: str, table: str) -> bool:
    """Whether a key is this table, or in it."""
    return key == table or key.startswith(f"{table}.")


def partial(text: str, where: str) -> Partial | None:
    """What an answer file knows and what it leaves to be asked; None where it leaves nothing.

    Raises BadInput where it is no TOML, or where what it wants asked is nothing that screens ask for.
    """
    members = load_members(text, where)
    return read(members, where) if TABLE in members else None


def read(members: Mapping[str, Any], where: str) -> Partial:
    """The same of tables with `[interactive]` among them."""
    table = members[TABLE]
    asked = table.get("ask") if isinstance(table, Mapping) and table.keys() == {"ask"} else None
    if not isinstance(asked, list) or not asked or not all(isinstance(key, str) for key in asked):
        wrong = _('needs ask = ["…"], a list of tables and keys, and nothing else')
        raise BadInput(wrong, where=f"{where}: {TABLE}")
    for key in asked:
        if key.partition(".")[0] not in ASKABLE:
            wrong = _("{key!r} is nothing that a screen asks for").format(key=key)
            hint = _("tables: {tables}").format(tables=", ".join(ASKABLE))
            raise BadInput(wrong, where=f"{where}: {TABLE}.ask", hint=hint)
    return Partial({name: value for name, value in members.items() if name != TABLE}, tuple(asked))
