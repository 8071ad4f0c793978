"""An installation typed by somebody who errs, looks back, changes the terminal, and meets a disk that fails.

Two ports as a bond, a VLAN, a fixed address, a disk with data on it; everything over the serial line, with a root
shell on a second one for what goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.e2e.answering import await_first, await_hardware, choose_country, mark_disk, name_node, unanswered
from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab, make_blank, patient
from tests.e2e.live_shell import shell_on
from tests.e2e.nodes import FRONT, INSTALL_WITHIN, LOGIN_WITHIN, RUNNING_WITHIN, SILENT_FOR, log_in
from tests.e2e.second_line import BROKEN, WORDS, break_mkfs, done, mend_mkfs, second_line
from tests.e2e.serial_screen import COLUMNS, FIRST_WITHIN, ROWS, SerialScreen
from tests.screens.wrong import WRONG

from trebol_common.run import CommandRunner
from trebol_image.qemu import Disk, Firmware, VirtualMachine
from trebol_image.qemu.serial import SerialConsole

CASE = Case("careful", 52, Firmware.UEFI, static=True)
DISK_BYTES = 32 * 2**30
#: The node's own address is in this VLAN, in which nobody answers: QEMU's network knows no tags.
VLAN = 99
ADDRESS = f"{CASE.address}/24"
ROUTER = "10.0.2.1"
CLUSTER = "clover-1"
#: A terminal that somebody makes larger.
LARGE = (100, 30)
SCREENS = "trebol-screens@ttyS0.service"


@dataclass(frozen=True)
class Careful:
    """What stood on the screens: by name; what was said of wrong input: label and text → the screen. `said` is what
    commands on the installed node's console say."""

    case: Case
    screens: dict[str, str]
    wrong: dict[tuple[str, str], str]
    said: dict[str, str]


#: What is asked on the console of the node that was installed.
ASKED = {
    "vlan": f"ip -details -oneline address show dev vmbr0.{VLAN}",
    "link": f"ip -details -oneline link show dev vmbr0.{VLAN}",
    "bond": "cat /proc/net/bonding/bond0",
    "route": "ip route show default",
    "state": f"timeout {RUNNING_WITHIN} systemctl is-system-running --wait",
    # What the first boot does is a part of the boot.
    "cluster": "trebol cluster status",
}


@contextmanager
def careful(lab: Lab) -> Iterator[Careful]:
    """Boot the medium, answer, have it installed in spite of all, and log in on the node's console."""
    folder, iso = unanswered(lab, CASE, *WORDS)
    image = make_blank(folder / "disk1.raw", DISK_BYTES)
    CommandRunner().run(["mkfs.ext4", "-q", "-L", "precious", image])
    target = Disk(image, CASE.disk_serials[0], CASE.bus, format="raw")
    screen = SerialScreen()
    with second_line(folder / "second.log") as line:
        config = line.of(replace(CASE.machine(target, iso=iso), reboot=False))
        with lab.machine(config, folder / "install", tap=screen.tap) as machine, line.shell() as shell:
            screen.of(machine)
            wrong: dict[tuple[str, str], str] = {}
            screens = dict(_screens(screen, shell, lab.public_key, wrong))
            machine.wait_for_shutdown(within=patient(INSTALL_WITHIN), silent=patient(SILENT_FOR))
    iso.unlink()
    with lab.machine(CASE.machine(target), folder / "boot") as machine:
        yield Careful(CASE, screens, wrong, dict(_asked(machine)))


def _screens(
    screen: SerialScreen, shell: SerialConsole, public_key: str, wrong: dict[tuple[str, str], str]
) -> Iterator[tuple[str, str]]:
    await_first(screen)
    screen.push("< Next >", then="This machine")
    await_hardware(screen)
    screen.push("< Next >", then="Install on")
    screen.push("< Next >", then="Mark a disk.")
    yield "no disk", screen.settled()
    mark_disk(screen)
    screen.go_to("Encrypt the disks")
    screen.press("blank")
    screen.wait("Passphrase")
    _type_wrong(screen, "disks", wrong)
    screen.go_to("Encrypt the disks")
    screen.press("blank")
    screen.go_to("Sizes and options by hand")
    screen.press("blank")
    screen.wait("Swap, GiB")
    _type_wrong(screen, "sizes", wrong)
    screen.go_to("Sizes and options by hand")
    screen.press("blank")
    screen.wait("now  ")
    yield "disks", screen.settled()
    screen.push("< Next >", then="Country")
    screen.push("< Next >", then="is needed")
    yield "no country", screen.settled()
    choose_country(screen)
    yield "location", screen.settled()
    screen.push("< Next >", then="Full name")
    _type_wrong(screen, "node", wrong)
    name_node(screen, CASE, public_key)
    yield "node", screen.settled()
    screen.push("< Next >", then="Interface")
    yield from _network(screen, wrong)
    yield from _cluster(screen, wrong)
    yield from _there_and_back(screen)
    yield from _installation(screen, shell)


