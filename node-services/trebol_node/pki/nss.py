"""A certificate database as corosync's quorum device and its daemon have it (NSS: certutil(1), pk12util(1)).

It has no password: who may read its files may use its key.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from trebol_common.run import Runner
from trebol_node.pki.certificates import Own, Pair

#: Under these names they look for their own certificate (corosync-qdevice(8), corosync-qnetd(8)).
DEVICE, DAEMON = "Cluster Cert", "QNetd Cert"
_AUTHORITY = "Trebol CA"

#: The CA that signed may vouch for both sides.
_TRUST = "CT,c,c"


def make(folder: Path, nickname: str, pair: Pair, authority: Path, runner: Runner, *, group: str, own: Own) -> None:
    """Make the database in `folder` anew, with one key and its certificate, and the CA; `group` may read it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new.") as name:
        fresh, bundle = Path(name) / "db", Path(name) / "bundle"
        fresh.mkdir(mode=0o750)
        where = f"sql:{fresh}"
        runner.run(["certutil", "-N", "-d", where, "--empty-password"])
        runner.run(["certutil", "-A", "-d", where, "-n", _AUTHORITY, "-t", _TRUST, "-a", "-i", authority])
        runner.run(
            [
                *("openssl", "pkcs12", "-export", "-inkey", pair.key, "-in", pair.certificate),
                *("-name", nickname, "-passout", "pass:", "-out", bundle),
            ]
        )
        runner.run(["pk12util", "-i", bundle, "-d", where, "-W", "", "-K", ""])
        for path in (fresh, *fresh.iterdir()):
            own(path, group)
            path.chmod(0o750 if path == fresh else 0o640)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
