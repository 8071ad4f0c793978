"""`[post-installation-webhook]`: who is told of the finished installation; the keys are Proxmox VE's."""

from __future__ import annotations

from typing import Self

from pydantic import SecretStr, model_validator

from trebol_common.answers.section import Section
from trebol_common.answers.values import Fingerprint, Url
from trebol_common.i18n import _


class Webhook(Section):
    """`[post-installation-webhook]`. URL and token are secrets."""

    url: Url
    cert_fingerprint: Fingerprint | None = None
    auth_token: SecretStr | None = None

    @model_validator(mode="after")
    def _can_be_compared(self) -> Self:
        if self.cert_fingerprint is not None and not self.url.get_secret_value().startswith("https://"):
            raise ValueError(_("cert-fingerprint needs an https:// URL"))
        return self
