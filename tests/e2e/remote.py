"""Somebody goes on with an installation over SSH, where the medium was booted with trebol.ssh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pexpect
from tests.e2e.answering import await_first, unanswered
from tests.e2e.cases import DHCP_ADDRESS, Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.serial_screen import COLUMNS, ROWS, SerialScreen

from trebol_image.qemu import Firmware, create_disk

CASE = Case("remote", 54, Firmware.BIOS)
#: sshd has its key to make and the network to wait for, beside all that the screens load.
INVITED_WITHIN = 240.0
LOGIN_WITHIN = 120.0
ELSEWHERE = "This installation is being answered on pts/"
INVITATION = re.compile(rf"SSH: root@{re.escape(DHCP_ADDRESS)}  password: (\S+)")
#: The password is in no log, nor in the arguments of any program.
LEAKS = (
    "journalctl --no-pager | grep -c -f /run/trebol/ssh/password; "
    "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c -f /run/trebol/ssh/password"
)
OPTIONS = (
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "PubkeyAuthentication=no",
    "LogLevel=ERROR",
)


@dataclass(frozen=True)
class Remote:
    """What stood on the serial line: with the invitation, and once somebody drove over SSH; what a wrong password
    got, and how often the right one was found where it should not be."""

    invited: str
    driven: str
    refused: str
    leaks: list[str]


@contextmanager
def remote(lab: Lab) -> Iterator[Remote]:
    """Boot, read the password off the screen, log in, and go on with the screens there."""
    folder, iso = unanswered(lab, CASE, "trebol.ssh")
    targets = CASE.targets([create_disk(folder / "disk1.qcow2", CASE.disk_size)])
    screen = SerialScreen()
    config = replace(CASE.machine(*targets, iso=iso), reboot=False)
    with lab.machine(config, folder / "install", tap=screen.tap) as machine:
        screen.of(machine)
        await_first(screen)
        screen.wait(f"SSH: root@{DHCP_ADDRESS}", within=INVITED_WITHIN)
        invited = screen.settled()
        password = INVITATION.search(invited)
        assert password is not None, invited
        port = machine.port(22)
        refused = _refused(port)
        shell = _login(port, password[1])
        shell.sendline(LEAKS)
        shell.expect(r"[\r\n]\d+\r\n\d+\r\n")
        leaks = str(shell.after).split()
        shell.sendline("trebol-screens")
        shell.expect("Idioma")
        shell.send("\t\t\r")
        screen.wait(ELSEWHERE, within=LOGIN_WITHIN)
        yield Remote(invited, screen.settled(), refused, leaks)
        shell.close(force=True)


def _refused(port: int) -> str:
    """What a wrong password gets."""
    client = _client(port)
    client.expect("assword: ")
    client.sendline("wrong")
    answered = client.expect(["assword: ", "[#$] "])
    client.close(force=True)
    return ("asked again", "let in")[answered]


def _login(port: int, password: str) -> pexpect.spawn[str]:
    client = _client(port)
    client.expect("assword: ")
    client.sendline(password)
    client.expect("trebol-screens")
    client.expect("[#$] ")
    return client


def _client(port: int) -> pexpect.spawn[str]:
    options = [word for option in OPTIONS for word in ("-o", option)]
    arguments = ["-F", "/dev/null", *options, "-p", str(port), "root@127.0.0.1"]
    return pexpect.spawn(
        "ssh", arguments, dimensions=(ROWS, COLUMNS), encoding="utf-8", timeout=patient(LOGIN_WITHIN)
    )


def remote_job() -> Job:
    """The job of the one machine that is answered so."""
    return remote
