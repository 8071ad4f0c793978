"""SSH keys from a URL or a stick on the screen of the node: what is added, when, and from where."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pytest
from tests.screens.installer import ON_VDA, WHOLE, recorded, screens, terminal
from tests.screens.terminal import AtOnce
from tests.unit.answer_files import SSH_KEY

from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.world import DryWorld
from trebol_installer.ssh_keys import Keys

OTHER_KEY = SSH_KEY.replace("MSw", "NSw")
KEYS = f"{SSH_KEY}\n{OTHER_KEY}\n"


def test_keys_from_a_url_are_added_once() -> None:
    shown = terminal(
        "qemu-bios", {**WHOLE, "global": {**WHOLE["global"], "root-ssh-keys": [SSH_KEY]}}, keys=KEYS, at="node"
    )

    shown.push("Keys from URL")
    assert "Type the URL first." in shown.text()
    shown.fill("URL   ", "example.org")
    shown.push("Keys from URL")
    assert "The URL has to begin with https:// or http://." in shown.text()
    shown.controller.change("ssh-keys-url", "https://example.org/admin.keys")
    shown.push("Keys from URL")
    assert "1 key from https://example.org/admin.keys" in shown.text()
    shown.push("Keys from URL")
    assert "Nothing new: the keys from https://example.org/admin.keys are there" in shown.text()

    assert shown.controller.draft.get("global.root-ssh-keys") == [SSH_KEY, OTHER_KEY]


def test_keys_may_come_late_and_change_the_plan() -> None:
    controller, jobs = screens("qemu-bios", ON_VDA, keys=KEYS, at="node"), AtOnce()
    controller.begin(jobs)
    late = AtOnce(held=True)
    controller._jobs = late
    controller.act("keys from stick")
    controller.act("keys from stick")
    controller._jobs = jobs
    for _ in ("node", "network", "cluster"):
        controller.act("next")
    assert "no SSH key" in str(controller.page())

    late.release()

    assert "2 SSH keys" in str(controller.page())


def test_no_stick_is_looked_for_before_the_disks_are_known() -> None:
    shown = terminal("qemu-bios", WHOLE, keys=KEYS, at="node", held=True)

    shown.push("Keys from USB stick")

    assert "Looking at the disks…" in shown.text()
    shown.release()
    assert shown.controller.draft.get("global.root-ssh-keys") is None


@pytest.mark.parametrize(
    ("setup", "targets"),
    [
        ({"disk-list": ["vda"]}, {"vda"}),
        ({"disk-list": ["/dev/disk/by-path/pci-0000:00:04.0"]}, {"vda"}),
        ({"filter": {"transport": "virtio"}}, {"vda"}),
        ({}, set()),
    ],
)
def test_no_stick_that_is_installed_on_is_looked_into(setup: dict[str, Any], targets: set[str]) -> None:
    looked: list[Set[str]] = []

    class Looking(DryWorld):
        def keys_on_sticks(self, targets: Set[str]) -> Keys:
            looked.append(targets)
            return Keys("sdb1", (SSH_KEY,))

    draft = Draft.new({**WHOLE, "disk-setup": {"filesystem": "ext4", **setup}})
    controller = Screens(draft, Looking.of(recorded("qemu-bios")))
    controller.begin(AtOnce())

    controller.act("keys from stick")

    assert looked == [targets]
