"""Secrets of fence devices: sealed for one place, and files that root alone reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner
from trebol_node.fencing import secret_files
from trebol_node.fencing.sealing import Key, open_all, seal_all


def key(folder: Path, name: str = "ca.key") -> Key:
    """Of a CA's key, made as `trebol_node.pki` makes it."""
    path = folder / name
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    CommandRunner().run(["openssl", "genpkey", *curve, "-out", path])
    return Key.read(path)


def test_what_is_sealed_is_opened_by_all_who_have_the_ca(tmp_path: Path) -> None:
    mine = key(tmp_path)
    sealed = seal_all(mine, "n1.ipmilan", {"password": "Kleeblatt", "hexadecimal_kg": "ff"})
    other = Key.of((tmp_path / "ca.key").read_text().replace("\n", "\r\n"))
    assert open_all(other, "n1.ipmilan", sealed) == {"password": "Kleeblatt", "hexadecimal_kg": "ff"}
    assert "Kleeblatt" not in str(sealed)


def test_the_same_secret_is_never_sealed_alike(tmp_path: Path) -> None:
    mine = key(tmp_path)
    assert mine.seal("a", place="n1.x/password") != mine.seal("a", place="n1.x/password")


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    mine = key(tmp_path)
    assert repr(mine) == f"Key({mine.id!r})"


@pytest.mark.parametrize(
    ("place", "spoil", "says"),
    [
        pytest.param("n2.x/password", lambda text: text, "damaged, or of another device", id="moved"),
        pytest.param("n1.x/password", lambda text: text[:-6] + "AAAA==", "damaged", id="changed"),
        pytest.param("n1.x/password", lambda text: text[:14], "damaged", id="cut off"),
        pytest.param("n1.x/password", lambda text: "2" + text[1:], "of another CA", id="of a later format"),
        pytest.param("n1.x/password", lambda text: "", "of another CA", id="nothing"),
    ],
)
def test_what_is_not_as_it_was_is_not_opened(tmp_path: Path, place: str, spoil: object, says: str) -> None:
    mine = key(tmp_path)
    sealed = mine.seal("Kleeblatt", place="n1.x/password")
    assert callable(spoil)
    with pytest.raises(BadInput, match=says):
        mine.open(spoil(sealed), place=place)


def test_another_cas_secrets_are_told_apart(tmp_path: Path) -> None:
    sealed = key(tmp_path, "other.key").seal("a", place="p")
    with pytest.raises(BadInput, match="another CA"):
        key(tmp_path).open(sealed, place="p")


def test_a_key_that_was_taken_away_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was taken away"):
        Key.read(tmp_path / "ca.key")
    with pytest.raises(BadInput, match="no private key"):
        Key.of("hello")


def test_pacemaker_finds_each_secret_and_its_sum(tmp_path: Path) -> None:
    folder = tmp_path / "lrm/secrets"
    for _twice in range(2):
        secret_files.install(folder, {"trebol-fence-n1.x-1": {"password": "Kleeblatt"}, "trebol-fence-n2.x-2": {}})
    path = folder / "trebol-fence-n1.x-1/password"
    assert path.read_text() == "Kleeblatt"
    assert path.with_name("password.sign").read_text() == hashlib.md5(b"Kleeblatt").hexdigest()
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}
    assert {each.stat().st_mode & 0o777 for each in (folder, path.parent)} == {0o700}


def test_secrets_of_what_is_gone_go_and_nobody_elses(tmp_path: Path) -> None:
    secret_files.install(tmp_path, {name: {"p": "s"} for name in ("trebol-fence-a", "trebol-fence-b", "mine")})
    secret_files.forget_others(tmp_path, frozenset({"trebol-fence-a"}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "trebol-fence-a"]
