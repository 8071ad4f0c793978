"""Cockpit, the management page, shows the certificate of the node's API, so that there is one to compare.

cockpit-ws(8) takes the last file by name in its folder. Ours comes after the one that it makes itself (0-self-signed)
and before any other, so that somebody's own counts; it is a link, so that a new certificate of the API is cockpit's
too once that starts again: a minute and a half after its last visitor, or when the worker has made that certificate
(`trebol_node.worker.certificate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import TrebolError

FOLDER = "etc/cockpit/ws-certs.d"
_PKI = "etc/trebol/pki"
_NAME = "0-trebol"
_SUFFIXES = (".crt", ".cert")


@dataclass(frozen=True)
class Certificates:
    """SHA-256 of what the API shows, and of what the management page does ("AB:CD:…"); None where there is none."""

    api: str | None = None
    management: str | None = None


def share(root: Path) -> tuple[Path, ...]:
    """Give cockpit the API's certificate, unless something of that name is there; the links that were made."""
    folder, certificate = root / FOLDER, root / _PKI / "api.pem"
    if not folder.is_dir() or not certificate.exists():
        return ()
    # The key first: a certificate without it would keep cockpit from starting.
    wanted = {folder / f"{_NAME}.key": f"/{_PKI}/api.key", folder / f"{_NAME}.crt": f"/{_PKI}/api.pem"}
    made = tuple(link for link in wanted if not link.is_symlink() and not link.exists())
    for link in made:
        link.symlink_to(wanted[link])
    return made


def certificates(root: Path) -> Certificates:
    """What the node shows, by the files that it shows it from."""
    own = root / _PKI / "api.pem"
    others = sorted(_offered(root / FOLDER), key=lambda path: path.name)
    if not others:
        return Certificates(_read(own))
    last = others[-1]
    # The link's target is a path of the node, not of this root.
    return Certificates(_read(own), _read(own if last.stem == _NAME and last.is_symlink() else last))


def _offered(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.suffix in _SUFFIXES)


def _read(path: Path) -> str | None:
    from trebol_node.pki import fingerprint

    try:
        return fingerprint(path)
    except (OSError, TrebolError):
        return None
