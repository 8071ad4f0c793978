"""A node's certificates: those of its own CA while it stands alone, of the cluster's once it is a member."""

from __future__ import annotations

import shutil
from pathlib import Path

from trebol_common.files import write_text
from trebol_node.cluster.here.machine import Here
from trebol_node.keys import names_now
from trebol_node.pki import API, AUTHORITY, FOLDER, is_made_here, prepare

#: Those of before, and those that are not whole yet.
ASIDE = FOLDER.with_name("pki.stand-alone")
FRESH = FOLDER.with_name("pki.new")
#: Those of a cluster that the node has left, until it has its own.
GONE = FOLDER.with_name("pki.gone")


def enter(here: Here, *, key: str, certificate: str) -> None:
    """Have the CA of the cluster, and certificates that it signed; an `api.pem` of somebody's own stays.

    What is there now is put aside. Who has opened it goes on with it until started anew.
    """
    folder, fresh = here.at(FOLDER), here.at(FRESH)
    pair = AUTHORITY.pair(folder)
    if here.at(ASIDE).exists() and pair.certificate.exists() and pair.certificate.read_text("ascii") == certificate:
        return
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o755, parents=True)
    made = AUTHORITY.pair(fresh)
    write_text(made.key, key, mode=0o600)
    write_text(made.certificate, certificate)
    # Cut short between both renames, those of before are aside.
    _keep_foreign(here, folder if folder.exists() else here.at(ASIDE), fresh)
    prepare(names_now(here.root, here.runner), here.runner, folder=fresh, own=here.own)
    here.put_aside(FOLDER, ASIDE)
    fresh.rename(folder)


def leave(here: Here) -> None:
    """The node's own again."""
    here.put_back(FOLDER, ASIDE)
    shutil.rmtree(here.at(FRESH), ignore_errors=True)


def begin_anew(here: Here) -> None:
    """Have a CA of its own once more, as when it was installed; an `api.pem` of somebody's own stays. Those of the
    cluster go: who leaves it keeps no key of it."""
    folder, fresh, gone = here.at(FOLDER), here.at(FRESH), here.at(GONE)
    if not folder.exists() and not gone.exists():
        # It was entering that was cut short between both renames: what is fresh is the cluster's.
        here.put_back(FOLDER, ASIDE)
    # Cut short between both renames, all that is left is the second.
    if folder.exists():
        for path in (fresh, gone):
            shutil.rmtree(path, ignore_errors=True)
        fresh.mkdir(mode=0o755)
        prepare(names_now(here.root, here.runner), here.runner, folder=fresh, own=here.own)
        _keep_foreign(here, folder, fresh)
        folder.rename(gone)
    fresh.rename(folder)
    for path in (gone, here.at(ASIDE)):
        shutil.rmtree(path, ignore_errors=True)


def forget(here: Here) -> None:
    """There is no way back any more."""
    shutil.rmtree(here.at(ASIDE), ignore_errors=True)


def _keep_foreign(here: Here, folder: Path, fresh: Path) -> None:
    """Have somebody's own `api.pem` in the new folder too."""
    if folder.exists() and not is_made_here(folder):
        for path in (API.pair(folder).key, API.pair(folder).certificate):
            shutil.copy2(path, fresh / path.name)
        here.own(API.pair(fresh).key, API.group)
