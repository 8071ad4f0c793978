"""Layers are found again by what they are made of, and a miss says why."""

from pathlib import Path

import pytest

from trebol_common.errors import BadInput, Refused
from trebol_common.run import CommandRunner
from trebol_image.inputs import hash_tree
from trebol_image.lock import Lock, Package, archive_name
from trebol_image.store import Record, Store, default_folder, layer_id

INPUTS = {"list": "1", "epoch": "0"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", CommandRunner(), capacity=2500)


def add(store: Store, inputs: dict[str, str], size: int = 1000) -> None:
    folder = store.work_folder(inputs["list"])
    (folder / "layer.squashfs").write_bytes(b"x" * size)
    record = Record(
        id=layer_id("base", inputs),
        name="base",
        inputs=inputs,
        sha256="0",
        blocks=(),
        size=size,
        unpacked=size,
        files=1,
    )
    store.commit("base", inputs, folder, record)


def locked(store: Store) -> None:
    pytest.fail("nobody else holds this store")


def test_a_layer_is_found_by_its_inputs_and_only_by_them(store: Store) -> None:
    with store.locked(lambda: locked(store)):
        add(store, INPUTS)
    found = store.find("base", INPUTS)
    assert found is not None
    assert found.path.stat().st_size == 1000
    assert store.find("base", {**INPUTS, "list": "2"}) is None
    assert store.latest("base") == found
    assert store.latest("live") is None


def test_a_miss_names_the_inputs_that_changed(store: Store) -> None:
    assert store.why_missing("base", INPUTS) == []
    with store.locked(lambda: locked(store)):
        add(store, INPUTS)
    assert store.why_missing("base", {"list": "2", "epoch": "0", "new": "1"}) == ["list", "new"]


def test_the_latest_layer_is_the_one_of_the_last_build_even_where_it_was_found(store: Store) -> None:
    other = {**INPUTS, "list": "2"}
    with store.locked(lambda: locked(store)):
        add(store, INPUTS)
        add(store, other)
    found = store.find("base", INPUTS)
    assert found is not None
    assert store.latest("base") == found
    assert store.why_missing("base", other) == ["list"]


@pytest.mark.parametrize("damage", [b"", b'{"list": "1", "ep', b"[]", b'{"list": 1}', b"\xff\xfe"])
def test_a_damaged_note_is_a_miss_with_that_reason(store: Store, damage: bytes) -> None:
    with store.locked(lambda: locked(store)):
        add(store, INPUTS)
    note = store.folder / "latest/base.json"
    note.write_bytes(damage)
    assert store.latest("base") is None
    assert store.why_missing("base", INPUTS) == [f"{note} (damaged)"]
    assert store.find("base", INPUTS) is not None


@pytest.mark.parametrize("damage", [b"", b'{"id": "base', b"{}", b"\xff\xfe"])
def test_a_damaged_record_is_a_miss_with_that_reason(store: Store, damage: bytes) -> None:
    with store.locked(lambda: locked(store)):
        add(store, INPUTS)
    record = store.folder / "layers" / layer_id("base", INPUTS) / "record.json"
    record.write_bytes(damage)
    assert store.find("base", INPUTS) is None
    assert store.why_missing("base", INPUTS) == [f"{record} (damaged, or of another version)"]
    assert store.why_missing("base", {**INPUTS, "list": "2"}) == ["list"]


def test_what_an_interrupted_build_left_is_swept(store: Store) -> None:
    with store.locked(lambda: locked(store)):
        store.work_folder("half")
        (store.folder / "work/half/layer.squashfs").write_text("half")
        left = store.folder / "work/half"
        kept = left.parent.with_name("kept")
        left.rename(kept)
    kept.rename(store.folder / "work" / "half")
    with store.locked(lambda: locked(store)):
        assert list((store.folder / "work").iterdir()) == []
        assert not (store.folder / "layers").exists()


def test_a_second_build_waits_for_the_first(store: Store) -> None:
    waited: list[bool] = []
    second = Store(store.folder, CommandRunner())

    class Waited(Exception):
        """Raised in place of waiting for ever."""

    def on_wait() -> None:
        waited.append(True)
        raise Waited

    with store.locked(lambda: locked(store)), pytest.raises(Waited), second.locked(on_wait):
        pytest.fail("two builds at once")
    assert waited == [True]


def test_the_longest_unused_layer_goes_when_the_store_is_full(store: Store) -> None:
    with store.locked(lambda: locked(store)):
        for name in ("1", "2", "3"):
            add(store, {"list": name}, size=800)
    assert store.find("base", {"list": "1"}) is None
    assert store.find("base", {"list": "3"}) is not None


def test_every_file_of_a_tree_is_an_input_but_pythons_caches(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "code.py").write_text("1")
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "code.pyc").write_text("x")
    before = hash_tree(tmp_path, label="t")
    assert list(before) == ["t/a/code.py"]
    (tmp_path / "a" / "code.py").chmod(0o755)
    assert hash_tree(tmp_path, label="t") != before


