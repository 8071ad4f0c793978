"""What a check before a join says: a value that task log, command line and API all render from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from trebol_node.cluster.preflight.facts import Facts
from trebol_node.cluster.preflight.record import Record


class Severity(StrEnum):
    """ERROR stops the join."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding(Record):
    """One thing that is wrong. `where` is the host or the way, `what` has the measured figures, `hint` is what to do;
    `hosts` are the names of those concerned. `forceable`: an error of this code may be forced."""

    code: str
    severity: Severity
    where: str
    what: str
    hint: str = ""
    hosts: tuple[str, ...] = ()
    forceable: bool = True


@dataclass(frozen=True)
class Says:
    """What the function of a check yields: a `Finding` without what the registry knows. `severity` None: the
    check's own."""

    where: str
    what: str
    hint: str = ""
    hosts: tuple[str, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True)
class Check:
    """One thing to look at. `severity` is the gravest that it gives; `description` says what it looks at, and why.

    `look` is a pure function and never raises; what is not known is `not-measured` or nothing.
    """

    code: str
    severity: Severity
    look: Callable[[Facts], Iterator[Says]]
    description: str
    forceable: bool = True

    def __call__(self, facts: Facts) -> Iterator[Finding]:
        """What it finds."""
        for says in self.look(facts):
            yield Finding(
                code=self.code,
                severity=says.severity or self.severity,
                where=says.where,
                what=says.what,
                hint=says.hint,
                hosts=says.hosts,
                forceable=self.forceable,
            )
