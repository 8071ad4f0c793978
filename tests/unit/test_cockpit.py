"""The management page and the API show one certificate, unless somebody gave the page another one."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from trebol_node.cockpit import FOLDER, Certificates, certificates, share
from trebol_node.pki import fingerprint

API, OTHER = (ssl.DER_cert_to_PEM_cert(name) for name in (b"api", b"other"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A node with cockpit, and the API's certificate."""
    (tmp_path / FOLDER).mkdir(parents=True)
    pki = tmp_path / "etc/trebol/pki"
    pki.mkdir(parents=True)
    (pki / "api.pem").write_text(API)
    (pki / "api.key").touch()
    return tmp_path


def test_cockpit_is_given_the_certificate_once_and_follows_it(root: Path) -> None:
    assert [path.name for path in share(root)] == ["0-trebol.key", "0-trebol.crt"]
    assert share(root) == ()
    links = {path.name: str(path.readlink()) for path in (root / FOLDER).iterdir()}
    assert links == {"0-trebol.crt": "/etc/trebol/pki/api.pem", "0-trebol.key": "/etc/trebol/pki/api.key"}


@pytest.mark.parametrize(
    ("name", "counts"),
    [("0-self-signed.cert", False), ("10-own.crt", True), ("node.example.org.cert", True), ("own.key", False)],
)
def test_somebody_s_own_certificate_counts_and_is_told(root: Path, name: str, counts: bool) -> None:
    (root / FOLDER / name).write_text(OTHER)
    share(root)
    api = fingerprint(root / "etc/trebol/pki/api.pem")
    other = fingerprint(root / FOLDER / name)
    assert certificates(root) == Certificates(api, other if counts else api)


def test_a_file_of_that_name_is_left_alone(root: Path) -> None:
    own = root / FOLDER / "0-trebol.crt"
    own.write_text(OTHER)
    share(root)
    assert own.read_text() == OTHER
    assert certificates(root).management == fingerprint(own)


@pytest.mark.parametrize("missing", [FOLDER, "etc/trebol/pki/api.pem"])
def test_without_cockpit_or_certificate_nothing_is_shared(root: Path, missing: str) -> None:
    (root / missing).rmdir() if missing == FOLDER else (root / missing).unlink()
    assert share(root) == ()
    assert certificates(root).management is None
