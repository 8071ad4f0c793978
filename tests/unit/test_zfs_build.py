"""A build has ZFS where it is wanted, and does nothing for it twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.media import PROJECT
from tests.unit.test_zfs_lock import KERNEL, lock

from trebol_common.errors import BadInput
from trebol_common.events import Context, Event
from trebol_common.run import ScriptedRunner
from trebol_image import zfs, zfs_modules
from trebol_image.lock import Lock, Resolver
from trebol_image.mirror import Source
from trebol_image.package_list import Wanted
from trebol_image.project import PROFILES, Project
from trebol_image.signing import SigningKey
from trebol_image.store import Inputs, Record, Store, Stored, layer_id
from trebol_image.zfs_build import WithZfs, ZfsBuild
from trebol_image.zfs_lock import ZfsLists, with_headers

TOOLS = ("dpkg-query", "--show", "--showformat=${Package} ${Version}\n", "squashfs-tools")


def test_the_release_has_zfs_and_the_quick_build_has_not() -> None:
    assert PROFILES["release"].zfs
    assert not PROFILES["dev"].zfs


def stored(name: str, inputs: Inputs, store: Store) -> Stored:
    """A layer that was built before."""
    folder = store.folder / "made"
    folder.mkdir(parents=True)
    (folder / "layer.squashfs").write_bytes(b"x")
    identity = layer_id(name, inputs)
    record = Record(id=identity, name=name, inputs=dict(inputs), sha256="", blocks=(), size=1, unpacked=1, files=1)
    return store.commit(name, inputs, folder, record)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    made = SigningKey(tmp_path / "my.key", tmp_path / "my.pem")
    made.key.write_text("key")
    made.key.chmod(0o600)
    made.certificate.write_text("certificate")
    return made


def asked_for_the_key(runner: ScriptedRunner, key: SigningKey) -> ScriptedRunner:
    runner.expect("openssl", "pkey", "-in", str(key.key), "-passin", "pass:", "-pubout", stdout="public")
    return runner.expect("openssl", "x509", "-in", str(key.certificate), "-noout", "-pubkey", stdout="public")


def test_where_nothing_changed_the_layer_is_taken_and_the_mirror_not_asked(tmp_path: Path, key: SigningKey) -> None:
    runner = ScriptedRunner()
    store = Store(tmp_path / "store", runner)
    (store.folder / "work").mkdir(parents=True)
    bottom = stored("base", {"list": "1"}, store)
    lists = ZfsLists.read(PROJECT / "iso/zfs")
    known = lock(base=bottom.record.id).model_copy(update={"lists": lists.names})
    store.zfs.mkdir()
    (store.zfs / "lock.json").write_text(known.model_dump_json())
    told = "squashfs-tools 1:4.6\n"
    runner.expect(*TOOLS, stdout=told).expect(*TOOLS, stdout=told)
    modules = stored(zfs_modules.NAME, zfs_modules.modules_inputs(known, key, runner), store)
    inputs = zfs.zfs_inputs(Project(PROJECT), bottom.record.id, modules.record.id, known, 0, PROFILES["dev"], runner)
    layer = stored(zfs.NAME, inputs, store)

    asked_for_the_key(runner, key).expect(*TOOLS, stdout=told).expect(*TOOLS, stdout=told)
    below = Lock(epoch=0, packages=())
    build = ZfsBuild(Project(PROJECT), store, PROFILES["dev"], runner, bottom, below)
    events: list[Event] = []
    found = build.run(WithZfs(key.key, key.certificate), Context(events.append), update=False)
    assert found == layer
    assert [event.text for event in events] == [f"zfs: {layer.record.id} is in the store"]


def test_a_mirror_without_headers_for_the_bases_kernel_says_what_to_do(tmp_path: Path) -> None:
    headers = Wanted(f"linux-headers-{KERNEL}", "the base's kernel")
    runner = ScriptedRunner()
    resolver = Resolver(tmp_path / "apt", tmp_path / "archives", [Source("http://x", ("y",))], runner, status="there")
    command = ("apt-get", "install", "--yes", "--print-uris", "--quiet=2", "--option")
    empty = f"Dir::Cache::archives={tmp_path / 'apt/nothing'}"
    for missing, wrong in ((headers.name, "the mirror has no linux-headers"), ("gcc", "gcc does not exist")):
        said = f"E: Unable to locate package {missing}\n"
        runner.expect(*command, empty, "gcc", headers.name, stderr=said, status=100)
        with pytest.raises(BadInput, match=wrong) as caught:
            with_headers(resolver, [Wanted("gcc", "iso/zfs/build.list:3")], headers)
        assert ("UPDATE=1" in str(caught.value)) is (missing == headers.name)


def test_what_is_resolved_against_a_system_asks_for_nothing_that_it_has(tmp_path: Path) -> None:
    Resolver(
        tmp_path / "apt",
        tmp_path / "archives",
        [Source("http://x", ("y",))],
        ScriptedRunner(),
        components=("main", "contrib"),
        status="Package: libc6\n",
    )
    assert (tmp_path / "apt/state/status").read_text() == "Package: libc6\n"
    assert "Components: main contrib" in (tmp_path / "apt/sources/trebol.sources").read_text()
