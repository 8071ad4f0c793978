"""`trebol-witness`: its command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import IO

from trebol_common.errors import Refused, TrebolError, of_system, printable
from trebol_common.i18n import _
from trebol_node.cluster.here.machine import Here
from trebol_node.witness import storing
from trebol_node.witness.joining import Witnessing
from trebol_node.witness.places import QUORUM_UNIT, Settings


def parser() -> argparse.ArgumentParser:
    """What can be typed."""
    made = argparse.ArgumentParser(
        "trebol-witness",
        description=_("The third vote of a Trebol cluster of two nodes, on this machine."),
        epilog=_("Example: trebol-witness join trebol1-AbC…"),
    )
    commands = made.add_subparsers(dest="command", required=True, metavar=_("COMMAND"))
    join = commands.add_parser(
        "join",
        help=_("be the witness of the cluster of a token"),
        description=_("Be the witness of the cluster of a token."),
        epilog=_("Example: trebol-witness join trebol1-AbC…"),
    )
    join.add_argument("token", metavar="TOKEN", help=_("what `trebol cluster witness add` printed; -: of stdin"))
    leave = commands.add_parser(
        "leave",
        help=_("be no witness any more"),
        description=_("Be no witness any more: the cluster does without this machine's vote first."),
        epilog=_("Example: trebol-witness leave"),
    )
    leave.add_argument("--forced", action="store_true", help=_("ask nobody: the cluster knows it no more"))
    # For trebol-witness.service.
    commands.add_parser("keep")
    status = commands.add_parser(
        "status",
        help=_("show whose witness this machine is"),
        description=_("Show whose witness this machine is. Exit status 1: it is one, and does not run."),
        epilog=_("Example: trebol-witness status --json"),
    )
    status.add_argument("--json", action="store_true", dest="as_json", help=_("as JSON"))
    return made


def run(given: argparse.Namespace, here: Here) -> int:
    """The exit status. Raises TrebolError."""
    if given.command == "status":
        return _status(here, as_json=given.as_json)
    if os.geteuid():
        raise Refused(_("has to be root"), where="trebol-witness", hint="sudo trebol-witness …")
    witnessing = Witnessing(here, lambda text: _say(text, sys.stderr))
    if given.command == "keep":
        return _keep(witnessing)
    if given.command == "leave":
        witnessing.leave(forced=given.forced)
        return 0
    text = sys.stdin.read() if given.token == "-" else given.token
    settings = witnessing.join(text)
    _say(_("this machine is the witness of the cluster {name}").format(name=settings.cluster))
    return 0


def _keep(witnessing: Witnessing) -> int:
    """Follow the store's list for ever, or until the cluster wants this witness no more."""
    if storing.keep(witnessing.here, witnessing.say):
        witnessing.say("the cluster has removed this witness")
        settings = Settings.read(witnessing.here.root)
        if settings is not None:
            witnessing.end(settings)
    return 0


def _status(here: Here, *, as_json: bool) -> int:
    settings = Settings.read(here.root)
    active = here.runner.run(["systemctl", "is-active", "--quiet", QUORUM_UNIT], check=False).status == 0
    if as_json:
        told = (
            None if settings is None else {"cluster": settings.cluster, "address": settings.address, "runs": active}
        )
        _say(json.dumps(told, indent=1))
    elif settings is None:
        _say(_("this machine is no cluster's witness"))
    else:
        state = _("runs") if active else _("does not run")
        name = printable(settings.cluster)
        _say(
            _("witness of the cluster {name} at {address}: {state}").format(
                name=name, address=settings.address, state=state
            )
        )
    return 0 if settings is None or active else 1


def _say(text: str, stream: IO[str] | None = None) -> None:
    (stream or sys.stdout).write(f"{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    given = parser().parse_args(arguments)
    try:
        return run(given, Here())
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        sys.stderr.write(f"trebol-witness: {told}\n")
        return told.exit_status
