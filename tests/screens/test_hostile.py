"""Screens that meet what nobody would type or call a thing in good faith, on terminals of any size."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.effort import effort
from tests.screens.installer import ON_VDA, terminal
from tests.screens.terminal import AtOnce, Terminal

from trebol_common.tui.legible import SIGN, legible, width
from trebol_common.tui.page import Action, Choice, Input, Option, Page, Rows, Text
from trebol_common.tui.palette import ASCII, UTF8
from trebol_installer.screens.draft import Draft

#: What steers a terminal, has no width, two columns, or is half of a character.
HOSTILE = "\x1b[2Jx\x9b31m\N{RIGHT-TO-LEFT OVERRIDE}\N{COMBINING ACUTE ACCENT}\N{ZERO WIDTH SPACE}\udc80漢\t\0\x7f"

KEYS = (
    *("tab", "enter", " ", "down") * 6,
    *("shift tab", "esc", "up", "left", "right", "home", "end", "page up", "page down", "backspace", "delete"),
    *("ctrl x", "ctrl a", "f1", "meta x", "begin paste", "<128>", *"aZ09.-/@ñ漢", *HOSTILE),
)
SIZES = ((80, 24), (20, 5), (40, 7), (79, 10), (132, 50), (300, 100))
SCREENS = ("hardware", "disks", "location", "node", "network", "cluster", "review")


@pytest.mark.parametrize("at", SCREENS)
def test_no_keys_on_no_size_end_the_screens(tmp_path: Path, at: str) -> None:
    chosen = random.Random(at)
    signs = chosen.choice((UTF8, ASCII))
    shown = terminal("rack-server", ON_VDA, language=chosen.choice(("en", "es")), at=at, saved=tmp_path / "draft")
    shown = Terminal(shown.controller, signs=signs)
    for _ in range(effort(150)):
        if chosen.random() < 0.1:
            shown.size = chosen.choice(SIZES)
        shown.press(chosen.choice(KEYS))
        if shown.controller.page() is None:
            return
        canvas = shown.view.render(shown.size, focus=True)
        assert (canvas.cols(), canvas.rows()) == shown.size
    shown.controller.change("global.mailto", "a@b")
    if not shown.view.is_open:
        shown.press("tab")
    assert shown.view.is_open or shown.focused(), "there is a way on"
    assert Draft.load(tmp_path / "draft").members == shown.controller.draft.members


class Still:
    """One page, and what was typed into it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.changed: list[object] = []

    def begin(self, jobs: object) -> None: ...

    def page(self) -> Page:
        return self._page

    def change(self, key: str, value: object) -> None:
        self.changed.append(value)

    def act(self, name: str) -> None: ...


def test_what_comes_from_outside_neither_steers_the_terminal_nor_shifts_its_columns() -> None:
    options = tuple(Option(f"{HOSTILE}{number}", HOSTILE, HOSTILE) for number in range(8))
    page = Page(
        HOSTILE,
        (
            Text(HOSTILE, mark="→"),
            Rows(((HOSTILE, "sda"), ("plain", "sdb"))),
            Input("typed", HOSTILE, HOSTILE),
            Choice("few", HOSTILE, options[:2], options[0].value),
            Choice("many", HOSTILE, options, options[3].value, hint=HOSTILE),
        ),
        (Action("next", HOSTILE),),
        status=HOSTILE,
    )
    shown = Terminal(Still(page), jobs=AtOnce())

    for label in (None, "many"):
        canvas = shown.view.render(shown.size, focus=True)
        drawn = b"".join(text for row in canvas.content() for _attribute, _charset, text in row).decode()
        assert all(each.isprintable() for each in drawn) and "\\x1b[2Jx" in drawn and SIGN in drawn
        if label is None:
            shown.press("tab", "tab", "tab", "enter")
    assert shown.view.is_open
    shown.press("down", "enter")
    assert shown.controller.changed[-1] == options[4].value, "what is told is what it is, and not what is drawn"


def test_names_of_two_columns_a_character_stay_in_line() -> None:
    shown = Terminal(Still(Page("Disks", (Rows((("漢字", "sda"), ("plain", "sdb"))),), (Action("next", "Next"),))))

    lines = shown.text().splitlines()

    assert {width(line.partition("sd")[0]) for line in lines if "sd" in line} == {len(" plain  ")}


def test_what_is_plain_is_the_same_page() -> None:
    page = Page("Disks", (Text("one"), Input("key", "Name", "value")))

    assert legible(page) is page


def test_a_secret_is_kept_as_it_was_typed() -> None:
    page = Page("Node", (Input("key", "Password", HOSTILE, secret=True),))

    assert legible(page) == page


def test_a_terminal_of_five_lines_shows_where_the_cursor_is() -> None:
    shown = terminal("qemu-bios", ON_VDA, at="node")
    shown.size = (44, 5)

    shown.fill("Full name", "node7")

    assert "node7" in shown.text()
    shown.push("Next")
    assert shown.page.title == "Network"
