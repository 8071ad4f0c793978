"""Which SSH keys root is to have, from those that it has and what somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trebol_common.errors import BadInput, Problem, raise_for
from trebol_common.i18n import _


def changed(keys: Sequence[str], added: Iterable[str], removed: Iterable[str]) -> tuple[str, ...]:
    """`keys` without the `removed` ones, each named by its comment or its line, and with those of the files `added`.

    Raises BadInput where a name is of no key, or of several: nobody loses the wrong one.
    """
    problems, gone = [], set()
    for name in removed:
        found = [key for key in keys if key == name.strip() or key.split()[-1] == name.strip()]
        if len(found) != 1:
            what = _("names {count} keys of root").format(count=len(found))
            problems.append(Problem(what, name, _("give the whole line")))
        gone |= set(found)
    raise_for(problems, BadInput)
    lines = (line.strip() for text in added for line in text.splitlines())
    new = (line for line in lines if line and not line.startswith("#"))
    return tuple(dict.fromkeys((*(key for key in keys if key not in gone), *new)))
