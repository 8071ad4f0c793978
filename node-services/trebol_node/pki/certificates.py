"""The node's own CA and what it signs, made by the `openssl` program: what is not there yet, and nothing else.

On disk, below `FOLDER` (or another)::

    ca.key       the CA's key, root's alone           ca.pem       its certificate
    api.key      for trebold                          api.pem      what clients see on port 8006
    store.key    for etcd                             store.pem    server, and etcd's JSON gateway as its own client
    client.key   for trebold, and root's commands     client.pem   with which the store lets in
    made.json    {"AB:CD:…": ["DNS:node1", …]}: each api.pem that was made here, by its fingerprint

Whoever replaces api.key and api.pem by their own, or takes ca.key to a safe place, is not undone. An api.pem of
`made.json`, and no other, is made again (`renew`) when the node has names or addresses that it does not speak for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput, TrebolError
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.run import Argument, Runner
from trebol_node.pki.names import Names

FOLDER = Path("/etc/trebol/pki")

#: Valid from long before any clock to the last year that ASN.1's UTCTime can tell: a first boot with a dead battery
#: must not make certificates that are refused as soon as the clock is set.
_START, _END = "20000101000000Z", "20491231235959Z"

_RECORD = "made.json"

#: Gives a file, by its path, to root and to the group of that name.
Own = Callable[[Path, str], None]


@dataclass(frozen=True)
class Kind:
    """One certificate: its files' name, the group that may read its key, what it is good for (none: the CA)."""

    name: str
    group: str
    usages: tuple[str, ...] = ()
    common_name: str = ""

    def pair(self, folder: Path = FOLDER) -> Pair:
        """Where it lies."""
        return Pair(folder / f"{self.name}.key", folder / f"{self.name}.pem")


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: Path
    certificate: Path


AUTHORITY = Kind("ca", "root")
API = Kind("api", "trebol", ("serverAuth",))
#: etcd calls itself for its JSON gateway, and its peers, by the certificate that it serves with.
STORE = Kind("store", "etcd", ("serverAuth", "clientAuth"))
CLIENT = Kind("client", "trebol", ("clientAuth",), common_name="trebold")
SIGNED = (API, STORE, CLIENT)


def give(path: Path, group: str) -> None:
    """See `Own`; raises TrebolError where there is no such group."""
    try:
        shutil.chown(path, "root", group)
    except LookupError as error:
        raise TrebolError(
            _("there is no group {group}").format(group=group), where=str(path), hint="systemd-sysusers"
        ) from error


def prepare(names: Names, runner: Runner, *, folder: Path = FOLDER, own: Own = give) -> tuple[Path, ...]:
    """Make what is not there yet; what was made. A power cut in between leaves what the next run goes on from.

    Raises BadInput where a certificate is there and its key, or the CA that has to sign, is not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check(folder)
    made: list[Path] = []
    for kind in (AUTHORITY, *SIGNED):
        if not kind.pair(folder).certificate.exists():
            made += _make(kind, names, folder, runner, own)
    return tuple(made)


def renew(names: Names, runner: Runner, *, folder: Path = FOLDER, own: Own = give) -> bool:
    """Make the API's certificate anew, on its key, where it was made here and lacks any of `names`; whether it was.

    What is left of names that are gone does not count: nobody's trust in a certificate ends for a cable that is out.
    Raises BadInput where the CA's key is not there to sign.
    """
    pair = API.pair(folder)
    spoken = _made(folder).get(fingerprint(pair.certificate)) if pair.certificate.exists() else None
    if spoken is None or set(names.alternatives()) <= set(spoken):
        return False
    if not AUTHORITY.pair(folder).key.exists():
        raise BadInput(
            _("is needed to sign {path}").format(path=pair.certificate), where=str(AUTHORITY.pair(folder).key)
        )
    _make(API, names, folder, runner, own)
    return True


def is_made_here(folder: Path = FOLDER) -> bool:
    """Whether the certificate of the API was made here, and is not somebody's own; or is missing."""
    certificate = API.pair(folder).certificate
    return not certificate.exists() or fingerprint(certificate) in _made(folder)


def remake_store(names: Names, runner: Runner, *, folder: Path = FOLDER, own: Own = give) -> None:
    """Make the store's certificate anew, on its key: for addresses that came after it."""
    _make(STORE, names, folder, runner, own)


