"""All figures of a cluster together, as JSON and as text."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby

from trebol_common.i18n import _, counted
from trebol_hardware.checks.finding import Finding
from trebol_hardware.sizing import capacity, ceph, quorum, recovery, resources
from trebol_hardware.sizing.cluster import Cluster, Server
from trebol_hardware.sizing.figure import Figure
from trebol_hardware.sizing.units import show_disk_size, show_memory_size, show_speed
from trebol_hardware.sizing.warnings import warnings

FORMAT = 1

#: Columns of a console, and those that a figure's title may take.
WIDTH = 80
_TITLE = 52


@dataclass(frozen=True)
class Report:
    """What `trebol size` says: `sections` are titles with their figures, `notes` how the input was understood."""

    cluster: Cluster
    sections: tuple[tuple[str, tuple[Figure, ...]], ...]
    warnings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them in order."""
        return tuple(figure for _title, figures in self.sections for figure in figures)

    def to_json(self) -> str:
        """{"format", "cluster", "figures": [...], "warnings": [...], "notes": [...]}; sizes in bytes, times in s."""
        members = {
            "format": FORMAT,
            "cluster": asdict(self.cluster),
            "figures": [figure.to_members() for figure in self.figures],
            "warnings": [finding.to_members() for finding in self.warnings],
            "notes": list(self.notes),
        }
        return json.dumps(members, indent=2, ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """Sections of figures with formula and source, then warnings and notes."""
        return "\n".join(_lines(self))


def report(cluster: Cluster, notes: tuple[str, ...] = ()) -> Report:
    """Reckon everything."""
    return Report(
        cluster,
        (
            (_("Capacity"), tuple(capacity.figures(cluster))),
            (_("Memory and cores for guests"), tuple(resources.figures(cluster))),
            (_("Re-replication"), tuple(recovery.figures(cluster))),
            (_("Journals and placement groups"), tuple(ceph.figures(cluster))),
            (_("Quorum"), tuple(quorum.figures(cluster))),
        ),
        tuple(warnings(cluster)),
        notes,
    )


def _lines(made: Report) -> Iterator[str]:
    cluster = made.cluster
    head = (
        counted("{count} server", "{count} servers", len(cluster.servers)),
        counted("{count} OSD", "{count} OSDs", cluster.osds),
        cluster.redundancy.describe(),
        f"min_size {cluster.redundancy.min_size}",
        counted("{count} monitor", "{count} monitors", cluster.monitors),
    )
    yield from _wrapped(", ".join(head), "", "  ")
    for names, server in _alike(cluster):
        memory = "–" if server.memory is None else show_memory_size(server.memory)
        cores = "–" if server.cores is None else server.cores
        nics = ", ".join(show_speed(speed) for speed in server.nics) or "–"
        size = show_disk_size(server.capacity)
        disks = counted("{count} disk, {size}", "{count} disks, {size}", len(server.disks), size=size)
        line = f"{names}: {disks}; {_('memory')} {memory}; {_('cores')} {cores}; {_('network')} {nics}"
        yield from _wrapped(line, "  ", "    ")
    for title, figures in made.sections:
        yield ""
        yield title
        for figure in figures:
            yield from _figure(figure)
    if made.warnings:
        yield ""
        yield _("Warnings")
        for finding in made.warnings:
            yield from _warning(finding)
    if made.notes:
        yield ""
        for note in made.notes:
            yield from _wrapped(note, "", "  ")


def _alike(cluster: Cluster) -> Iterator[tuple[str, Server]]:
    """Neighbours that differ in nothing but their names, as one."""
    for _server, group in groupby(cluster.servers, key=lambda server: replace(server, name="")):
        alike = list(group)
        first, last = alike[0], alike[-1]
        yield (first.name if first is last else f"{first.name} … {last.name}"), first


def _figure(figure: Figure) -> Iterator[str]:
    """The title with its value in a column of its own, then reason, formula and source, in lines of WIDTH."""
    basis = {"brief": _(" [brief]"), "upstream": _(" [today]"), "": ""}[figure.basis.value]
    *before, last = textwrap.wrap(figure.title + basis, _TITLE, subsequent_indent="  ", break_on_hyphens=False)
    yield from (f"  {line}" for line in before)
    yield f"  {last:<{_TITLE}} {figure.shown}"
    if figure.reason:
        yield from _wrapped(figure.reason, "      ")
    source = f" ({figure.source})" if figure.source else ""
    yield from _wrapped(f"= {figure.formula}{source}", "      ", "        ")


def _warning(finding: Finding) -> Iterator[str]:
    measured = f": {finding.measured}" if finding.measured else ""
    yield from _wrapped(f"{finding.severity.word:<5} {finding.title}{measured}", "  ", "        ")
    yield from _wrapped(finding.reason, "        ")
    yield from _wrapped(f"→ {finding.remedy} ({finding.requirement.source})", "        ", "          ")


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest)
