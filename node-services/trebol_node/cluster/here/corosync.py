"""corosync on this node: its key, its configuration, itself."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.files import write_bytes, write_text
from trebol_node.cluster.corosync.check import check
from trebol_node.cluster.corosync.configuration import PATH
from trebol_node.cluster.corosync.status import read
from trebol_node.cluster.here import qdevice
from trebol_node.cluster.here.machine import Here

UNIT = "corosync.service"
AUTHKEY = Path("/etc/corosync/authkey")
#: What was there before: Debian's own, which makes no cluster.
ASIDE = PATH.with_name("corosync.conf.stand-alone")

#: Seconds until a node that starts sees the others: the token is lost once, and once a membership is formed.
_SEEN_WITHIN = 30.0


def enter(here: Here, text: str, key: bytes | None = None) -> None:
    """Start with that configuration; `key` is the cluster's, None makes one. Raises BadInput in corosync's words."""
    here.put_aside(PATH, ASIDE)
    path = here.at(AUTHKEY)
    if key is not None:
        write_bytes(path, key, mode=0o400)
    elif not path.exists():
        here.runner.run(["corosync-keygen", "-l", "-k", path])
    check(text, here.runner)
    write_text(here.at(PATH), text, mode=0o644)
    here.start(UNIT)


def leave(here: Here) -> None:
    """Stop, and be as before it entered."""
    qdevice.leave(here)
    here.stop(UNIT)
    here.put_back(PATH, ASIDE)
    here.at(AUTHKEY).unlink(missing_ok=True)
    # What it remembers of rings; the folder is the package's.
    for path in here.at(Path("/var/lib/corosync")).glob("*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def await_members(here: Here, names: Collection[str]) -> None:
    """Wait until it is quorate with the nodes `names`. Raises TrebolError where it is not."""

    def look() -> str:
        try:
            found = read(here.runner)
        except TrebolError as error:
            return error.problems[0].what
        missing = sorted(set(names) - {each.name for each in found.members if each.joined})
        if missing:
            return f"does not see {', '.join(missing)}"
        return "" if found.quorate else "has no quorum"

    here.wait(look, seconds=_SEEN_WITHIN, where=UNIT)
