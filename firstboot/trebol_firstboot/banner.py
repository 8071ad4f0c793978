"""The banner that stands above the login prompt of a node's consoles. Pure: values in, text out.

agetty(8) reads it as an issue file: a backslash starts an escape there, so those in values are doubled. ASCII and
Latin-1 letters only, no box drawing: a serial console may be anything.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from trebol_common.i18n import _
from trebol_common.network import API_PORT
from trebol_firstboot.cluster_seen import ClusterSeen, words
from trebol_hardware.checks.finding import Severity
from trebol_node.cockpit import Certificates
from trebol_node.hardware import Hardware
from trebol_node.status import Status, management_url

#: Columns of a console.
WIDTH = 80
_LABEL = 14

_UNKNOWN = Certificates()


@dataclass(frozen=True)
class Banner:
    """What the banner shows."""

    host: str
    addresses: tuple[str, ...]
    management_url: str | None
    fingerprint: str | None
    state: str
    failed_units: tuple[str, ...]
    version: str
    hardware: Hardware | None = None
    api_url: str | None = None
    certificates: Certificates = _UNKNOWN
    first_boot: str | None = None
    cluster: ClusterSeen | None = None

    def to_json(self) -> str:
        """Indented JSON, one member per field."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)


def banner(
    status: Status,
    fingerprint: str | None,
    certificates: Certificates = _UNKNOWN,
    *,
    first_boot: str | None = None,
    cluster: ClusterSeen | None = None,
) -> Banner:
    """The banner of a node with this status; `fingerprint` is that of its SSH host key ("SHA256:…"), `certificates`
    are those of its pages, `first_boot` is what there is to say of what the node does by itself
    (`trebol_firstboot.unattended.status.line`), `cluster` the one that it is in.
    """
    return Banner(
        host=status.host,
        addresses=status.addresses,
        management_url=status.management_url,
        fingerprint=fingerprint,
        state=status.state,
        failed_units=status.failed_units,
        version=status.version,
        hardware=status.hardware,
        api_url=management_url(status.addresses, API_PORT),
        certificates=certificates,
        first_boot=first_boot,
        cluster=cluster,
    )


def render(banner: Banner) -> str:
    """The text: lines of at most 80 columns, an empty one before and after."""
    rule = "-" * (WIDTH - 1)
    rows = [
        (_("Host"), (banner.host,)),
        (_("Addresses"), banner.addresses or (_("none yet - waiting for the network"),)),
        *_pages(banner),
        (_("SSH host key"), (banner.fingerprint or _("not made yet"),)),
        (_("State"), (state_words(banner),)),
    ]
    if banner.cluster is not None:
        rows.append((_("Cluster"), (words(banner.cluster),)))
    if (found := hardware_words(banner.hardware)) is not None:
        rows.append((_("Hardware"), (found,)))
    if banner.first_boot is not None:
        rows.append((_("First boot"), (banner.first_boot,)))
    lines = ["", rule, f" Trebol {banner.version}", rule]
    for label, values in rows:
        lines += _row(label, values)
    return "\n".join([*map(_safe, lines), rule, ""]) + "\n"


def _pages(banner: Banner) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Where the node is managed and called, and the certificate that both show, or each its own."""
    management, api = banner.certificates.management, banner.certificates.api
    yield _("Management"), (banner.management_url or _("not reachable without an address"),)
    if management and management != api:
        yield _("Certificate"), _halves(management)
    if banner.api_url:
        yield "API", (banner.api_url,)
    if api:
        yield _("Certificate"), _halves(api)


def _halves(fingerprint: str) -> tuple[str, ...]:
    """A certificate's SHA-256 in two lines."""
    pairs = fingerprint.split(":")
    middle = len(pairs) // 2
    return f"SHA-256 {':'.join(pairs[:middle])}:", ":".join(pairs[middle:])


def _row(label: str, values: Iterable[str]) -> list[str]:
    """Label and values, one below the other; what does not fit goes on in the next line."""
    wrapped = [part for value in values for part in textwrap.wrap(value, WIDTH - 1 - _LABEL) or [""]]
    return [f" {label if index == 0 else '':<{_LABEL - 1}}{part}" for index, part in enumerate(wrapped)]


def state_words(banner: Banner) -> str:
    """How the node is, in words."""
    told = {
        "running": _("running"),
        "starting": _("starting"),
        "initializing": _("starting"),
        "degraded": _("running, but these units failed: {units}").format(units=", ".join(banner.failed_units)),
        "maintenance": _("maintenance mode"),
        "stopping": _("shutting down"),
        "unknown": _("unknown"),
    }
    return told.get(banner.state, banner.state)


def hardware_words(found: Hardware | None) -> str | None:
    """The gravest finding, where it is one to do something about. How many more there are is not told: the text shall
    change no oftener than it has to, because prompts are redrawn."""
    if found is None:
        return None
    match found.severity:
        case Severity.FAIL:
            return _("failed: {title} - see: trebol check").format(title=found.title)
        case Severity.WARN:
            return _("warning: {title} - see: trebol check").format(title=found.title)
        case _:
            return None


def _safe(line: str) -> str:
    """Printable, and without escapes for agetty: names come from DHCP servers too."""
    return "".join(character if character.isprintable() else "?" for character in line).replace("\\", "\\\\")