def package(name: str, version: str) -> Package:
    return Package(name=name, version=version, architecture="amd64", sha256="", size=1, installed=2, file="f")


def test_a_renewed_lock_says_which_packages_changed() -> None:
    old = Lock(epoch=1, packages=(package("bash", "5"), package("dash", "1")))
    new = Lock(epoch=2, packages=(package("bash", "6"), package("etcd", "3")))
    assert new.difference(old) == "bash 5 → 6, dash 1 → absent, etcd absent → 3"
    assert (new.download_size, new.installed_size) == (2, 4)


def test_the_archive_of_a_package_is_named_as_apt_does() -> None:
    assert archive_name(package("chrony", "1:4.6-1")) == "chrony_1%3a4.6-1_amd64.deb"


def test_a_folder_of_somebody_elses_is_no_store(tmp_path: Path) -> None:
    mine = tmp_path / "work" / "thesis.odt"
    mine.parent.mkdir()
    mine.write_text("years")
    store = Store(tmp_path, CommandRunner())
    with pytest.raises(Refused, match="holds other things than a layer store"), store.locked(lambda: locked(store)):
        pass
    assert mine.read_text() == "years"


def test_a_fresh_file_system_with_packages_of_another_store_can_be_one(tmp_path: Path) -> None:
    for name in ("lost+found", "packages", "apt"):
        (tmp_path / name).mkdir()
    store = Store(tmp_path, CommandRunner())
    for _ in range(2):
        with store.locked(lambda: locked(store)):
            assert (tmp_path / "work").is_dir()


def test_where_no_store_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store", CommandRunner())
    with pytest.raises(BadInput, match="cannot be the layer store: Not a dir"), store.locked(lambda: locked(store)):
        pass


@pytest.mark.parametrize(("value", "folder"), [("", "/var/cache/trebol"), ("/data/trebol", "/data/trebol")])
def test_the_store_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, value: str, folder: str) -> None:
    monkeypatch.setenv("TREBOL_CACHE", value)
    assert default_folder() == Path(folder)


def test_a_relative_store_stays_where_it_is_however_programs_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREBOL_CACHE", "cache")
    monkeypatch.chdir(tmp_path)
    assert default_folder() == tmp_path / "cache"


@pytest.mark.parametrize("left", [None, b"x" * 999], ids=["gone", "cut"])
def test_a_layer_that_is_gone_or_cut_off_is_built_again(store: Store, left: bytes | None) -> None:
    with store.locked(lambda: locked(store)):
        add(store, INPUTS)
        found = store.find("base", INPUTS)
        assert found is not None
        found.path.unlink()
        if left is not None:
            found.path.write_bytes(left)
        assert store.find("base", INPUTS) is None
        assert "damaged" in store.why_missing("base", INPUTS)[0]
        add(store, INPUTS)
    assert store.find("base", INPUTS) is not None
