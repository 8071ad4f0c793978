"""The node's own certificates: once made never changed, valid whatever the clock said, each good for its one use."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import Argument, CommandRunner, Completed
from trebol_node.facts import ADDRESSES
from trebol_node.keys import prepare_node
from trebol_node.pki import (
    API,
    AUTHORITY,
    CLIENT,
    SIGNED,
    STORE,
    Kind,
    Names,
    fingerprint,
    give,
    names_of,
    prepare,
    renew,
)
from trebol_node.pki.certificates import render_settings
from trebol_node.store import reached

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

NAMES = Names("node1", ("node1", "node1.example.org", "localhost"), ("192.0.2.10", "2001:db8::1", "127.0.0.1", "::1"))

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost
192.0.2.10 node1.example.org node1   # written by the installer
192.0.2.20 node2.example.org node2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all has been made."""
    path = tmp_path_factory.mktemp("made") / "pki"
    prepare(NAMES, CommandRunner(), folder=path, own=lambda _path, _group: None)
    return path


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    path = tmp_path / "pki"
    shutil.copytree(folder, path)
    return path


def again(folder: Path) -> list[str]:
    return [path.name for path in prepare(NAMES, CommandRunner(), folder=folder, own=lambda _path, _group: None)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_is_made_and_keys_are_for_who_uses_them_alone(tmp_path: Path) -> None:
    groups: list[str] = []
    made = prepare(NAMES, CommandRunner(), folder=tmp_path / "pki", own=lambda _path, group: groups.append(group))
    names = [path.name for path in made]
    assert names == ["ca.key", "ca.pem", *(f"{kind.name}.{end}" for kind in SIGNED for end in ("key", "pem"))]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "pki").iterdir()}
    assert modes.pop("made.json") == 0o644
    assert modes == {name: 0o600 if name == "ca.key" else 0o640 if name.endswith("key") else 0o644 for name in names}
    assert groups == ["root", "root", "trebol", "root", "etcd", "root", "trebol", "root"]


def test_what_is_there_is_never_changed(copied: Path) -> None:
    before = contents(copied)
    assert again(copied) == []
    assert contents(copied) == before


@pytest.mark.parametrize(
    ("removed", "made"),
    [
        # The power went between a key and its certificate, or before the key.
        (("api.pem",), ["api.pem"]),
        (
            ("store.pem", "store.key", "client.pem", "client.key"),
            ["store.key", "store.pem", "client.key", "client.pem"],
        ),
        # The CA's key was taken to a safe place: nothing needs it.
        (("ca.key",), []),
    ],
)
def test_what_is_missing_is_made_and_the_rest_stays(copied: Path, removed: tuple[str, ...], made: list[str]) -> None:
    before = contents(copied)
    for name in removed:
        (copied / name).unlink()
    assert again(copied) == made
    after = contents(copied)
    assert all(after[name] == before[name] for name in before if name not in (*removed, "made.json"))
    verify(copied, STORE, "sslserver")


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        (("store.key",), "store.key: is missing, but its certificate is there"),
        (("ca.key", "api.pem", "api.key"), "ca.key: is needed to sign .*api.pem"),
        (("ca.pem",), "ca.pem: is missing, but certificates that it signed are there"),
    ],
)
def test_what_cannot_be_made_again_is_told_and_nothing_is_made(
    copied: Path, removed: tuple[str, ...], words: str
) -> None:
    for name in removed:
        (copied / name).unlink()
    before = contents(copied)
    with pytest.raises(BadInput, match=words):
        again(copied)
    assert contents(copied) == before


def verify(folder: Path, kind: Kind, purpose: str) -> bool:
    """Whether openssl takes the certificate for that purpose."""
    certificate = kind.pair(folder).certificate
    authority = AUTHORITY.pair(folder).certificate
    completed = CommandRunner().run(
        ["openssl", "verify", "-x509_strict", "-CAfile", authority, "-purpose", purpose, certificate], check=False
    )
    return completed.status == 0


