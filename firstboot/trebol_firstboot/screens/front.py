"""The first page: what the node is, where it is managed, how it is. Live, and for anybody who looks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from trebol_common.i18n import _, counted
from trebol_common.tui.page import Action, Element, Gap, Page, Qr, Rows, Text, Tone
from trebol_firstboot.banner import hardware_words, state_words
from trebol_firstboot.cluster_seen import ClusterSeen, words
from trebol_firstboot.screens.world import RunningTask, Seen

#: Bytes of a fingerprint in a line: beside the QR code of a long URL there are 43 columns.
_PER_LINE = 11
#: Columns of the labels of what the node's state is.
_LABELS = 10
#: Running tasks that are named.
TASKS = 2


def page(seen: Seen | None, *, fingerprint: bool) -> Page:
    """`fingerprint`: whether the QR code is that of the certificate, and not the page's address."""
    actions = [Action("log in", _("Log in"))]
    if seen is not None and seen.certificate:
        actions.append(Action("qr", _("QR code of the address") if fingerprint else _("QR code of the fingerprint")))
    return Page("Trebol", _elements(seen, fingerprint=fingerprint), tuple(actions))


def _elements(seen: Seen | None, *, fingerprint: bool) -> tuple[Element, ...]:
    if seen is None:
        return (Text(_("Looking at the node…")),)
    url = seen.banner.management_url
    if url is None:
        return (
            Text(seen.banner.host, Tone.STRONG),
            Text(_("none yet - waiting for the network"), Tone.WARN),
            Gap(),
            Rows(tuple(_state(seen))),
            *_trouble(seen),
        )
    beside = ("\n".join(_who(seen, url)), "\n".join(f"{label:<{_LABELS}}{text}" for label, text in _state(seen)))
    return (Qr(seen.certificate if fingerprint and seen.certificate else url, beside), *_trouble(seen))


def _trouble(seen: Seen) -> Iterator[Element]:
    if seen.trouble:
        yield Text(seen.trouble, Tone.BAD)
    if seen.banner.first_boot:
        yield Text(f"{_('First boot')}: {seen.banner.first_boot}", Tone.WARN)


def _who(seen: Seen, url: str) -> Iterator[str]:
    yield seen.banner.host
    yield "  ".join(str(ipaddress.ip_interface(address)) for address in seen.banner.addresses)
    yield ""
    yield url
    # The API's own certificate is told by the banner alone.
    shared = bool(seen.certificate) and (seen.banner.certificates.api or "").replace(":", "") == seen.certificate
    if shared and seen.banner.api_url:
        yield f"{seen.banner.api_url} (API)"
    if seen.certificate:
        yield _("SHA-256 of their certificate:") if shared else _("SHA-256 of its certificate:")
        pairs = [seen.certificate[at : at + 2] for at in range(0, len(seen.certificate), 2)]
        for at in range(0, len(pairs), _PER_LINE):
            yield ":".join(pairs[at : at + _PER_LINE])


def _state(seen: Seen) -> Iterator[tuple[str, str]]:
    yield _("State"), state_words(seen.banner)
    yield _("Cluster"), _cluster(seen.cluster)
    if (found := hardware_words(seen.banner.hardware)) is not None:
        yield _("Hardware"), found
    yield _("Tasks"), _tasks(seen.tasks)


def _cluster(cluster: ClusterSeen | None) -> str:
    return _("stands alone") if cluster is None else words(cluster)


def _tasks(tasks: tuple[RunningTask, ...]) -> str:
    if not tasks:
        return _("none running")
    named = ", ".join(" ".join(filter(None, (task.kind, task.about))) for task in tasks[:TASKS])
    more = len(tasks) - TASKS
    return f"{named} {counted('and {count} more', 'and {count} more', more)}" if more > 0 else named
