"""One thing that is wrong with the cluster: a value that command line and API render from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from trebol_node.cluster.preflight.finding import Severity

#: The gravest first.
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Finding:
    """`where` is the node, or the way between two, "" the cluster; `measured` what is so, `remedy` what to do."""

    code: str
    severity: Severity
    where: str
    measured: str
    remedy: str = ""

    def to_members(self) -> dict[str, str]:
        """As JSON values."""
        return {**asdict(self), "severity": self.severity.value}

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Self:
        """The inverse. Raises TypeError or ValueError for what is none."""
        return cls(**{**members, "severity": Severity(members["severity"])})


def sorted_by_gravity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first; of the same gravity as they come, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: _RANK[each.severity]))


def has_error(findings: Iterable[Finding]) -> bool:
    """Whether one of them is grave."""
    return any(each.severity is Severity.ERROR for each in findings)
