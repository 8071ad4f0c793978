"""The screens of an installation: its course, its failures and its end, as its events tell them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.screens.snapshot import LANGUAGES, compare
from tests.screens.terminal import Terminal

from trebol_common import i18n
from trebol_common.events import Event, Kind
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Page
from trebol_common.tui.palette import ASCII, UTF8, Signs
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.watch import page, watch
from trebol_installer.wire import Grade, Look

INSTALL = ("install",)
#: The steps, what each counts for, and how many seconds it took.
STEPS = (
    ("Check that disk vda is as it was found", 1, 0.4),
    ("Write partitions on vda", 2, 2.1),
    ("Make ext4 on trebol/root", 1, 3.3),
    ("Unpack layer base.squashfs", 40, 61.0),
)


class Still:
    """A controller that shows one page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def begin(self, jobs: Jobs) -> None:
        """See `Controller.begin`."""

    def page(self) -> Page:
        return self._page

    def change(self, key: str, value: Any) -> None:
        """See `Controller.change`."""

    def act(self, name: str) -> None:
        """See `Controller.act`."""


def _begun(steps: int) -> Iterator[Event]:
    """An installation of which so many steps are done."""
    yield Event(Kind.START, INSTALL, 100.0, "Install Trebol")
    yield Event(Kind.RESULT, INSTALL, 100.0, data={"weights": [weight for _, weight, _ in STEPS]})
    now = 100.0
    for text, _, seconds in STEPS[:steps]:
        yield Event(Kind.START, (*INSTALL, text), now, text)
        now += seconds
        yield Event(Kind.FINISH, (*INSTALL, text), now, text, ok=True, seconds=seconds)


def _course() -> Iterator[Event]:
    yield from _begun(3)
    step, path = STEPS[3][0], (*INSTALL, STEPS[3][0])
    yield Event(Kind.START, path, 106.0, step)
    yield Event(Kind.PROGRESS, path, 106.0, done=0.0, total=1.5e9, unit="bytes")
    yield Event(Kind.LOG, path, 107.0, "unsquashfs: 36103 files")
    yield Event(Kind.PROGRESS, path, 126.0, done=5e8, total=1.5e9, unit="bytes")


def _stopped() -> Iterator[Event]:
    yield from _begun(2)
    step, path = STEPS[2][0], (*INSTALL, STEPS[2][0])
    yield Event(Kind.START, path, 103.0, step)
    yield Event(Kind.LOG, path, 104.0, "mkfs.ext4: Input/output error while writing out and closing file system")
    reason = "mkfs.ext4 ended with status 1\n  → look at the disk: smartctl -a /dev/vda"
    yield Event(Kind.FINISH, path, 105.0, step, ok=False, seconds=2.0, data={"error": reason})


def _given_up() -> Iterator[Event]:
    yield from _stopped()
    yield Event(Kind.FINISH, INSTALL, 106.0, "Install Trebol", ok=False, seconds=6.0)


def _done() -> Iterator[Event]:
    yield from _begun(4)
    yield Event(Kind.FINISH, INSTALL, 175.0, "Install Trebol", ok=True, seconds=75.0)


STATES = {
    "installing": _course,
    "installing-begins": lambda: iter(()),
    "failed-ended": _given_up,
    "done": _done,
    "done-tested": _done,
    "done-ipv6": _done,
}
FIXED = {
    "done-ipv6": {"source": "from-answer", "cidr": "2001:db8::10/64", "gateway": "2001:db8::1", "dns": "2001:db8::1"}
}
TESTED = {"done-tested": (Look("address", Grade.GOOD, "192.0.2.10/24", ("192.0.2.10/24",)),)}


def _shown(state: str, language: str, signs: Signs = UTF8) -> Terminal[Still]:
    i18n.use(language)
    draft = Draft.new({"global": {"fqdn": "node1.example.org"}, "network": FIXED.get(state, {"source": "from-dhcp"})})
    shown = page(watch(STATES[state]()), draft, TESTED.get(state, ()), (), 127.0)
    return Terminal(Still(shown), signs=signs)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_a_screen_looks_as_it_is_to_look(state: str, language: str) -> None:
    compare(f"{language}/{state}", _shown(state, language).text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_terminal_without_utf8_gets_the_words_without_the_code(language: str) -> None:
    compare(f"{language}/done-ascii", _shown("done", language, ASCII).text())
