"""What was typed into the installer's screens, and what the answer model says of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.unit.answer_files import STATIC

from trebol_common.answers import parse_answers
from trebol_common.errors import BadInput
from trebol_common.tui.wizard import Place
from trebol_installer.screens.draft import DEFAULTS, Draft
from trebol_installer.screens.start import begun


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
    "text", ["", "{}", '{"answers": {}, "aside": {}, "place": 1, "language": "en", "asked": null}']
)
def test_a_draft_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "draft.json").write_text(text)

    with pytest.raises(BadInput, match="cannot be read"):
        Draft.load(tmp_path / "draft.json")
