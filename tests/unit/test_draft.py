"""What was typed into the installer's screens, and what the answer model says of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.screens.installer import recorded
from tests.unit.answer_files import STATIC, changed

from trebol_common.answers import parse_answers
from trebol_common.errors import BadInput
from trebol_common.tui.wizard import Place
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import DEFAULTS, Draft
from trebol_installer.screens.start import begun, kept
from trebol_installer.screens.world import DryWorld


def test_a_key_can_be_set_and_taken_out_again() -> None:
    draft = Draft()

    draft.put("disk-setup.lvm.raid", "raid1")
    assert draft.members == {"disk-setup": {"lvm": {"raid": "raid1"}}}
    assert draft.get("disk-setup.lvm.raid") == "raid1"

    draft.put("disk-setup.lvm.raid", "")
    assert draft.members == {}, "tables that hold nothing would be answers of their own"
    assert draft.get("disk-setup.lvm.raid") is None and draft.revision == 2


def test_a_draft_begins_with_what_is_known_and_the_defaults() -> None:
    draft = Draft.new({"global": {"keyboard": "es"}})

    assert draft.get("global.keyboard") == "es"
    assert {key: draft.get(key) for key in DEFAULTS} == {**DEFAULTS, "global.keyboard": "es"}


def test_a_field_is_told_what_is_wrong_with_it_in_the_answer_files_words() -> None:
    draft = Draft.new()
    draft.put("global.fqdn", "node1")

    checked = draft.check()

    assert checked.answers is None
    assert checked.of("global.fqdn") == "'node1' is not a fully qualified domain name such as node1.example.org"
    assert checked.of("global.country") == "missing"
    assert checked.of("global.keyboard") == ""


def test_what_the_screens_made_is_the_answer_file_that_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "answer.toml"
    file.write_text(STATIC)
    draft = begun(file)

    assert draft.check().answers == parse_answers(STATIC) == parse_answers(draft.to_toml())


def test_a_draft_survives_its_screen(tmp_path: Path) -> None:
    path = tmp_path / "run" / "draft.json"
    draft = Draft.new({"global": {"root-password": "correct horse"}})
    draft.put("disk-setup.disk-list", ("vda", "vdb"))
    draft.put_aside("root-password-again", "correct")
    draft.place, draft.language = Place("node", "review"), "es"

    draft.save(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Draft.load(path)
    again.revision = draft.revision
    assert again == draft


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"answers": {"global": {"root-password": "correct ho',
        "[" * 100_000,
        '{"answers": {}, "aside": {}, "place": 1, "language": "en", "asked": null}',
        '{"answers": {}, "aside": {}, "place": ["node"], "language": "en", "asked": null}',
        '{"answers": {}, "aside": [], "place": null, "language": "en", "asked": null}',
        '{"answers": "correct horse", "aside": {}, "place": null, "language": "en", "asked": null}',
        '{"answers": {}, "aside": {}, "place": null, "language": "e\\u0000", "asked": null}',
        '{"answers": {}, "aside": {}, "place": null, "language": "en", "asked": [1]}',
    ],
)
def test_a_draft_that_cannot_be_read_is_told_and_a_new_one_begun(tmp_path: Path, text: str) -> None:
    path = tmp_path / "draft.json"
    path.write_text(text)

    with pytest.raises(BadInput, match="cannot be read") as told:
        Draft.load(path)
    assert "correct ho" not in str(told.value)
    assert kept(path) == kept(path) == Draft.new(), "the screens that come next do not meet it again"
    assert (tmp_path / "draft.unreadable").read_text() == text


def test_a_draft_at_a_screen_that_is_not_known_begins_at_the_first(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    draft = Draft.new()
    draft.place = Place("node", "of another version")
    draft.save(path)

    assert Screens(kept(path), DryWorld.of(recorded("qemu-bios"))).place == Place("welcome")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("global", 5),
        ("disk-setup", "vda"),
        ("global.root-ssh-keys", [1]),
        ("global.root-ssh-keys", {"a": 1}),
        ("disk-setup.disk-list", 5),
        ("disk-setup.disk-list", [["vda"]]),
        ("disk-setup.filesystem", 5),
    ],
)
@pytest.mark.parametrize("asked", [None, "global", "disk-setup"])
def test_a_file_with_what_no_field_can_hold_is_told_and_not_shown(
    tmp_path: Path, key: str, value: object, asked: str | None
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(changed((key, value), *([("interactive", {"ask": [asked]})] if asked else [])))

    with pytest.raises(BadInput, match=key):
        begun(file)
