"""The MTU of the interface that has an address."""

from __future__ import annotations

import json

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner


def interface_mtu(address: str, runner: Runner) -> int:
    """In bytes, by ip(8). Raises TrebolError where no interface has the address."""
    bare = address.partition("%")[0]
    shown = runner.run(["ip", "-json", "address", "show", "to", bare]).stdout
    # ip prints an empty table for each interface that its filter leaves out.
    try:
        found = [int(interface["mtu"]) for interface in json.loads(shown or "[]") if "mtu" in interface]
    except (ValueError, TypeError, RecursionError) as error:
        raise TrebolError(_("its report is not JSON: {error}").format(error=error), where="ip") from error
    if not found:
        raise TrebolError(_("no interface has this address"), where=bare, hint="ip address")
    return min(found)
