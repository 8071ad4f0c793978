"""A whole way through the installer's screens, by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.screens.installer import MACHINES, WHOLE, screens, terminal
from tests.screens.terminal import AtOnce, Terminal
from tests.screens.wrong import WRONG, Wrong
from tests.unit.answer_files import SSH_KEY

from trebol_common.errors import TrebolError
from trebol_common.events import Context, Event
from trebol_common.network import HostNetwork
from trebol_common.tui.page import Marks, Option
from trebol_common.tui.palette import ASCII
from trebol_common.tui.wizard import Place
from trebol_hardware.machine import Machine
from trebol_installer.screens import order
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.engine import DryEngine
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.world import DryWorld
from trebol_installer.ssh_keys import Keys
from trebol_installer.wire import Grade, Look


class Scripted:
    """An engine whose installation fails in its second step, as often as it is told to."""

    def __init__(self, failures: int = 1) -> None:
        self.failures = failures
        self.begun: list[str] = []
        self.said: list[str] = []

    def begin(self, draft: Draft) -> None:
        self.begun.append(draft.to_toml())

    def has_begun(self) -> bool:
        return False

    def events(self) -> Iterator[Event]:
        seen: list[Event] = []
        context = Context(seen.append)
        with context.child("install", "Install Trebol") as inside:
            inside.result(weights=[1, 1])
            with inside.child("check", "Check the disk"):
                pass
            for _ in range(self.failures):
                try:
                    with inside.child("mkfs", "Make ext4") as step:
                        step.log("mkfs.ext4: No space left on device")
                        raise OSError("mkfs.ext4 ended with status 1")
                except OSError:
                    pass
                yield from seen
                seen.clear()
            with inside.child("mkfs", "Make ext4"):
                pass
        yield from seen

    def say(self, word: str) -> None:
        self.said.append(word)


def typed_through(shown: Terminal[Screens]) -> None:
    """Answer every screen as somebody does who takes the defaults."""
    shown.push("Next")
    shown.push("Next")
    shown.go_to("[ ] vda")
    shown.press("blank")
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
        shown.go_to(label)
        shown.type(text)
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
    shown = terminal()
    controller = shown.controller
    screen, chosen = CHOSEN[fields]
    controller.draft.place = Place(screen)
    for key, value in {"disk-setup.disk-list": ("vda",), **chosen}.items():
        controller.change(key, value)
    shown.refresh()

    shown.go_to(wrong.label)
    shown.type(wrong.typed)
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
    shown = terminal("qemu-bios", {**WHOLE, "disk-setup": {"filesystem": "ext4", "disk-list": ["vda"]}})
    shown.controller.draft.place = Place("cluster")
    shown.refresh()
    shown.go_to("creates a cluster")
    shown.press("enter")
    shown.go_to("Cluster name")
    shown.type("Clover-1")
    shown.go_to("joins a cluster")
    shown.press("enter")
    shown.push("Next")
    assert "is needed" in shown.text() and "The node's first boot offers it" in shown.text()
    shown.go_to("Member")
    shown.type("192.0.2.11")
    shown.go_to("Join token")
    shown.type("hunter2-hunter2")
    assert "hunter2" not in shown.text()

    shown.push("Next")

    plan = "\n".join(str(line) for line in shown.page.elements)
    assert "First boot offers to join the cluster of 192.0.2.11, by the token given" in plan
    assert "hunter2" not in plan
    assert shown.controller.draft.get("cluster") == {
        "mode": "join",
        "peer": "192.0.2.11",
        "token": "hunter2-hunter2",
    }
    shown.push("Back")
    shown.go_to("creates a cluster")
    shown.press("enter", "enter")
    assert shown.controller.draft.get("cluster") == {"mode": "create", "name": "Clover-1"}, "it was typed before"
    shown.go_to("stands alone")
    shown.press("enter")
    shown.push("Next")
    assert "cluster" not in shown.controller.draft.members
    assert "First boot" not in str(shown.page.elements)


OTHER_KEY = SSH_KEY.replace("MSw", "NSw")
KEYS = f"{SSH_KEY}\n{OTHER_KEY}\n"


def test_keys_from_a_url_are_added_once() -> None:
    shown = terminal("qemu-bios", {**WHOLE, "global": {**WHOLE["global"], "root-ssh-keys": [SSH_KEY]}}, keys=KEYS)
    shown.controller.draft.place = Place("node")
    shown.refresh()

    shown.push("Keys from URL")
    assert "Type the URL first." in shown.text()
    shown.go_to("URL   ")
    shown.type("example.org")
    shown.push("Keys from URL")
    assert "The URL has to begin with https:// or http://." in shown.text()
    shown.controller.change("ssh-keys-url", "https://example.org/admin.keys")
    shown.push("Keys from URL")
    assert "1 key from https://example.org/admin.keys" in shown.text()
    shown.push("Keys from URL")
    assert "Nothing new: the keys from https://example.org/admin.keys are there" in shown.text()

    assert shown.controller.draft.get("global.root-ssh-keys") == [SSH_KEY, OTHER_KEY]


def test_keys_may_come_late_and_change_the_plan() -> None:
    known = {**WHOLE, "disk-setup": {"filesystem": "ext4", "disk-list": ["vda"]}}
    controller, jobs = screens("qemu-bios", known, keys=KEYS), AtOnce()
    controller.begin(jobs)
    controller.draft.place = Place("node")
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
    shown = terminal("qemu-bios", WHOLE, keys=KEYS, held=True)
    shown.controller.draft.place = Place("node")
    shown.refresh()

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

    world = screens("qemu-bios")._world
    assert isinstance(world, DryWorld)
    draft = Draft.new({**WHOLE, "disk-setup": {"filesystem": "ext4", **setup}})
    controller = Screens(draft, Looking(world.machine, world.engine))
    controller.begin(AtOnce())

    controller.act("keys from stick")

    assert looked == [targets]


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


def test_what_is_lost_has_to_be_typed_first() -> None:
    shown = terminal("rack-server", WHOLE)
    shown.push("Next")
    shown.push("Next")
    shown.go_to("[ ] sdb")
    shown.press("blank")
    while "What will be done" not in shown.text():
        shown.push("Next")
    assert "All that these disks hold is lost: sdb" in shown.text()

    shown.push("Install")
    assert "All that these disks hold is lost: sdb" in shown.text(), "nothing has begun"

    shown.go_to("Type their names")
    shown.type("sdb")
    shown.push("Install")
    assert "Trebol is installed." in shown.text()
    assert shown.controller.draft.get("disk-setup.wipe") is None, "only what is installed now was agreed to"


def test_an_agreement_is_about_the_disks_that_it_was_given_for() -> None:
    engine = Scripted(failures=0)
    controller = screens("rack-server", WHOLE, engine=engine)
    jobs = AtOnce()
    controller.begin(jobs)
    by_name = {option.text.split()[0]: option.value for option in disk_options(controller)}
    controller.change("disk-setup.disk-list", (by_name["sdb"],))
    controller.draft.place = Place("cluster")
    controller.act("next")
    controller.change("confirmed", "sdb")

    controller.draft.place = Place("disks")
    controller.change("disk-setup.disk-list", (by_name["sdc"],))
    controller.draft.place = Place("cluster")
    controller.act("next")
    controller.act("install")
    assert engine.begun == []

    controller.change("confirmed", "sdc")
    controller.act("install")
    assert len(engine.begun) == 1 and 'wipe = "confirmed"' in engine.begun[0] and by_name["sdc"] in engine.begun[0]


def disk_options(controller: Screens) -> tuple[Option, ...]:
    """The disks that can be marked."""
    controller.draft.place = Place("disks")
    page = controller.page()
    assert page is not None
    return next(field.options for field in page.fields() if isinstance(field, Marks))


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
    known = {**WHOLE, "disk-setup": {"filesystem": "ext4", "disk-list": ["vda"]}}
    shown = terminal("qemu-bios", known, asked=tuple(asked))
    shown.controller.change("root-password-again", "correct horse")
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


def test_what_is_to_be_encrypted_needs_a_passphrase() -> None:
    controller = screens("qemu-bios", WHOLE)
    controller.begin(AtOnce())
    controller.draft.place = Place("disks")
    controller.change("disk-setup.disk-list", ("vda",))
    controller.change("encrypted", True)

    controller.act("next")
    assert controller.place.at == "disks"

    controller.change("disk-setup.encryption.passphrase", "four words of mine")
    controller.change("passphrase-again", "four words of mine")
    controller.act("next")
    assert controller.place.at == "location"


def on_disks(machine: str, *disks: str) -> Terminal[Screens]:
    """The screen of the disks, with some of them marked."""
    shown = terminal(machine, WHOLE)
    shown.push("Next")
    shown.push("Next")
    for disk in disks:
        shown.go_to(f"[ ] {disk}")
        shown.press("blank")
    return shown


def choose(shown: Terminal[Screens], label: str, letters: str) -> None:
    """Choose from a list that opens."""
    shown.go_to(label)
    shown.press("enter")
    shown.type(letters)
    shown.press("enter")


def test_sizes_are_typed_and_seen_at_once() -> None:
    shown = on_disks("qemu-bios", "vda")
    assert "Swap, GiB" not in shown.text()
    shown.go_to("[ ] Sizes")
    shown.press("blank")
    shown.go_to("Swap, GiB")
    assert "Here: 3.8 GiB." in shown.text(), "what an empty field comes to on this machine"

    shown.type("1.")
    shown.push("Next")
    assert "'1.': must be a number" in shown.text(), "beside the field, and the screen stays"

    shown.go_to("Swap, GiB")
    shown.type("05")
    assert shown.controller.draft.get("disk-setup.lvm.swapsize") == 1.05
    shown.go_to("Left free")
    assert "swap: 1.0 GiB" in shown.text()
    shown.push("Next")
    assert shown.page.title == "Place and keyboard"


def test_what_does_not_fit_the_machine_is_told_by_the_planner() -> None:
    shown = on_disks("qemu-bios", "vda")
    shown.go_to("[ ] Sizes")
    shown.press("blank")
    shown.go_to("Disk, GiB")
    shown.type("64")
    shown.push("Next")
    shown.press("page down")

    assert shown.page.title == "Disks"
    assert "lvm.hdsize is 64.0 GiB; the disk has 32.0 GiB" in shown.text()


def test_sizes_of_one_file_system_wait_while_another_is_tried() -> None:
    shown = on_disks("qemu-bios", "vda")
    shown.go_to("[ ] Sizes")
    shown.press("blank")
    shown.go_to("Root at most, GiB")
    shown.type("12.50")
    choose(shown, "File system", "zfs")
    shown.go_to("[ ] Sizes")
    shown.press("blank")
    shown.go_to("Cache at most, MiB")
    shown.type("256")
    choose(shown, "Compression", "zstd")
    assert shown.controller.draft.get("disk-setup.zfs") == {"raid": "raid0", "arc-max": 256, "compress": "zstd"}
    assert shown.controller.draft.get("disk-setup.lvm") is None

    choose(shown, "File system", "xfs")
    shown.go_to("Root at most, GiB")
    assert "12.50" in shown.focused() and shown.controller.draft.get("disk-setup.lvm") == {"maxroot": 12.5}

    shown.go_to("[x] Sizes")
    shown.press("blank")
    assert shown.controller.draft.get("disk-setup.lvm") is None, "no size that nobody sees"
    choose(shown, "File system", "zfs")
    assert shown.controller.draft.get("disk-setup.zfs.arc-max") == 256


def test_the_data_of_an_old_node_is_kept_and_its_loss_is_not_what_is_agreed_to() -> None:
    engine = Scripted(failures=0)
    shown = terminal("storage/usb-and-virtual-media", WHOLE, engine=engine)
    shown.push("Next")
    shown.push("Next")
    assert "Keep the data" not in shown.text()
    shown.go_to("[ ] sdc")
    shown.press("blank")
    shown.go_to("[ ] Keep the data")
    shown.press("blank")
    shown.go_to("[ ] Sizes")
    assert "data: kept as it is" in shown.text()
    while "What will be done" not in shown.text():
        shown.push("Next")
    assert "All that these disks hold but the guests' data is lost: sdc" in shown.text()

    shown.push("Install")
    assert engine.begun == []
    shown.go_to("Type their names")
    shown.type("sdc")
    shown.push("Install")

    (answers,) = engine.begun
    assert '"data"' in answers and 'wipe = "confirmed"' in answers


def test_who_agreed_to_lose_the_system_has_not_agreed_to_lose_the_data() -> None:
    controller = screens("storage/usb-and-virtual-media", WHOLE)
    controller.begin(AtOnce())
    controller.draft.place = Place("disks")
    controller.change("disk-setup.disk-list", ("ata-INTEL_SSDSC2BB480G7_PHDV00004802",))
    controller.change("disk-setup.keep", True)
    controller.change("confirmed", "sdc")

    controller.change("disk-setup.keep", False)

    assert controller.draft.aside["confirmed"] == ""


def test_data_that_cannot_be_kept_has_the_planners_reason_beside_it() -> None:
    shown = on_disks("storage/usb-and-virtual-media", "sdc")
    shown.go_to("[ ] Keep the data")
    shown.press("blank")
    choose(shown, "File system", "btrfs")
    shown.push("Next")
    assert shown.page.title == "Disks"
    shown.press("page down")
    assert "holds no node of this layout, whose third partition is btrfs" in shown.text()

    shown.go_to("[x] Keep the data")
    shown.press("blank")
    shown.push("Next")
    assert shown.page.title == "Place and keyboard"


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
    controller = screens("qemu-bios", {**WHOLE, "disk-setup": {"filesystem": "ext4", "disk-list": ["vda"]}})
    controller.draft.place = Place("review")

    shown = Terminal(controller)

    assert "< Install >" in shown.text() and "node:      node1.example.org" in shown.text()


def test_a_machine_that_cannot_be_looked_at_says_why() -> None:
    class Unseen(DryWorld):
        def look(self) -> Facts:
            raise TrebolError("udev does not answer", where="probe")

    world = screens("qemu-bios")._world
    assert isinstance(world, DryWorld)
    shown = Terminal(Screens(Draft.new(WHOLE), Unseen(world.machine, world.engine)))
    for _ in range(2):
        shown.push("Next")
        assert "udev does not answer" in shown.text()


@dataclass(frozen=True)
class Wired(DryWorld):
    """A recorded machine on a wire on which every look finds something."""

    has_wire: bool = True

    def try_network(self, network: HostNetwork) -> Iterator[Look]:
        """See `World.try_network`."""
        for what in ("link", "address", "duplicate", "gateway", "name server", "MTU"):
            yield Look(what, Grade.GOOD, "seen")


def test_what_a_test_of_the_network_shows_is_seen_below_a_long_page() -> None:
    recorded = Machine.load(MACHINES / "rack-server.json")
    draft = Draft.new({**WHOLE, "network": {"source": "from-answer", "cidr": "192.0.2.10/24"}})
    draft.place = Place("network")
    shown = Terminal(Screens(draft, Wired(recorded, DryEngine(recorded))))
    for key, value in (
        ("network.filter.ID_NET_NAME_MAC", "enxb07b25d10010"),
        ("network.gateway", "192.0.2.1"),
        ("network.dns", "192.0.2.1"),
    ):
        shown.controller.change(key, value)
    shown.refresh()

    shown.push("Test")

    assert "MTU: seen" in shown.text()