def _made(folder: Path) -> dict[str, list[str]]:
    """What each certificate of the API that was made here speaks for, by its fingerprint."""
    path = folder / _RECORD
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _remember(names: Names, folder: Path, fresh: Path) -> None:
    """Before it has its name: were the power cut now, the one that is there would still be known as made here."""
    current = API.pair(folder).certificate
    there = {fingerprint(current)} if current.exists() else set()
    known = {each: spoken for each, spoken in _made(folder).items() if each in there}
    write_text(folder / _RECORD, json.dumps({**known, fingerprint(fresh): names.alternatives()}, indent=1) + "\n")


def _check(folder: Path) -> None:
    """Raise BadInput for what must not be made anew, since what is there leans on it."""
    authority = AUTHORITY.pair(folder)
    missing = [kind for kind in SIGNED if not kind.pair(folder).certificate.exists()]
    for kind in SIGNED:
        pair = kind.pair(folder)
        if pair.certificate.exists() and not pair.key.exists():
            raise BadInput(
                _("is missing, but its certificate is there"),
                where=str(pair.key),
                hint=_("put it back, or move {path} away for a new pair").format(path=pair.certificate),
            )
    if authority.certificate.exists() and not authority.key.exists() and missing:
        raise BadInput(
            _("is needed to sign {path}").format(path=missing[0].pair(folder).certificate), where=str(authority.key)
        )
    if not authority.certificate.exists() and len(missing) < len(SIGNED):
        raise BadInput(_("is missing, but certificates that it signed are there"), where=str(authority.certificate))


def _make(kind: Kind, names: Names, folder: Path, runner: Runner, own: Own) -> list[Path]:
    """One certificate, and its key unless that is there already."""
    pair = kind.pair(folder)
    made: list[Path] = []
    # Of the same file system, so that a rename is all that is left to do; for its owner alone.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new.") as name:
        work = Path(name)
        if not pair.key.exists():
            fresh = work / "key"
            runner.run(
                ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", fresh]
            )
            settle(fresh, pair.key, 0o600 if kind is AUTHORITY else 0o640, kind.group, own)
            made.append(pair.key)
        settings = work / "openssl.cnf"
        write_text(settings, render_settings(kind, names, work), mode=0o600)
        write_text(work / "index.txt", "")
        request, certificate = work / "request", work / "certificate"
        runner.run(["openssl", "req", "-new", "-config", settings, "-key", pair.key, "-out", request])
        runner.run(sign_command(kind, folder, settings, request, certificate))
        if kind is API:
            _remember(names, folder, certificate)
        settle(certificate, pair.certificate, 0o644, "root", own)
        made.append(pair.certificate)
    return made


def sign_command(kind: Kind, folder: Path, settings: Path, request: Path, certificate: Path) -> list[Argument]:
    """What has the CA in `folder` sign a request."""
    authority = AUTHORITY.pair(folder)
    return [
        *("openssl", "ca", "-config", settings, "-batch", "-notext"),
        *("-startdate", _START, "-enddate", _END, "-extensions", "extensions"),
        *("-keyfile", authority.key),
        *(("-selfsign",) if kind is AUTHORITY else ("-cert", authority.certificate)),
        *("-in", request, "-out", certificate),
    ]


def render_settings(kind: Kind, names: Names, folder: Path) -> str:
    """openssl's configuration for one certificate; what `openssl ca` remembers goes into `folder`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("openssl.cnf.j2").render(
        # Never the same as the issuer's: a certificate would look as if it had signed itself.
        organisation="Trebol CA" if kind is AUTHORITY else "Trebol",
        common_name=kind.common_name or names.host,
        folder=folder,
        usages=kind.usages,
        names=names.alternatives() if "serverAuth" in kind.usages else (),
    )


def settle(fresh: Path, path: Path, mode: int, group: str, own: Own) -> None:
    """Put a finished file into its place: on the disk, with its owner and mode, and only then under its name."""
    with fresh.open("rb") as stream:
        os.fsync(stream.fileno())
    own(fresh, group)
    fresh.chmod(mode)
    fresh.rename(path)


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate, as browsers and Proxmox VE show it: "AB:CD:…". Raises BadInput for what is none."""
    text = certificate.read_text(encoding="ascii", errors="replace")
    # Of a chain, the first is the server's own.
    _before, _begin, rest = text.partition(ssl.PEM_HEADER)
    body, end, _after = rest.partition(ssl.PEM_FOOTER)
    try:
        encoded = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        encoded = b""
    if not (end and encoded):
        raise BadInput(_("holds no certificate in PEM form"), where=str(certificate))
    return hashlib.sha256(encoded).digest().hex(":").upper()
