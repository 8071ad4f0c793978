"""The Spanish catalogue is whole: every text of every room, with the placeholders of the English one."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from tests.unit.answer_files import answers, changed, machine
from tests.unit.checked_machines import INTEL
from tests.unit.messages import (
    messages,
    placeholders,
    plurals,
    registered,
    spanish_catalogue,
    translated_too_early,
    untranslated,
)

import trebol_common
import trebol_firstboot
import trebol_hardware
import trebol_hardware.probe
import trebol_installer
import trebol_node
from trebol_common import i18n
from trebol_common.answers import parse_answers
from trebol_common.errors import BadInput
from trebol_hardware.checks.registry import Role, check_machine
from trebol_hardware.checks.report import WIDTH, render
from trebol_installer.plan import Plan, plan
from trebol_installer.render import describe
from trebol_installer.render import render as render_plan

ROOMS = [
    Path(room.__path__[0])
    for room in (trebol_common, trebol_hardware, trebol_installer, trebol_node, trebol_firstboot)
]
TEXTS = sorted(registered().union(*map(messages, ROOMS)))
PLURALS = sorted(set().union(*map(plurals, ROOMS)))

#: What an installation is made of; errors of the other rooms are met by whoever types a command.
#: The others tell programs, too, what is wrong.
FOR_PEOPLE = [
    Path(room.__path__[0]) for room in (trebol_common, trebol_hardware.probe, trebol_installer, trebol_firstboot)
]


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
    assert len(TEXTS) > 1500
    assert {
        "is not a mail address such as admin@example.org",
        "{daemon} reaches no time server.",
        "Hardware virtualisation (VT-x, AMD-V)",
        "Partition {disk} (GPT, {count} partitions)",
        "the pool keeps its own properties: what [disk-setup.zfs] says of them is for a new one",
        "not made yet",
    } <= {*TEXTS, *(many for _one, many in PLURALS)}


@pytest.mark.parametrize("room", FOR_PEOPLE, ids=[room.name for room in FOR_PEOPLE])
def test_what_is_wrong_with_an_installation_or_on_a_console_is_never_told_in_english_alone(room: Path) -> None:
    assert untranslated(room) == []


@pytest.mark.parametrize("room", ROOMS, ids=[room.name for room in ROOMS])
def test_nothing_is_translated_before_the_language_is_known(room: Path) -> None:
    assert translated_too_early(room) == []


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


def _plan_in(catalogue: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, str, list[str]]:
    """A plan in the language of `catalogue`: as a value, as text, and its steps in one line each."""
    monkeypatch.setattr(i18n, "catalogue", lambda: catalogue)
    made = plan(machine("qemu-bios"), answers())
    return made, render_plan(made), [describe(step) for step in made.steps]


def test_a_plan_in_spanish_has_no_step_in_english_and_fits_the_terminal(
    spanish: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch
) -> None:
    english, _shown, english_steps = _plan_in(gettext.NullTranslations(), monkeypatch)
    made, shown, steps = _plan_in(spanish, monkeypatch)

    assert made.steps == english.steps
    assert "\nPasos:\n   1. Comprobar que /dev/disk/" in shown
    assert len(steps) > 20 and set(steps).isdisjoint(english_steps)
    unwrapped = " ".join(shown.split())
    assert [step for step in english_steps if f". {step}" in unwrapped] == []
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_wrong_answers_are_told_in_spanish(
    spanish: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "catalogue", lambda: spanish)
    wrong = changed(
        ("global.mailto", "nobody"),
        ("disk-setup.filesystem", "fat"),
        ("disk-setup.lvm.hdsize", -1),
        ("disk-setup.lvm.maxvz", "all"),
        ("network.gatewai", "192.0.2.1"),
    )
    with pytest.raises(BadInput) as caught:
        parse_answers(wrong)
    told = str(caught.value)
    assert "'nobody' no es una dirección de correo como admin@example.org" in told
    assert "'fat' no es uno de 'ext4', 'xfs', 'zfs' o 'btrfs'" in told
    assert "-1: tiene que ser mayor o igual que 0" in told
    assert "'all': tiene que ser un número" in told
    assert "network.gatewai: clave desconocida\n  → ¿quiso decir gateway?" in told
