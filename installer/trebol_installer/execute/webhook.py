"""Telling the webhook of the answers that the node is installed."""

from __future__ import annotations

import json
import os

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_installer import live
from trebol_installer.execute.configure import HOST_KEYS
from trebol_installer.execute.state import Run
from trebol_installer.news import Made, news
from trebol_installer.sources import send
from trebol_installer.steps import GatherNews, TellWebhook

_NEWS = "news"


def gather_news(step: GatherNews, run: Run) -> None:
    """See `GatherNews`."""
    keys = {kind: _text(run, f"/etc/ssh/ssh_host_{kind}_key.pub") for kind in HOST_KEYS}
    made = Made(_text(run, "/etc/debian_version"), _text(run, "/etc/machine-id"), keys)
    members = news(run.machine, run.answers, run.manifest, run.plan.steps, made, os.uname().version)
    run.fetched[_NEWS] = json.dumps(members).encode()


def tell_webhook(step: TellWebhook, run: Run) -> None:
    """See `TellWebhook`."""
    wanted = run.answers.post_installation_webhook
    assert wanted is not None
    members = json.loads(run.fetched[_NEWS])
    if wanted.auth_token is not None:
        members["token"] = wanted.auth_token.get_secret_value()
    live.await_network(run.runner)
    try:
        send(wanted.url.get_secret_value(), members, fingerprint=wanted.cert_fingerprint)
    except TrebolError as error:
        # The node is whole, and nobody is there to have this done again.
        run.context.log(_("the webhook was not told: {reason}").format(reason=error))


def _text(run: Run, path: str) -> str:
    return run.inside(path).read_text(encoding="utf-8").strip()
