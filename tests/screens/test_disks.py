"""The screen of the disks: what is typed there, what is kept, and what has to be agreed to before it is lost."""

from __future__ import annotations

from tests.screens.installer import WHOLE, Scripted, on_disks, screens
from tests.screens.terminal import AtOnce, Terminal

from trebol_common.tui.page import Marks, Option
from trebol_common.tui.wizard import Place
from trebol_installer.screens.controller import Screens


def test_what_is_lost_has_to_be_typed_first() -> None:
    shown = on_disks("rack-server", "sdb")
    while "What will be done" not in shown.text():
        shown.push("Next")
    assert "All that these disks hold is lost: sdb" in shown.text()

    shown.push("Install")
    assert "All that these disks hold is lost: sdb" in shown.text(), "nothing has begun"

    shown.fill("Type their names", "sdb")
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


def test_what_is_to_be_encrypted_needs_a_passphrase() -> None:
    controller = screens("qemu-bios", WHOLE, at="disks")
    controller.begin(AtOnce())
    controller.change("disk-setup.disk-list", ("vda",))
    controller.change("encrypted", True)

    controller.act("next")
    assert controller.place.at == "disks"

    controller.change("disk-setup.encryption.passphrase", "four words of mine")
    controller.change("passphrase-again", "four words of mine")
    controller.act("next")
    assert controller.place.at == "location"


def choose(shown: Terminal[Screens], label: str, letters: str) -> None:
    """Choose from a list that opens."""
    shown.go_to(label)
    shown.press("enter")
    shown.type(letters)
    shown.press("enter")


def test_sizes_are_typed_and_seen_at_once() -> None:
    shown = on_disks("qemu-bios", "vda")
    assert "Swap, GiB" not in shown.text()
    shown.switch("[ ] Sizes")
    shown.go_to("Swap, GiB")
    assert "Here: 3.8 GiB." in shown.text(), "what an empty field comes to on this machine"

    shown.type("1.")
    shown.push("Next")
    assert "'1.': must be a number" in shown.text(), "beside the field, and the screen stays"

    shown.fill("Swap, GiB", "05")
    assert shown.controller.draft.get("disk-setup.lvm.swapsize") == 1.05
    shown.go_to("Left free")
    assert "swap: 1.0 GiB" in shown.text()
    shown.push("Next")
    assert shown.page.title == "Place and keyboard"


def test_what_does_not_fit_the_machine_is_told_by_the_planner() -> None:
    shown = on_disks("qemu-bios", "vda")
    shown.switch("[ ] Sizes")
    shown.fill("Disk, GiB", "64")
    shown.push("Next")
    shown.press("page down")

    assert shown.page.title == "Disks"
    assert "lvm.hdsize is 64.0 GiB; the disk has 32.0 GiB" in shown.text()


def test_sizes_of_one_file_system_wait_while_another_is_tried() -> None:
    shown = on_disks("qemu-bios", "vda")
    shown.switch("[ ] Sizes")
    shown.fill("Root at most, GiB", "12.50")
    choose(shown, "File system", "zfs")
    shown.switch("[ ] Sizes")
    shown.fill("Cache at most, MiB", "256")
    choose(shown, "Compression", "zstd")
    assert shown.controller.draft.get("disk-setup.zfs") == {"raid": "raid0", "arc-max": 256, "compress": "zstd"}
    assert shown.controller.draft.get("disk-setup.lvm") is None

    choose(shown, "File system", "xfs")
    shown.go_to("Root at most, GiB")
    assert "12.50" in shown.focused() and shown.controller.draft.get("disk-setup.lvm") == {"maxroot": 12.5}

    shown.switch("[x] Sizes")
    assert shown.controller.draft.get("disk-setup.lvm") is None, "no size that nobody sees"
    choose(shown, "File system", "zfs")
    assert shown.controller.draft.get("disk-setup.zfs.arc-max") == 256


def test_the_data_of_an_old_node_is_kept_and_its_loss_is_not_what_is_agreed_to() -> None:
    engine = Scripted(failures=0)
    shown = on_disks("storage/usb-and-virtual-media", engine=engine)
    assert "Keep the data" not in shown.text()
    shown.switch("[ ] sdc")
    shown.switch("[ ] Keep the data")
    shown.go_to("[ ] Sizes")
    assert "data: kept as it is" in shown.text()
    while "What will be done" not in shown.text():
        shown.push("Next")
    assert "All that these disks hold but the guests' data is lost: sdc" in shown.text()

    shown.push("Install")
    assert engine.begun == []
    shown.fill("Type their names", "sdc")
    shown.push("Install")

    (answers,) = engine.begun
    assert '"data"' in answers and 'wipe = "confirmed"' in answers


def test_who_agreed_to_lose_the_system_has_not_agreed_to_lose_the_data() -> None:
    controller = screens("storage/usb-and-virtual-media", WHOLE, at="disks")
    controller.begin(AtOnce())
    controller.change("disk-setup.disk-list", ("ata-INTEL_SSDSC2BB480G7_PHDV00004802",))
    controller.change("disk-setup.keep", True)
    controller.change("confirmed", "sdc")

    controller.change("disk-setup.keep", False)

    assert controller.draft.aside["confirmed"] == ""


def test_data_that_cannot_be_kept_has_the_planners_reason_beside_it() -> None:
    shown = on_disks("storage/usb-and-virtual-media", "sdc")
    shown.switch("[ ] Keep the data")
    choose(shown, "File system", "btrfs")
    shown.push("Next")
    assert shown.page.title == "Disks"
    shown.press("page down")
    assert "holds no node of this layout, whose third partition is btrfs" in shown.text()

    shown.switch("[x] Keep the data")
    shown.push("Next")
    assert shown.page.title == "Place and keyboard"
