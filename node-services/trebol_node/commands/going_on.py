"""`--resume` and `--abort` of a change of the cluster that was cut off."""

from __future__ import annotations

from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.client import Api
from trebol_node.commands.shown import ANEW, follow

Resume = Annotated[bool, typer.Option("--resume", help="Go on with one that was cut off.")]
Abort = Annotated[bool, typer.Option("--abort", help="Take back one that was cut off.")]


def gone_on(api: Api, kind: str, *, resume: bool, abort: bool, alone: bool) -> bool:
    """Go on with a change of that kind, or take it back, where either is asked for; whether it is. `alone`: nothing
    else was given. Raises BadInput, also where what was cut off is of another kind."""
    if not (resume or abort):
        return False
    if not alone or (resume and abort):
        raise BadInput(_("goes alone"), where="--resume" if resume else "--abort")
    upid = api.create("/cluster/config/go-on", how="resume" if resume else "abort", kind=kind)
    follow(api, upid, silent=ANEW)
    return True
