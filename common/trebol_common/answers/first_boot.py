"""`[first-boot]`: what the node does by itself when it first boots (docs/first-boot.md).

`source`, `ordering`, `url` and `cert-fingerprint` are Proxmox VE's; the others are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Self

from pydantic import StrictBool, model_validator

from trebol_common.answers.section import Section
from trebol_common.answers.values import Fingerprint, TimeServer, Url
from trebol_common.first_boot import Stage
from trebol_common.i18n import _


class FirstBootSource(StrEnum):
    """Where the executable comes from."""

    ISO = "from-iso"
    URL = "from-url"


class FirstBoot(Section):
    """`[first-boot]`. The URL is a secret: it may hold a token."""

    source: FirstBootSource | None = None
    ordering: Stage | None = None
    url: Url | None = None
    cert_fingerprint: Fingerprint | None = None
    time_servers: tuple[TimeServer, ...] = ()
    updates: StrictBool = False
    reboot: StrictBool = False

    @property
    def stage(self) -> Stage | None:
        """When the executable runs; None where there is none."""
        return None if self.source is None else self.ordering or Stage.FULLY_UP

    @model_validator(mode="after")
    def _fits_source(self) -> Self:
        if problems := list(self._contradictions()):
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        if self.source is FirstBootSource.URL:
            if self.url is None:
                yield _('source = "from-url" also needs {keys}').format(keys="url")
            elif self.cert_fingerprint is not None and not self.url.get_secret_value().startswith("https://"):
                yield _("cert-fingerprint needs an https:// URL")
        else:
            given = {"url": self.url, "cert-fingerprint": self.cert_fingerprint}
            if keys := [key for key, value in given.items() if value is not None]:
                yield _('{keys}: only with source = "from-url"').format(keys=", ".join(keys))
        if self.source is None:
            if self.ordering is not None:
                yield _("ordering: only with source")
            if not (self.time_servers or self.updates or self.reboot):
                yield _("asks for nothing")
