"""The installer's screens at 80x24, in both languages, and what keys do to them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import pytest
from tests.screens.installer import WHOLE, at_a_switch, failed, terminal
from tests.screens.snapshot import LANGUAGES, compare
from tests.screens.terminal import Terminal

from trebol_common.tui.page import Action, Input
from trebol_common.tui.rows import BETWEEN, NARROWEST, Opened
from trebol_common.tui.view import HINT_LINES
from trebol_installer.screens.controller import Screens

#: What leaves an address and its prefix beside it: 43 characters.
WIDEST_LABEL = 30
#: The usual button, in each language.
NEXT = {"en": "< Next >", "es": "< Siguiente >"}
#: How switches of the disks' screen begin.
SIZES = {"en": "Sizes", "es": "Tamaños"}
KEEP = {"en": "Keep", "es": "Conservar"}


def _to(screen: int, language: str, machine: str = "qemu-bios", **others: object) -> Terminal[Screens]:
    shown = terminal(machine, WHOLE, language=language, **others)
    for number in range(1, screen):
        if number == 3:
            shown.switch("[ ]")
        shown.push(NEXT[language])
    return shown


def _fixed(language: str) -> Terminal[Screens]:
    shown = _to(6, language)
    shown.controller.change("network.source", "from-answer")
    for key, value in (
        ("network.cidr", "192.0.2.10/24"),
        ("network.gateway", "198.51.100.1"),
        ("network.vlan", "5000"),
    ):
        shown.controller.change(key, value)
    assert shown.controller.draft.get("network.vlan") == 5000
    shown.push(NEXT[language])
    return shown


def _bonded(language: str) -> Terminal[Screens]:
    shown = _to(3, language, "rack-server")
    shown.controller.change("disk-setup.disk-list", ("nvme0n1",))
    while shown.controller.place.at != "network":
        shown.controller.act("next")
    shown.refresh()
    shown.controller.change("bonded", True)
    shown.controller.change("network.bond.ports", ("b0:7b:25:d1:00:10", "b0:7b:25:d1:00:11"))
    shown.refresh()
    return shown


def _encrypted(language: str) -> Terminal[Screens]:
    shown = _to(3, language)
    shown.press("tab", "tab", "blank", "tab", "blank", "tab")
    shown.type("short")
    return shown


def _by_hand(language: str) -> Terminal[Screens]:
    """Sizes of LVM, one of them no number."""
    shown = _to(3, language)
    shown.controller.change("disk-setup.disk-list", ("vda",))
    shown.refresh()
    shown.go_to("[ ] " + SIZES[language])
    shown.press("blank", "tab", "tab")
    shown.type("lots")
    return shown


def _by_hand_zfs(language: str) -> Terminal[Screens]:
    shown = _to(3, language)
    shown.controller.change("disk-setup.filesystem", "zfs")
    shown.controller.change("disk-setup.disk-list", ("vda",))
    shown.refresh()
    shown.go_to("[ ] " + SIZES[language])
    shown.press("blank", *["tab"] * 6)
    return shown


#: A machine with an old node, and the disk that it is on.
OLD_NODE = "storage/usb-and-virtual-media"
OLD_DISK = "ata-INTEL_SSDSC2BB480G7_PHDV00004802"


def _old_node(language: str, filesystem: str = "ext4") -> Terminal[Screens]:
    shown = _to(3, language, OLD_NODE)
    shown.controller.change("disk-setup.filesystem", filesystem)
    shown.controller.change("disk-setup.disk-list", (OLD_DISK,))
    shown.refresh()
    return shown


def _kept(language: str) -> Terminal[Screens]:
    shown = _old_node(language)
    shown.go_to("[ ] " + KEEP[language])
    shown.press("blank", "tab", "tab")
    return shown


def _at_change(language: str) -> Terminal[Screens]:
    shown = _to(8, language)
    shown.controller.act("change")
    shown.refresh()
    return shown


def _kept_review(language: str) -> Terminal[Screens]:
    shown = _kept(language)
    while shown.controller.place.at != "review":
        shown.controller.act("next")
    shown.refresh()
    return shown


def _unnamed(language: str) -> Terminal[Screens]:
    shown = terminal(
        "qemu-bios", {"global": {"country": "es"}, "disk-setup": {"disk-list": ["vda"]}}, language=language
    )
    for _ in range(5):
        shown.push(NEXT[language])
    return shown


def _saved(language: str, *, plugged: bool) -> Terminal[Screens]:
    shown = failed(language, plugged=plugged)
    shown.push({"en": "< Save logs to USB >", "es": "< Registros a USB >"}[language])
    return shown


def _clustered(mode: str, key: str, value: str, language: str) -> Terminal[Screens]:
    """Wants to create or to join a cluster, with a wrong value for a key, and was not let go on."""
    shown = _to(7, language)
    shown.controller.change("cluster.mode", mode)
    shown.controller.change(key, value)
    shown.push(NEXT[language])
    return shown


KEYS = "\n".join(f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{name} {name}@laptop" for name in ("ana", "eva", "ivo", "i"))
KEYS_AT = "https://example.org/admin.keys"


def _keys(language: str, *, found: bool = True, held: bool = False) -> Terminal[Screens]:
    """Has had keys fetched from a URL; with `held`, is waiting for them."""
    shown = terminal("qemu-bios", WHOLE, language=language, at="node", keys=KEYS if found else None, held=held)
    shown.controller.change("ssh-keys-url", KEYS_AT)
    shown.refresh()
    shown.push("Keys from URL" if language == "en" else "Claves de la URL")
    return shown


STATES: dict[str, Callable[[str], Terminal[Screens]]] = {
    "welcome": lambda language: _to(1, language),
    "hardware": lambda language: _to(2, language),
    "hardware-looking": lambda language: terminal("qemu-bios", WHOLE, language=language, held=True),
    "hardware-bad": lambda language: _to(2, language, "asus-ryzen-svm-off"),
    "disks": lambda language: _to(3, language, "rack-server"),
    "disks-encrypted": _encrypted,
    "disks-sizes": _by_hand,
    "disks-sizes-zfs": _by_hand_zfs,
    "disks-old-node": _old_node,
    "disks-not-kept": lambda language: _old_node(language, "btrfs"),
    "disks-kept": _kept,
    "location": lambda language: _to(4, language),
    "node": lambda language: _to(5, language),
    "node-missing": _unnamed,
    "node-keys": _keys,
    "node-keys-fetching": lambda language: _keys(language, held=True),
    "node-keys-failed": lambda language: _keys(language, found=False),
    "network": lambda language: _to(6, language),
    "network-fixed": _fixed,
    "network-bond": _bonded,
    "network-switch": at_a_switch,
    "cluster": lambda language: _to(7, language),
    "cluster-create": lambda language: _clustered("create", "cluster.name", "a_cluster_of_mine", language),
    "cluster-join": lambda language: _clustered("join", "cluster.token", "two words", language),
    "review": lambda language: _to(8, language),
    "review-change": _at_change,
    "review-kept": _kept_review,
    "failed": failed,
    "failed-saved": lambda language: _saved(language, plugged=True),
    "failed-no-stick": lambda language: _saved(language, plugged=False),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_a_screen_looks_as_it_is_to_look(state: str, language: str) -> None:
    compare(f"{language}/{state}", STATES[state](language).text())


def _lines(actions: Sequence[Action]) -> int:
    """Lines that the buttons take, each as wide as the widest where they do not fit a single one."""
    widths = [len(action.text) + 4 + BETWEEN for action in actions]
    if sum(widths) <= NARROWEST + BETWEEN:
        return 1
    return -(-len(widths) // ((NARROWEST + BETWEEN) // max(widths)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_nothing_is_cut_on_the_smallest_terminal(state: str, language: str) -> None:
    shown = STATES[state](language)
    page = shown.page

    for field in page.fields():
        assert len(textwrap.wrap(field.hint, NARROWEST)) <= HINT_LINES, field
        assert not isinstance(field, Input) or len(field.label) <= WIDEST_LABEL, field
    assert _lines(page.actions) <= 2
    assert len(page.title) < 70
    for row in shown.view._rows:
        if isinstance(row, Opened):
            assert row.width + max(len(option.text) for option in row.options) + 3 <= NARROWEST, row.label
