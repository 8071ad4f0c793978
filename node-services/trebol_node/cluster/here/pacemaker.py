"""pacemaker on this node. Fencing is on from the start (its own default): without devices nothing is recovered."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_node.cluster.diagnosis import crm_mon
from trebol_node.cluster.diagnosis.facts import Pacemaker
from trebol_node.cluster.here.machine import Here

UNIT = "pacemaker.service"
STATE = Path("/var/lib/pacemaker/cib")
#: Of fence devices; see `trebol_node.fencing.secret_files`.
SECRETS = Path("/var/lib/pacemaker/lrm/secrets")
OWNER = "hacluster:haclient"

#: Seconds for which the very first node waits for others before it leads: by default 20, for nodes that boot
#: together. The first of a cluster is alone.
_FIRST = 2

_ONLINE_WITHIN = 60.0


def enter(here: Here, *, first: bool = False) -> None:
    """Start; `first`: of a new cluster."""
    cib = here.at(STATE) / "cib.xml"
    if first and not cib.exists():
        empty = ElementTree.fromstring(here.runner.run(["cibadmin", "--empty"]).stdout)
        options = empty.find("configuration/crm_config")
        assert options is not None, "cibadmin --empty makes a whole one"
        settings = ElementTree.SubElement(options, "cluster_property_set", id="cib-bootstrap-options")
        for name, value in (("dc-deadtime", f"{_FIRST}s"), ("stonith-enabled", "true")):
            ElementTree.SubElement(settings, "nvpair", id=f"trebol-{name}", name=name, value=value)
        write_text(cib, ElementTree.tostring(empty, encoding="unicode"), mode=0o600)
        here.runner.run(["chown", OWNER, cib])
    here.start(UNIT)


def leave(here: Here) -> None:
    """Stop, and forget what the cluster was."""
    here.stop(UNIT)
    for path in here.at(STATE).glob("*"):
        path.unlink()
    shutil.rmtree(here.at(SECRETS), ignore_errors=True)


def await_online(here: Here, name: str) -> None:
    """Wait until the node is one that pacemaker could run something on. Raises TrebolError where it is not."""

    def look() -> str:
        try:
            found = crm_mon.read(here.runner)
        except TrebolError as error:
            return "; ".join(problem.what for problem in error.problems)
        return "" if is_ready(found, name) else f"does not have {name} online"

    here.wait(look, seconds=_ONLINE_WITHIN, where=UNIT)


def is_ready(found: Pacemaker, name: str) -> bool:
    """Whether the node is online and ready, and somebody leads."""
    return found.leads and any(each.name == name and each.online and not each.pending for each in found.nodes)
