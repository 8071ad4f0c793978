"""The first screen of a console: it waits for nothing, and knows when another console drives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.screens.installer import screens
from tests.screens.snapshot import LANGUAGES, compare
from tests.screens.terminal import AtOnce, Terminal
from tests.unit.answer_files import SSH_KEY

from trebol_common.run import CommandRunner
from trebol_installer.screens import first, start
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.driver import DRAFT, Driver
from trebol_installer.screens.first import First
from trebol_installer.screens.remote import invitation

#: What `__main__` loads before it draws, and what must not be among it.
LOADED = """
import sys
from trebol_common.run import CommandRunner
from trebol_common.tui.app import App
from trebol_installer import live
from trebol_installer.screens.first import First
print(*sys.modules)
"""
SLOW = {"asyncio", "gi", "pydantic", "requests", "segno", "ssl", "tomllib", "tornado"}


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    # The language is in the draft, which a console finds where another one has left it.
    monkeypatch.setattr(start, "live_screens", lambda: screens("qemu-bios", language=os.environ["LANGUAGE"]))


def console(folder: Path, name: str = "tty1", *, held: bool = False) -> Terminal[First]:
    return Terminal(First(name, Driver(name, folder)), jobs=AtOnce(held=held))


def test_what_is_pressed_before_the_rest_is_loaded_is_done_then(tmp_path: Path) -> None:
    shown = console(tmp_path, held=True)
    shown.go_to("Español")
    shown.press("enter")
    shown.push("Siguiente")
    assert "Cargando…" in shown.text() and "1/8" in shown.text()

    shown.release()

    assert "Esta máquina" in shown.text() and "2/8" in shown.text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_console_watches_and_takes_over(tmp_path: Path, language: str) -> None:
    first = console(tmp_path, "ttyS0")
    first.controller.change("language", language)
    (tmp_path / DRAFT).touch()

    second = console(tmp_path)

    compare(f"{language}/watching", second.text())
    first.controller.driver.let_go()
    second.push("Go on here" if language == "en" else "Seguir aquí")
    assert ("Install Trebol" if language == "en" else "Instalar Trebol") in second.text()
    assert second.controller.driver.drives
    first.refresh()
    assert "tty1" in first.text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_console_says_how_to_come_in_over_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    told = tmp_path / "told"
    monkeypatch.setattr(first, "invitation", lambda: invitation(told))
    shown = console(tmp_path)
    assert "SSH" not in shown.text()
    shown.controller.change("language", language)

    told.write_text("")
    shown.refresh()
    assert "SSH" not in shown.text(), "it is written at this moment"

    told.write_text("k7mqp2xw4t \n")
    shown.refresh()
    assert "k7mqp2xw4t" in shown.text().splitlines()[-1], "before there is an address"

    told.write_text("k7mqp2xw4t 192.0.2.7 2001:db8::7 \n")
    shown.refresh()
    compare(f"{language}/welcome-ssh", shown.text())


def test_a_console_that_another_one_took_over_from_keeps_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, late = tmp_path / DRAFT, AtOnce(held=True)
    monkeypatch.setattr(start, "live_screens", lambda: screens("qemu-bios", keys=SSH_KEY, saved=kept))
    first = console(tmp_path, "ttyS0")
    mine = first.controller._screens
    assert mine is not None
    mine._jobs = late
    mine.change("ssh-keys-url", "https://example.org/admin.keys")
    mine.act("keys from url")
    second = console(tmp_path)
    first.controller.driver.let_go()
    second.push("Go on here")
    first.refresh()
    kept.write_text("the other's")

    late.release()

    assert kept.read_text() == "the other's"


def test_any_console_can_be_the_first_to_be_used(tmp_path: Path) -> None:
    first = console(tmp_path, "tty1")
    second = console(tmp_path, "ttyS0")
    assert "Language / Idioma" in first.text() and "Language / Idioma" in second.text()

    first.controller.driver.let_go()  # As it does when it is asked.
    second.push("Next")

    assert "This machine" in second.text()
    assert second.controller.driver.drives


def test_what_is_pressed_twice_while_it_takes_over_loads_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Screens] = []

    def load() -> Screens:
        loaded.append(screens("qemu-bios"))
        return loaded[-1]

    monkeypatch.setattr(start, "live_screens", load)
    other = Driver("ttyS0", tmp_path)
    other.try_to_drive()
    (tmp_path / DRAFT).touch()
    second = console(tmp_path, held=True)
    second.push("Go on here")
    second.press("enter")
    other.let_go()

    second.release()

    assert len(loaded) == 1 and second.controller._screens is loaded[0]


def test_a_console_that_lost_the_drive_while_it_loaded_goes_on_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / DRAFT
    monkeypatch.setattr(start, "live_screens", lambda: screens("qemu-bios", saved=kept))
    first = console(tmp_path, "ttyS0", held=True)
    first.push("Next")
    first.controller._ask(0, None)
    first.refresh()
    other = Driver("tty1", tmp_path)
    other.try_to_drive()
    kept.write_text("the other's")

    first.release()

    assert kept.read_text() == "the other's" and first.controller._screens is None
    other.let_go()


def test_the_first_screen_loads_nothing_that_takes_long() -> None:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = CommandRunner().run([sys.executable, "-c", LOADED], env=paths).stdout.split()

    assert "urwid" in loaded
    assert SLOW.isdisjoint(loaded), "what it needs stands in trebol_installer.screens.console"
