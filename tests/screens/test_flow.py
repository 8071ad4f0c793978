"""A whole way through the installer's screens, by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.screens.installer import ON_VDA, WHOLE, Scripted, on_disks, recorded, screens, terminal
from tests.screens.terminal import AtOnce, Terminal
from tests.screens.wrong import WRONG, Wrong

from trebol_common.errors import TrebolError
from trebol_common.network import HostNetwork
from trebol_common.tui.palette import ASCII
from trebol_common.tui.wizard import Place
from trebol_installer.screens import order
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.engine import DryEngine
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.world import DryWorld
from trebol_installer.wire import Grade, Look


def typed_through(shown: Terminal[Screens]) -> None:
    """Answer every screen as somebody does who takes the defaults."""
    shown.push("Next")
    shown.push("Next")
    shown.switch("[ ] vda")
    shown.push("Next")
    shown.go_to("Country")
    shown.press("enter")
    shown.type("spa")
    shown.press("enter")
    shown.push("Next")
    for label, text in (
        ("Full name", "node1.example.org"),
        ("Mail to", "admin@example.org"),
        ("Root password", "correct horse"),
        ("Again", "correct horse"),
    ):
        shown.fill(label, text)
    for _ in ("node", "network", "cluster"):
        shown.push("Next")


def test_a_whole_installation_is_typed_with_defaults() -> None:
    shown = terminal()

    typed_through(shown)

    assert "What will be done" in shown.text() and "node:      node1.example.org" in shown.text()
    draft = shown.controller.draft
    assert draft.get("global.timezone") == "Europe/Madrid" and draft.get("global.keyboard") == "es"
    shown.push("Install")
    assert "Trebol is installed." in shown.text() and "https://node1.example.org:9090" in shown.text()


def test_nothing_is_lost_back_and_forth(tmp_path: Path) -> None:
    shown = terminal(saved=tmp_path / "draft.json")
    typed_through(shown)
    before = shown.controller.draft.to_toml()

    for _ in range(8):
        shown.push("Back")
        if "Install Trebol" in shown.text().splitlines()[0]:
            break
    for _ in range(7):
        shown.push("Next")

    assert "What will be done" in shown.text()
    assert shown.controller.draft.to_toml() == before
    assert Draft.load(tmp_path / "draft.json").to_toml() == before, "another screen could go on from here"


#: The screen of each group of fields, and what is chosen there first.
CHOSEN: dict[str, tuple[str, dict[str, Any]]] = {
    "disks": ("disks", {"encrypted": True}),
    "sizes": ("disks", {"by-hand disk-setup.lvm": True}),
    "node": ("node", {}),
    "network": ("network", {"network.source": "from-answer"}),
    "cluster that is created": ("cluster", {"cluster.mode": "create"}),
    "cluster that is joined": ("cluster", {"cluster.mode": "join"}),
}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        pytest.param(fields, each, id=f"{each.label.strip()}: {each.typed}")
        for fields in WRONG
        for each in WRONG[fields]
    ],
)
def test_what_is_typed_wrong_is_told_below_its_field(fields: str, wrong: Wrong) -> None:
    screen, chosen = CHOSEN[fields]
    shown = terminal(at=screen)
    controller = shown.controller
    for key, value in {"disk-setup.disk-list": ("vda",), **chosen}.items():
        controller.change(key, value)
    shown.refresh()

    shown.fill(wrong.label, wrong.typed)
    assert wrong.said in shown.text()
    shown.push("Next")
    assert controller.place.at == screen, "a screen with something wrong is not left"
    shown.go_to(wrong.label)
    shown.press(*["backspace"] * len(wrong.typed))
    assert wrong.said not in shown.text()


def test_a_fixed_address_stays_typed_while_dhcp_is_tried() -> None:
    controller = screens("qemu-bios", WHOLE)
    controller.change("network.source", "from-answer")
    controller.change("network.cidr", "192.0.2.10/24")

    controller.change("network.source", "from-dhcp")
    assert controller.draft.get("network.cidr") is None
    controller.change("network.source", "from-answer")
    assert controller.draft.text("network.cidr") == "192.0.2.10/24"


def test_what_is_wanted_of_a_cluster_is_typed_and_told_in_the_plan() -> None:
    shown = terminal("qemu-bios", ON_VDA, at="cluster")
    shown.go_to("creates a cluster")
    shown.press("enter")
    shown.fill("Cluster name", "Clover-1")
    shown.go_to("joins a cluster")
    shown.press("enter")
    shown.push("Next")
    assert "is needed" in shown.text() and "The node's first boot does it" in shown.text()
    shown.fill("Member", "192.0.2.11")
    shown.fill("Join token", "hunter2-9f2c4e81b7d3605a1c88")
    assert "hunter2" not in shown.text()

    shown.push("Next")

    plan = "\n".join(str(line) for line in shown.page.elements)
    assert "First boot joins the cluster of 192.0.2.11" in plan
    assert "hunter2" not in plan
    assert shown.controller.draft.get("cluster") == {
        "mode": "join",
        "peer": "192.0.2.11",
        "token": "hunter2-9f2c4e81b7d3605a1c88",
    }
    shown.push("Back")
    shown.go_to("creates a cluster")
    shown.press("enter", "enter")
    assert shown.controller.draft.get("cluster") == {
        "mode": "create",
        "name": "Clover-1",
        "token": "hunter2-9f2c4e81b7d3605a1c88",
    }, "it was typed before, and both have a token"
    shown.go_to("stands alone")
    shown.press("enter")
    shown.push("Next")
    assert "cluster" not in shown.controller.draft.members
    assert "First boot" not in str(shown.page.elements)


@pytest.mark.parametrize("button", ["Do this step again", "Back to the answers"])
def test_a_failed_step_says_why_and_can_be_done_again_or_left(button: str) -> None:
    engine, jobs = Scripted(), Stepwise()
    shown = Terminal(screens("qemu-bios", WHOLE, engine=engine), jobs=jobs)
    ready(shown.controller)
    shown.refresh()
    shown.push("Install")
    jobs.take(lambda: "failed" in title(shown.controller))
    shown.refresh()
    assert "mkfs.ext4 ended with status 1" in shown.text() and "No space left on device" in shown.text()

    shown.push(button)

    if button == "Back to the answers":
        assert engine.said == [""]
        assert "What will be done" in shown.text()
    else:
        assert engine.said == ["retry"]
        jobs.take(lambda: False)
        shown.refresh()
        assert "Trebol is installed." in shown.text()


def title(controller: Screens) -> str:
    """Of the page that would be drawn now."""
    page = controller.page()
    return page.title if page else ""


def ready(controller: Screens) -> None:
    """Bring the screens to the review of a whole draft."""
    controller.change("disk-setup.disk-list", ("vda",))
    while controller.place.at != "review":
        controller.act("next")


class Stepwise(AtOnce):
    """Jobs that hand out what they follow one item after the other, when a test asks for it."""

    _items: Iterator[Any] = iter(())
    _each: Callable[[Any], None]

    def follow(self, items: Iterable[Any], each: Callable[[Any], None]) -> None:
        self._items, self._each = iter(items), each

    def take(self, enough: Callable[[], bool]) -> None:
        """Hand out one item after the other until it is enough."""
        for item in self._items:
            self._each(item)
            if enough():
                return


@pytest.mark.parametrize(
    ("asked", "screens_shown"),
    [
        (["network"], ["Network", "What will be done"]),
        (["global.fqdn"], ["The node", "What will be done"]),
        (["cluster"], ["Cluster", "What will be done"]),
        (["disk-setup", "global"], ["Disks", "Place and keyboard", "The node", "What will be done"]),
    ],
)
def test_an_answer_file_that_leaves_something_out_has_that_asked_for(
    asked: list[str], screens_shown: list[str]
) -> None:
    shown = terminal("qemu-bios", ON_VDA, asked=tuple(asked))
    seen: list[str] = []
    while not seen or seen[-1] != "What will be done":
        seen.append(shown.page.title)
        if seen[-1] != "What will be done":
            shown.push("Next")

    assert seen == screens_shown


@pytest.mark.parametrize("size", [(80, 24), (132, 43), (100, 30)])
def test_a_screen_fits_a_terminal_of_any_size(size: tuple[int, int]) -> None:
    shown = Terminal(screens("rack-server", WHOLE), size=size)
    for _ in range(2):
        shown.push("Next")

    lines = shown.text().splitlines()
    assert len(lines) == size[1] and all(len(line) <= size[0] for line in lines)
    shown.size = (80, 24)
    assert "< Next >" in shown.text(), "and it fits when the terminal gets smaller"


def test_a_terminal_without_utf8_gets_signs_that_it_has() -> None:
    shown = Terminal(screens("rack-server", WHOLE), signs=ASCII)
    shown.push("Next")
    shown.push("Next")

    body = shown.text()
    assert "─" not in body and "↓" not in body and "---" in body


def test_a_long_page_scrolls_no_further_than_the_focus_needs() -> None:
    shown = on_disks("rack-server", "nvme0n1")
    first = "File system"
    while "[ ] sde" not in shown.focused():
        shown.press("tab")
        assert first in shown.text(), "all of this is on the screen already"
    assert "↓ more: Page Down" in shown.text() and "↑" not in shown.text()

    shown.go_to("[ ] Sizes")
    assert "then  1: GRUB for BIOS" in shown.text(), "the last field shows what becomes of the disks"
    assert "↑ more: Page Up" in shown.text() and first not in shown.text()

    shown.press("tab", "page up", "page up")
    assert first in shown.text() and "Next" in shown.focused(), "the buttons' page can be read too"
    shown.press("page down", "page down", "up")
    assert "[ ] Sizes" in shown.focused() and "↓ more" not in shown.text()

    shown.press("tab", "tab", "tab")
    assert first in shown.focused() and "↑" not in shown.text()


def test_tab_goes_on_from_where_the_page_was_scrolled_to() -> None:
    shown = Terminal(screens("rack-server", WHOLE), size=(80, 16))
    shown.push("Next")
    shown.push("Next")
    shown.controller.change("disk-setup.disk-list", ("nvme0n1",))
    shown.refresh()
    for _ in range(6):
        shown.press("page down")

    shown.press("tab")

    assert "< Next >" in shown.focused()


def test_secrets_of_an_answer_file_are_not_asked_for_again() -> None:
    encryption = {"passphrase": "four words of mine"}
    setup = {"filesystem": "ext4", "disk-list": ["vda"], "encryption": encryption}
    shown = terminal("qemu-bios", {**WHOLE, "disk-setup": setup}, asked=("disk-setup.disk-list", "global.fqdn"))

    assert "[x] Encrypt the disks" in shown.text()
    shown.push("Next")
    shown.push("Next")
    assert "What will be done" in shown.text()


def test_a_console_that_comes_to_the_review_finds_the_plan() -> None:
    shown = terminal("qemu-bios", ON_VDA, at="review")

    assert "< Install >" in shown.text() and "node:      node1.example.org" in shown.text()


def test_a_machine_that_cannot_be_looked_at_says_why() -> None:
    class Unseen(DryWorld):
        def look(self) -> Facts:
            raise TrebolError("udev does not answer", where="probe")

    shown = Terminal(Screens(Draft.new(WHOLE), Unseen.of(recorded("qemu-bios"))))
    for _ in range(2):
        shown.push("Next")
        assert "udev does not answer" in shown.text()


def test_the_review_leads_to_any_screen_and_back() -> None:
    shown = terminal()
    typed_through(shown)
    titles = [order.title(name) for name in order.WIZARD.shown(shown.controller.draft)[:-1]]

    for name in titles:
        shown.push("Change")
        assert all(each in shown.text() for each in titles)
        shown.push(f"< {name} >")
        assert name in shown.text().splitlines()[0]
        shown.push("Next")
        assert "What will be done" in shown.text()
    shown.push("Change")
    shown.push("Back")
    assert "What will be done" in shown.text()


@dataclass(frozen=True)
class Wired(DryWorld):
    """A recorded machine on a wire on which every look finds something."""

    has_wire: bool = True

    def try_network(self, network: HostNetwork) -> Iterator[Look]:
        """See `World.try_network`."""
        for what in ("link", "address", "duplicate", "gateway", "name server", "MTU"):
            yield Look(what, Grade.GOOD, "seen")


def test_what_a_test_of_the_network_shows_is_seen_below_a_long_page() -> None:
    machine = recorded("rack-server")
    draft = Draft.new({**WHOLE, "network": {"source": "from-answer", "cidr": "192.0.2.10/24"}})
    draft.place = Place("network")
    shown = Terminal(Screens(draft, Wired(machine, DryEngine(machine))))
    for key, value in (
        ("network.filter.ID_NET_NAME_MAC", "enxb07b25d10010"),
        ("network.gateway", "192.0.2.1"),
        ("network.dns", "192.0.2.1"),
    ):
        shown.controller.change(key, value)
    shown.refresh()

    shown.push("Test")

    assert "MTU: seen" in shown.text()
