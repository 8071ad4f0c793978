"""corosync's quorum device on this node: it runs while the configuration has one, and is one of the cluster's.

Its certificate says the cluster's name, which QNetd compares, and is made here: every member has the CA.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from trebol_common.files import write_text
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.here.machine import Here
from trebol_node.pki import AUTHORITY, FOLDER, Kind, Names, Pair, nss
from trebol_node.pki.requests import new_key, new_request, sign

UNIT = "corosync-qdevice.service"
#: What the package makes; the database is the program's own place.
BASE = Path("/etc/corosync/qdevice/net")
DATABASE = BASE / "nssdb"
#: What the database was made for, and which configuration the program has been started with.
MARK = BASE / "trebol.json"


def follow(here: Here, totem: Totem) -> None:
    """Run as the configuration that corosync has loaded says: started anew where that says something else."""
    if totem.device is None:
        leave(here)
        return
    authority = here.at(AUTHORITY.pair(FOLDER).certificate)
    made_for = {"cluster": totem.name, "authority": hashlib.sha256(authority.read_bytes()).hexdigest()}
    wanted = {**made_for, "host": totem.device.host, "algorithm": totem.device.algorithm.value}
    before = _mark(here)
    if not here.is_there(DATABASE) or any(before.get(key) != value for key, value in made_for.items()):
        _make_database(here, totem.name)
    if before != wanted or not _is_active(here):
        here.switch("enable", UNIT)
        here.runner.run(["systemctl", "restart", UNIT])
        write_text(here.at(MARK), json.dumps(wanted) + "\n")


def leave(here: Here) -> None:
    """Stop, and have no key of the cluster's."""
    if here.is_there(MARK) or here.is_there(DATABASE):
        here.stop(UNIT)
        shutil.rmtree(here.at(DATABASE), ignore_errors=True)
        here.at(MARK).unlink(missing_ok=True)


def _mark(here: Here) -> dict[str, str]:
    path = here.at(MARK)
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def _is_active(here: Here) -> bool:
    return here.runner.run(["systemctl", "is-active", "--quiet", UNIT], check=False).status == 0


def _make_database(here: Here, cluster: str) -> None:
    kind, folder = Kind("qdevice", "root", ("clientAuth",), common_name=cluster), here.at(FOLDER)
    with tempfile.TemporaryDirectory(prefix="trebol-qdevice.") as name:
        pair = Pair(Path(name) / "key", Path(name) / "certificate")
        new_key(pair.key, here.runner, own=here.own)
        request = new_request(pair.key, here.runner)
        write_text(pair.certificate, sign(request, kind, Names(here.name, (), ()), here.runner, folder=folder))
        authority = AUTHORITY.pair(folder).certificate
        nss.make(here.at(DATABASE), nss.DEVICE, pair, authority, here.runner, group="root", own=here.own)
