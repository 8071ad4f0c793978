"""Certificates for a key that is elsewhere: requests, and what the CA makes of them, by the `openssl` program.

Of a request the key counts and nothing else: subject, usages and names are those that the signer gives.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_common.run import CommandFailed, Runner
from trebol_node.pki.certificates import AUTHORITY, FOLDER, Kind, Own, give, render_settings, settle, sign_command
from trebol_node.pki.names import Names


def new_key(path: Path, runner: Runner, *, mode: int = 0o600, group: str = "root", own: Own = give) -> None:
    """Make a key (P-256) that only root reads, and `group` with another mode; one that is there stays."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new.") as name:
        fresh = Path(name) / "key"
        runner.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", fresh])
        settle(fresh, path, mode, group, own)


def new_request(key: Path, runner: Runner) -> str:
    """A request (PEM) for that key."""
    return runner.run(["openssl", "req", "-new", "-key", key, "-subj", "/O=Trebol/CN=request"]).stdout


def sign(request: str, kind: Kind, names: Names, runner: Runner, *, folder: Path = FOLDER) -> str:
    """The certificate (PEM) of `kind` that the CA in `folder` makes for the key of a request.

    Raises BadInput for what is no request, and where the CA's key is not there.
    """
    authority = AUTHORITY.pair(folder)
    if not authority.key.exists():
        raise BadInput("was taken away, and is needed to sign", where=str(authority.key), hint="put it back")
    with tempfile.TemporaryDirectory(prefix="trebol-sign.") as name:
        work = Path(name)
        settings, asked, made = work / "openssl.cnf", work / "request", work / "certificate"
        write_text(settings, render_settings(kind, names, work), mode=0o600)
        write_text(work / "index.txt", "")
        write_text(asked, request)
        subject = f"/O=Trebol/CN={kind.common_name or names.host}"
        try:
            runner.run(["openssl", "req", "-in", asked, "-noout", "-verify"])
        except CommandFailed as error:
            raise BadInput("is no request for a certificate", where="request") from error
        runner.run([*sign_command(kind, folder, settings, asked, made), "-subj", subject])
        return made.read_text("ascii")
