"""The image's own key is made once, kept to its owner, and never gets into an image."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import CommandRunner
from trebol_image.signing import (
    SigningKey,
    holds_private_key,
    is_certificate,
    make_key,
    private_keys,
    require_no_private_key,
    signing_key,
    write_der,
)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return signing_key(tmp_path_factory.mktemp("store") / "keys", CommandRunner())


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    folder = tmp_path_factory.mktemp("other")
    made = SigningKey(folder / "mine.key", folder / "mine.pem")
    make_key(made, CommandRunner())
    return made


def test_the_key_is_made_once(key: SigningKey) -> None:
    before = key.key.read_bytes(), key.certificate.read_bytes()
    again = signing_key(key.key.parent, CommandRunner())
    assert again == key
    assert (again.key.read_bytes(), again.certificate.read_bytes()) == before


def test_the_key_is_for_its_owner_alone(key: SigningKey) -> None:
    assert key.key.stat().st_mode & 0o777 == 0o600
    assert key.key.parent.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in key.key.parent.iterdir()} == {"mok.key", "mok.pem"}


def test_the_certificate_is_good_for_modules_only(key: SigningKey) -> None:
    text = CommandRunner().run(["openssl", "x509", "-in", key.certificate, "-noout", "-text"]).stdout
    assert "1.3.6.1.4.1.2312.16.1.2" in text
    assert "CA:FALSE" in text


def test_a_key_of_ones_own_is_taken_with_its_certificate(tmp_path: Path, other: SigningKey) -> None:
    chosen = signing_key(tmp_path / "keys", CommandRunner(), key=other.key, certificate=other.certificate)
    assert chosen == other
    assert not (tmp_path / "keys").exists()


def test_half_a_key_is_bad_input(tmp_path: Path, other: SigningKey) -> None:
    with pytest.raises(BadInput, match="goes with its certificate"):
        signing_key(tmp_path, CommandRunner(), key=other.key)
    with pytest.raises(BadInput, match="goes with its certificate"):
        signing_key(tmp_path, CommandRunner(), certificate=other.certificate)


def test_a_certificate_of_another_key_is_bad_input(tmp_path: Path, key: SigningKey, other: SigningKey) -> None:
    with pytest.raises(BadInput, match="does not belong to the key"):
        signing_key(tmp_path, CommandRunner(), key=key.key, certificate=other.certificate)


@pytest.mark.parametrize("lost", ["mok.key", "mok.pem"])
def test_a_key_that_was_half_lost_is_not_silently_replaced(tmp_path: Path, key: SigningKey, lost: str) -> None:
    shutil.copytree(key.key.parent, tmp_path / "keys")
    (tmp_path / "keys" / lost).unlink()
    with pytest.raises(BadInput, match=f"{lost}: is missing"):
        signing_key(tmp_path / "keys", CommandRunner())
    assert not (tmp_path / "keys" / lost).exists()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, other: SigningKey) -> None:
    copy = Path(shutil.copy(other.key, tmp_path))
    copy.chmod(0o640)
    with pytest.raises(Refused, match="can be read by others"):
        signing_key(tmp_path, CommandRunner(), key=copy, certificate=other.certificate)


def test_a_key_with_a_passphrase_is_told_at_once(tmp_path: Path, other: SigningKey) -> None:
    locked = tmp_path / "locked.key"
    CommandRunner().run(["openssl", "pkey", "-in", other.key, "-aes256", "-passout", "pass:secret", "-out", locked])
    locked.chmod(0o600)
    with pytest.raises(BadInput, match="without a passphrase"):
        signing_key(tmp_path, CommandRunner(), key=locked, certificate=other.certificate)


def test_the_certificate_is_written_as_der(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "mok.der"
    write_der(key, path, CommandRunner())
    content = path.read_bytes()
    assert is_certificate(content)
    assert not is_certificate(content[:-1])
    assert not is_certificate(key.certificate.read_bytes())
    assert not is_certificate(b"")
    assert not holds_private_key(content)


def test_a_private_key_is_found_wherever_it_lies_in_a_layer(tmp_path: Path, key: SigningKey) -> None:
    (tmp_path / "usr/share").mkdir(parents=True)
    (tmp_path / "usr/share/mok.pem").write_bytes(key.certificate.read_bytes())
    # Programs that read keys hold the line that one begins with.
    (tmp_path / "usr/share/libkeys.so").write_bytes(b"\0-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----\0")
    require_no_private_key(tmp_path)
    assert list(private_keys(tmp_path)) == []
    (tmp_path / "usr/share/archive").write_bytes(b"\0\1" + key.key.read_bytes() + b"\0")
    with pytest.raises(TrebolError, match=r"/usr/share/archive: a private key would get into the image"):
        require_no_private_key(tmp_path)