@pytest.mark.parametrize(
    ("kind", "server", "client"), [(API, True, False), (STORE, True, True), (CLIENT, False, True)]
)
def test_each_is_good_for_its_use_and_for_no_other(folder: Path, kind: Kind, server: bool, client: bool) -> None:
    assert (verify(folder, kind, "sslserver"), verify(folder, kind, "sslclient")) == (server, client)


def test_they_are_valid_whatever_the_clock_of_the_first_boot_said(folder: Path) -> None:
    for kind in (AUTHORITY, *SIGNED):
        text = (
            CommandRunner()
            .run(["openssl", "x509", "-in", kind.pair(folder).certificate, "-noout", "-dates", "-text"])
            .stdout
        )
        assert "notBefore=Jan  1 00:00:00 2000 GMT" in text
        assert "notAfter=Dec 31 23:59:59 2049 GMT" in text
        assert "ASN1 OID: prime256v1" in text


@pytest.mark.parametrize(
    "name", ["node1", "node1.example.org", "192.0.2.10", "2001:db8::1", "localhost", "127.0.0.1"]
)
def test_a_client_that_knows_the_ca_trusts_the_node_by_each_of_its_names(folder: Path, name: str) -> None:
    assert handshake(folder, API, name)


def test_another_name_is_not_trusted(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(folder, API, "node2")


def handshake(folder: Path, kind: Kind, name: str) -> bool:
    """A client's TLS handshake with a server that has this certificate."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(kind.pair(folder).certificate, kind.pair(folder).key)
    asking = ssl.create_default_context(cafile=AUTHORITY.pair(folder).certificate)
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    one, other = socket.socketpair()

    def serve() -> None:
        try:
            serving.wrap_socket(other, server_side=True).close()
        except OSError:
            other.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with asking.wrap_socket(one, server_hostname=name) as wrapped:
            return wrapped.version() == "TLSv1.3"
    finally:
        one.close()
        thread.join()


def test_the_fingerprint_is_openssls(folder: Path) -> None:
    path = API.pair(folder).certificate
    told = CommandRunner().run(["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256"]).stdout
    assert fingerprint(path) == told.strip().partition("=")[2]


def test_of_a_chain_the_fingerprint_is_the_first_ones(folder: Path, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    text = API.pair(folder).certificate.read_text()
    chain.write_text(f"Subject: node1\n{text}{AUTHORITY.pair(folder).certificate.read_text()}")
    assert fingerprint(chain) == fingerprint(API.pair(folder).certificate)


@pytest.mark.parametrize("text", ["", "hello", f"{ssl.PEM_HEADER}\nAAAA", f"{ssl.PEM_HEADER}\n{ssl.PEM_FOOTER}"])
def test_what_is_no_certificate_has_no_fingerprint(tmp_path: Path, text: str) -> None:
    path = tmp_path / "api.pem"
    path.write_text(text)
    with pytest.raises(BadInput, match="no certificate in PEM form"):
        fingerprint(path)


@pytest.mark.parametrize(
    ("host", "hosts", "addresses", "expected"),
    [
        ("node1", HOSTS, (), Names("node1", NAMES.names, ("192.0.2.10", "127.0.0.1", "::1"))),
        (
            "node1.example.org",
            HOSTS,
            ("192.0.2.10", "2001:db8::1", "fe80::1", "nonsense"),
            NAMES,
        ),
        ("n", "", ("192.0.2.7",), Names("n", ("n", "localhost"), ("192.0.2.7", "127.0.0.1", "::1"))),
        ("n", "2001:db8::1%x,DNS:evil n\n", (), Names("n", ("n", "localhost"), ("127.0.0.1", "::1"))),
        ("n", "127.0.1.1 n.lan n a_b *.lan\n", (), Names("n", ("n", "n.lan", "localhost"), ("127.0.0.1", "::1"))),
    ],
)
def test_names_are_those_that_the_node_has(
    host: str, hosts: str, addresses: tuple[str, ...], expected: Names
) -> None:
    assert names_of(host, hosts, addresses) == expected


@pytest.mark.parametrize("host", ["", "-a", "a_b", "a b", "x" * 64, "node1\nbasicConstraints = CA:TRUE", "a..b"])
def test_what_is_no_host_name_gets_no_certificate(host: str) -> None:
    with pytest.raises(BadInput, match="is no host name"):
        names_of(host, "", ())


def test_the_longest_host_name_fits(tmp_path: Path) -> None:
    names = names_of("x" * 63 + ".example.org", "", ())
    assert prepare(names, CommandRunner(), folder=tmp_path, own=lambda _path, _group: None)


def test_openssls_settings_of_the_ca() -> None:
    text = render_settings(AUTHORITY, NAMES, Path("/work"))
    assert "CA:TRUE, pathlen:0" in text and "subjectAltName" not in text and "extendedKeyUsage" not in text


def test_a_group_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "api.key"
    path.touch()
    with pytest.raises(TrebolError, match="there is no group no-such-group"):
        give(path, "no-such-group")


def node(root: Path) -> Path:
    for name, text in {"proc/sys/kernel/hostname": "node1\n", "etc/hosts": HOSTS}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class WithAddresses(CommandRunner):
    """A node's addresses; all other programs are real."""

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        if tuple(command) != ADDRESSES:
            return super().run(command, **options)
        address = {"family": "inet", "local": "192.0.2.99", "prefixlen": 24, "scope": "global"}
        links = [{"ifname": "lo"}, {"ifname": "vmbr0", "addr_info": [address]}]
        return super().run(["echo", json.dumps(links)], **options)


def test_a_node_gets_what_it_needs_once(tmp_path: Path) -> None:
    root = node(tmp_path)
    keys = prepare_node(root, WithAddresses(), own=lambda _path, _group: None)
    assert len(keys.made) == 9 and keys.made[-1] == root / "etc/trebol/store.yaml"
    assert 'name: "node1"\n' in keys.made[-1].read_text()
    assert keys.fingerprint == fingerprint(root / "etc/trebol/pki/api.pem")
    assert handshake(root / "etc/trebol/pki", API, "192.0.2.99")
    keys.made[-1].write_text("# by hand\n")
    later = prepare_node(root, WithAddresses(), own=lambda _path, _group: None)
    assert later.made == () and later.fingerprint == keys.fingerprint
    assert keys.made[-1].read_text() == "# by hand\n"
    assert list((root / "etc/trebol/pki").glob(".new*")) == []


def test_a_member_that_does_not_vote_gets_no_store_of_its_own(tmp_path: Path) -> None:
    root = node(tmp_path)
    reached.write(("https://192.0.2.1:2379",), root / "etc/trebol/store-urls.json")
    prepare_node(root, WithAddresses(), own=lambda _path, _group: None)
    assert not (root / "etc/trebol/store.yaml").exists()


MORE = Names("alpha", ("alpha", "alpha.example.org", "localhost"), ("192.0.2.99", "127.0.0.1", "::1"))


def renewed(folder: Path, names: Names) -> bool:
    return renew(names, CommandRunner(), folder=folder, own=lambda _path, _group: None)


def test_a_certificate_of_our_own_follows_the_nodes_names_on_the_same_key(copied: Path) -> None:
    before = contents(copied)
    assert not renewed(copied, NAMES)
    assert renewed(copied, MORE) and not renewed(copied, MORE)
    after = contents(copied)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"api.pem", "made.json"}
    assert handshake(copied, API, "alpha.example.org") and handshake(copied, API, "192.0.2.99")


def test_an_address_that_is_gone_changes_nothing(copied: Path) -> None:
    assert not renewed(copied, Names("node1", NAMES.names, NAMES.addresses[1:]))


def test_somebodys_own_certificate_is_never_changed(copied: Path) -> None:
    # Signed by the node's CA, as ours: who made it is what counts.
    shutil.copy(copied / "store.pem", copied / "api.pem")
    shutil.copy(copied / "store.key", copied / "api.key")
    before = contents(copied)
    assert not renewed(copied, MORE)
    assert contents(copied) == before


def test_without_the_cas_key_it_says_so_and_stays(copied: Path) -> None:
    (copied / "ca.key").unlink()
    before = contents(copied)
    with pytest.raises(BadInput, match="needed to sign"):
        renewed(copied, MORE)
    assert contents(copied) == before
