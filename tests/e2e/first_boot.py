"""A node whose answers leave something for its first boot: it loses its power while that runs, and boots again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab, make_blank, patient
from tests.e2e.nodes import INSTALL_WITHIN, LOGIN_WITHIN, RUNNING_WITHIN, SILENT_FOR, reach_front
from tests.e2e.reached import Reached

from trebol_image.qemu import WEB_SERVER, Disk, Firmware
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import plain

CASE = Case("first-boot", 57, Firmware.BIOS)
SIZE = 32 * 2**30
TOKEN = "sesame-open"
URL = f"http://{WEB_SERVER}/first-boot?token={TOKEN}"
TIME_SERVER = "ntp.example.org"

#: Each run leaves a line here.
RUNS = "/root/first-boot-runs"
#: Where this is, the script ends; else it is cut off.
MAY_END = "/root/first-boot-may-end"
RUNNING = "the script of the first boot runs"
SCRIPT = f"""\
#!/bin/sh
echo "run:" $(ip -4 -brief address show scope global up) >> {RUNS}
echo said by the script
sync
test ! -e {MAY_END} || exit 0
echo {RUNNING} > /dev/console
sleep infinity
"""


@dataclass(frozen=True)
class FirstBoot(Reached):
    """The node after the power cut; the consoles of the installation and of the boot that was cut off."""

    installation: str
    cut_off: str

    @property
    def console(self) -> str:
        """What the serial console showed since this boot."""
        return plain(self.machine.serial.text)


@contextmanager
def first_boot(lab: Lab) -> Iterator[FirstBoot]:
    """Install, boot, cut the power while the script runs, and boot again."""
    folder = lab.folder / CASE.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Raw, because QEMU keeps back what tells where things lie in a qcow2, and loses it when it is killed.
    disk = Disk(make_blank(folder / "disk1.raw", SIZE), CASE.disk_serials[0], CASE.bus, format="raw")
    iso = seeded_copy(lab.iso, folder / "medium.iso", tomli_w.dumps(_answers(lab)))
    config = CASE.machine(disk, iso=iso, response=_response(folder.absolute() / "response"))
    with lab.machine(config, folder / "install") as machine:
        machine.wait_for_shutdown(within=patient(INSTALL_WITHIN), silent=patient(SILENT_FOR))
        installation = plain(machine.serial.text)
    iso.unlink()
    with lab.machine(CASE.machine(disk), folder / "cut") as machine:
        machine.serial.expect(RUNNING, within=patient(LOGIN_WITHIN))
        machine.process.kill()
        machine.process.wait()
        cut_off = plain(machine.serial.text)
    with lab.machine(CASE.machine(disk), folder / "boot") as machine:
        reach_front(machine, CASE)
        wait = f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait"
        machine.ssh(wait, key=lab.key, check=False)
        yield FirstBoot(lab, machine, installation, cut_off)


def _answers(lab: Lab) -> dict[str, object]:
    table = {"source": "from-url", "url": URL, "ordering": "network-online", "time-servers": [TIME_SERVER]}
    cluster = {"mode": "create", "name": "clover"}
    return {**CASE.answers(lab.public_key), "first-boot": {**table, "reboot": True}, "cluster": cluster}


def _response(path: Path) -> Path:
    body = SCRIPT.encode()
    path.write_bytes(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return path


def first_boot_job() -> Job:
    """The job of the one machine that has something to do by itself."""
    return first_boot
