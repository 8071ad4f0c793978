"""What a check found: a value that command line, installer, banner and API all render from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from trebol_common.i18n import _

#: Columns of the longest word for a severity.
WORD_WIDTH = 7


class Severity(StrEnum):
    """How much a finding matters. UNKNOWN: it could not be found out, and the reason says why."""

    PASS = "pass"
    INFO = "info"
    UNKNOWN = "unknown"
    WARN = "warn"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """0 for PASS up to 4 for FAIL."""
        return list(Severity).index(self)

    @property
    def word(self) -> str:
        """What it is called before a finding, in the user's language; no longer than WORD_WIDTH."""
        return {
            Severity.PASS: _("PASS"),
            Severity.INFO: _("INFO"),
            Severity.UNKNOWN: _("UNKNOWN"),
            Severity.WARN: _("WARN"),
            Severity.FAIL: _("FAIL"),
        }[self]


@dataclass(frozen=True)
class Requirement:
    """What is asked for, in words for people, and who says so (document, man page, the project's brief)."""

    minimum: str = ""
    recommended: str = ""
    source: str = ""

    def localised(self) -> Requirement:
        """The same in the user's language, for requirements that stand in the registry as they are in English."""
        return Requirement(*(text and _(text) for text in (self.minimum, self.recommended, self.source)))


@dataclass(frozen=True)
class Detail:
    """One device's share in a finding: `subject` is its name ("nvme0n1", "eno1", "DIMM_A1")."""

    subject: str
    severity: Severity
    measured: str = ""
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the function of a check returns: a `Finding` without what the registry knows of the check.

    `requirement` is given where it depends on the machine (memory for so many OSDs); else the check's own counts.
    """

    severity: Severity
    measured: str = ""
    reason: str = ""
    remedy: str = ""
    details: tuple[Detail, ...] = ()
    requirement: Requirement | None = None


@dataclass(frozen=True)
class Finding:
    """The outcome of one check on one machine.

    `reason` says why it matters or why it cannot be known, `remedy` what to change, in the words of the machine's own
    firmware menu where that is known. Checks of many devices give the worst of their `details`.
    """

    code: str
    title: str
    severity: Severity
    measured: str = ""
    requirement: Requirement = field(default_factory=Requirement)
    reason: str = ""
    remedy: str = ""
    details: tuple[Detail, ...] = ()
    muted: bool = False

    def to_members(self) -> dict[str, Any]:
        """The JSON form, flat: minimum, recommended and source stand beside the rest."""
        members = asdict(self)
        requirement = members.pop("requirement")
        return {**members, "required": requirement.pop("minimum"), **requirement}

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises KeyError, TypeError or ValueError for what is none of its."""
        given = {each.name: members[each.name] for each in fields(cls) if each.name != "requirement"}
        details = [Detail(**{**each, "severity": Severity(each["severity"])}) for each in given["details"]]
        requirement = Requirement(members["required"], members["recommended"], members["source"])
        severity = Severity(given["severity"])
        return cls(**{**given, "severity": severity, "details": tuple(details), "requirement": requirement})


def worst(severities: Iterable[Severity]) -> Severity:
    """The gravest of several; PASS of none."""
    return max(severities, key=lambda severity: severity.rank, default=Severity.PASS)
