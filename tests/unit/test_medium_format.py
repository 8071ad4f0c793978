"""What a medium says of itself can be trusted, or is said to be damaged and where."""

from pathlib import Path

import pytest

from trebol_common.block_sums import BLOCK, block_sums
from trebol_common.medium import DamagedMedium, Feature, Layer, Manifest, read_manifest, verify_layer


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    """A layer of two and a half blocks, and its record."""
    path = tmp_path / "trebol" / "base.squashfs"
    path.parent.mkdir()
    with path.open("wb") as stream:
        stream.truncate(BLOCK * 5 // 2)
    return Layer(
        name="base",
        file=path.name,
        sha256="",
        blocks=block_sums(path),
        size=path.stat().st_size,
        unpacked=1,
        files=1,
        target=True,
    )


def test_a_whole_layer_passes_and_tells_how_far_it_is(tmp_path: Path, layer: Layer) -> None:
    done: list[int] = []
    verify_layer(tmp_path, layer, done.append)
    assert done == [BLOCK, 2 * BLOCK, layer.size]


@pytest.mark.parametrize("offset", [0, BLOCK - 1, BLOCK, BLOCK * 5 // 2 - 1])
def test_one_wrong_byte_is_found_and_its_place_told(tmp_path: Path, layer: Layer, offset: int) -> None:
    with (tmp_path / "trebol" / layer.file).open("r+b") as stream:
        stream.seek(offset)
        stream.write(b"x")
    with pytest.raises(DamagedMedium, match=f"is damaged between byte {offset // BLOCK * BLOCK} and"):
        verify_layer(tmp_path, layer)


@pytest.mark.parametrize(("size", "told"), [(2 * BLOCK, "in its length"), (BLOCK // 2, "between byte 0 and")])
def test_a_layer_that_was_cut_off_is_damaged(tmp_path: Path, layer: Layer, size: int, told: str) -> None:
    with (tmp_path / "trebol" / layer.file).open("r+b") as stream:
        stream.truncate(size)
    with pytest.raises(DamagedMedium, match=told):
        verify_layer(tmp_path, layer)


def test_a_missing_layer_is_named(tmp_path: Path, layer: Layer) -> None:
    (tmp_path / "trebol" / layer.file).unlink()
    with pytest.raises(DamagedMedium, match=r"base\.squashfs: cannot be read"):
        verify_layer(tmp_path, layer)


@pytest.mark.parametrize("text", [None, "", "{}", '{"format": 2}'])
def test_a_medium_without_a_manifest_of_ours_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "trebol").mkdir()
        (tmp_path / "trebol/manifest.json").write_text(text)
    with pytest.raises(DamagedMedium, match=r"manifest\.json"):
        read_manifest(tmp_path)


def manifest(layer: Layer) -> Manifest:
    """The layers of a medium with ZFS, in their order."""
    changes: tuple[dict[str, object], ...] = (
        {"name": "base"},
        {"name": "zfs", "feature": Feature.ZFS},
        {"name": "appliance"},
        {"name": "live", "target": False},
    )
    layers = tuple(layer.model_copy(update=change) for change in changes)
    return Manifest(version="0.1.0", profile="dev", medium_id="1", epoch=0, kernel="6.12", layers=layers)


@pytest.mark.parametrize(
    ("features", "names"),
    [(frozenset(), ["base", "appliance"]), (frozenset({Feature.ZFS}), ["base", "zfs", "appliance"])],
    ids=["without ZFS", "with ZFS"],
)
def test_a_target_gets_the_layers_for_what_it_is_wanted_with(
    layer: Layer, features: frozenset[Feature], names: list[str]
) -> None:
    made = manifest(layer)
    assert [found.name for found in made.layers_for(features)] == names
    assert [found.name for found in made.target_layers] == ["base", "appliance"]


def test_a_medium_says_which_features_it_has(layer: Layer) -> None:
    assert manifest(layer).features == {Feature.ZFS}
    without = manifest(layer).model_copy(update={"layers": (layer,)})
    assert without.features == frozenset()


def test_a_feature_survives_the_way_over_the_medium(tmp_path: Path, layer: Layer) -> None:
    (tmp_path / "trebol/manifest.json").write_text(manifest(layer).model_dump_json())
    assert read_manifest(tmp_path) == manifest(layer)
