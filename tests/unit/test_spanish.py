"""The Spanish catalogue is whole: every text of every room, with the placeholders of the English one."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from tests.unit.checked_machines import INTEL
from tests.unit.messages import messages, placeholders, plurals, registered, spanish_catalogue

import trebol_firstboot
import trebol_hardware
from trebol_common import i18n
from trebol_hardware.checks.registry import Role, check_machine
from trebol_hardware.checks.report import WIDTH, render

TEXTS = sorted(
    registered().union(*(messages(Path(room.__path__[0])) for room in (trebol_hardware, trebol_firstboot)))
)
PLURALS = sorted(plurals(Path(trebol_hardware.__path__[0])) | plurals(Path(trebol_firstboot.__path__[0])))


class Missing(gettext.NullTranslations):
    """Asked for what a catalogue lacks; remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def gettext(self, message: str) -> str:
        """The message itself, remembered."""
        self.asked.append(message)
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The English form, remembered."""
        self.asked.append(msgid1)
        return msgid1 if n == 1 else msgid2


@pytest.fixture
def spanish(tmp_path: Path) -> gettext.NullTranslations:
    return spanish_catalogue(tmp_path)


def test_the_source_is_searched_at_all() -> None:
    assert len(TEXTS) > 800
    assert {"{daemon} reaches no time server.", "Hardware virtualisation (VT-x, AMD-V)", "not made yet"} <= set(TEXTS)


def test_every_text_is_translated(spanish: gettext.NullTranslations) -> None:
    missing = Missing()
    spanish.add_fallback(missing)
    empty = [text for text in TEXTS if not spanish.gettext(text).strip()]
    assert (missing.asked, empty) == ([], [])


def test_every_translation_has_the_placeholders_of_its_text(spanish: gettext.NullTranslations) -> None:
    """One more is a KeyError on the screen of whoever reads Spanish, one less a figure that is not told."""
    wrong = [text for text in TEXTS if placeholders(spanish.gettext(text)) != placeholders(text)]
    assert wrong == []


@pytest.mark.parametrize(("one", "many"), PLURALS)
def test_numbers_are_told_in_the_forms_of_spanish(spanish: gettext.NullTranslations, one: str, many: str) -> None:
    missing = Missing()
    spanish.add_fallback(missing)
    forms = {number: spanish.ngettext(one, many, number) for number in (0, 1, 2)}
    assert missing.asked == []
    assert all(placeholders(form) == placeholders(one) == placeholders(many) for form in forms.values())
    assert forms[0] == forms[2]


@pytest.mark.parametrize(("count", "told"), [(0, "0 avisos"), (1, "1 aviso"), (2, "2 avisos")])
def test_one_warning_is_no_warnings(
    spanish: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch, count: int, told: str
) -> None:
    monkeypatch.setattr(i18n, "catalogue", lambda: spanish)
    assert i18n.counted("{count} warning", "{count} warnings", count) == told


def test_names_of_checks_and_commands_stay_as_they_are_typed(spanish: gettext.NullTranslations) -> None:
    words = ("trebol check", "trebol machine probe", "cpu-virtualisation", "smartctl", "chronyc", "modprobe")
    wrong = [text for text in TEXTS for word in words if word in text and word not in spanish.gettext(text)]
    assert wrong == []


def test_a_report_in_spanish_fits_the_terminal_too(
    spanish: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "catalogue", lambda: spanish)
    shown = render(check_machine(INTEL, Role.MIXED))
    assert "comprobaciones:" in shown and "requerido" in shown
    assert [line for line in shown.splitlines() if len(line) > WIDTH and " " in line.strip()] == []