def _type_wrong(screen: SerialScreen, name: str, wrong: dict[tuple[str, str], str]) -> None:
    for each in WRONG[name]:
        screen.go_to(each.label)
        screen.press(*each.typed)
        screen.wait(each.said)
        wrong[each.label.strip(), each.typed] = screen.settled()
        screen.press(*["backspace"] * len(each.typed))
        screen.wait_gone(each.said)


def _network(screen: SerialScreen, wrong: dict[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    screen.go_to("Address")
    screen.press("enter", "down", "enter")
    screen.wait("IP address")
    _type_wrong(screen, "network", wrong)
    screen.go_to("Several as one")
    screen.press("blank")
    screen.wait("Bond ", "Interfaces")
    for number, mac in enumerate(_macs(), 1):
        screen.go_to(mac)
        screen.press("blank")
        screen.wait_count("[x]", number + 1)
    for label, text in (
        ("IP address", ADDRESS),
        ("Gateway", ROUTER),
        ("Name server", ROUTER),
        ("VLAN", str(VLAN)),
    ):
        screen.go_to(label)
        screen.type(text, shown=text)
    screen.push("< Test >", then=f"{ROUTER} does not answer")
    yield "network", screen.settled()


def _cluster(screen: SerialScreen, wrong: dict[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    screen.push("< Next >", then="creates a cluster")
    for label, fields in (("joins a cluster", "joined"), ("creates a cluster", "created")):
        screen.go_to(label)
        screen.press("blank")
        _type_wrong(screen, f"cluster that is {fields}", wrong)
    screen.go_to("Cluster name")
    screen.type(CLUSTER, shown=CLUSTER)
    yield "cluster", screen.settled()


def _there_and_back(screen: SerialScreen) -> Iterator[tuple[str, str]]:
    """To the review, back to the very first screen, and to the review again."""
    titles = ("Install Trebol", "This machine", "Disks", "Place and keyboard", "The node", "Network", "Cluster")
    screen.push("< Next >", then="What will be done")
    screen.wait("All that these disks hold is lost")
    yield "review", screen.settled()
    for title in reversed(titles):
        screen.push("< Back >", then=title)
    for title in (*titles[1:], "What will be done"):
        screen.push("< Next >", then=title)
        screen.wait("< Next >" if title in titles else "All that these disks hold is lost")
        yield f"again: {title}", screen.settled()


def _installation(screen: SerialScreen, shell: SerialConsole) -> Iterator[tuple[str, str]]:
    """Without agreement nothing begins; a step fails; it is done again; the screen dies; the terminal grows."""
    screen.push("< Install >", then="All that these disks hold is lost")
    yield "not agreed", screen.settled()
    break_mkfs(shell)
    screen.go_to("Type their names")
    screen.type("vda", shown="vda")
    screen.push("< Install >", then="The installation failed")
    screen.wait(BROKEN)
    yield "failed", screen.settled()
    mend_mkfs(shell)
    screen.push("< Do this step again >", then="Unpack")
    done(shell, f"systemctl kill --signal=KILL {SCREENS}")
    screen.wait_gone("Unpack")
    yield "attached again", screen.wait("step ", " so far", within=FIRST_WITHIN)
    columns, rows = LARGE
    screen.resize(columns, rows)
    done(shell, f"stty -F /dev/ttyS0 columns {columns} rows {rows}")
    yield "larger", screen.wait("─" * columns)
    screen.resize(COLUMNS, ROWS)
    done(shell, f"stty -F /dev/ttyS0 columns {COLUMNS} rows {ROWS}")
    screen.wait("Trebol is installed.", within=INSTALL_WITHIN)
    screen.go_to("< Restart >")
    yield "done", screen.text()
    screen.press("enter")


def _macs() -> tuple[str, ...]:
    return tuple(nic.mac for nic in CASE.machine().nics)


def _asked(machine: VirtualMachine) -> Iterator[tuple[str, str]]:
    machine.serial.expect(FRONT, within=patient(LOGIN_WITHIN))
    log_in(machine.serial, CASE)
    for name, command in ASKED.items():
        yield name, shell_on(machine.serial, command)[1]


def careful_job() -> Job:
    """The job of the one machine that is installed so."""
    return careful
