"""MTUs of links: networkd leaves them as they are where its configuration does not speak of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from trebol_common.run import Runner


def read(runner: Runner) -> dict[str, int]:
    """Bytes by the link's name, links below others first. Raises CommandFailed."""
    shown = json.loads(runner.run(["ip", "-json", "link", "show"]).stdout)
    return {link["ifname"]: link["mtu"] for link in shown}


def restore(runner: Runner, before: Mapping[str, int], say: Callable[[str], None]) -> None:
    """Give links the MTUs that they had, and say where that cannot be done; those that are gone need none."""
    now = read(runner)
    for name, mtu in before.items():
        if now.get(name, mtu) == mtu:
            continue
        done = runner.run(["ip", "link", "set", "dev", name, "mtu", str(mtu)], check=False, on_line=say)
        if done.status:
            say(f"{name} keeps an MTU of {now[name]}: {mtu} is refused")
