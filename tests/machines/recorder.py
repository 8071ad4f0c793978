"""Records a made-up machine as a real one is recorded: its /sys, /proc and tables are written to a folder in the
formats of kernel, firmware and udev, programs answer in theirs, and the probe reads it all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.machines.processors import Cpu
from tests.unit.fakesys import FakeSystem
from tests.unit.smbios_tables import END, structure

from trebol_common.run import Argument, CommandFailed, Completed
from trebol_hardware.machine import Machine
from trebol_hardware.probe.whole import probe

KERNEL = "6.12.117+deb13-amd64"
MIB = 2**20
GIB = 2**30

#: SMBIOS 7.17.3 and 7.18.2.
NO_ECC, ECC = 0x03, 0x06
DDR2, DDR3, DDR4, DDR5 = 0x13, 0x18, 0x1A, 0x22


@dataclass
class DeviceRunner:
    """Answers programs by their name and last argument, from any thread; others are not installed."""

    answers: dict[tuple[str, str], Completed] = field(default_factory=dict)

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        arguments = [os.fspath(argument) for argument in command]
        bounded = arguments[0] == "timeout"
        program = arguments[3] if bounded else arguments[0]
        answer = self.answers.get((program, arguments[-1]), self.answers.get((program, "")))
        if answer is None and not bounded:
            raise CommandFailed(program, 127, ())
        return answer or Completed(127)


class Recorder:
    """A machine that is being put together below `root`; `record` gives the probe's view of it."""

    def __init__(self, root: Path) -> None:
        self.system = FakeSystem(root)
        self.system.write("proc/sys/kernel/osrelease", f"{KERNEL}\n")
        self.runner = DeviceRunner({("wipefs", ""): Completed(0)})
        self._structures: list[bytes] = []
        self._messages: list[str] = []
        self._kvm_works = False
        self._virtualisation = "none"
        self._hardware_clock: int | None = None

    def label(
        self,
        vendor: str,
        product: str,
        version: str,
        serial: str,
        uuid: str,
        firmware: tuple[str, str, str],
        *,
        board: tuple[str, str] = ("", ""),
    ) -> None:
        """DMI's names; `firmware` is vendor, version, date, `board` vendor and name of the main board."""
        names = ("bios_vendor", "bios_version", "bios_date")
        values = {
            "sys_vendor": vendor,
            "product_name": product,
            "product_version": version,
            "product_serial": serial,
            "product_uuid": uuid,
            "board_vendor": board[0],
            "board_name": board[1],
        }
        self.system.attributes("sys/class/dmi/id", {**values, **dict(zip(names, firmware, strict=True))})

    def uefi(self, *, secure_boot: bool = False) -> None:
        """Booted by UEFI; without a call, by BIOS."""
        name = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        self.system.write(name, bytes([6, 0, 0, 0, secure_boot]))

    def processors(self, cpu: Cpu, sockets: int = 1, *, words: str = "quiet") -> None:
        """Processors, and the kernel's command line after its image."""
        self.system.write("proc/cpuinfo", cpu.cpuinfo(sockets))
        self.system.write("proc/cmdline", f"BOOT_IMAGE=/boot/vmlinuz-{KERNEL} {words}\n")
        self.system.attributes("sys/devices/system/cpu/vulnerabilities", cpu.vulnerabilities())

    def kvm(self, module: str, **parameters: str) -> None:
        """KVM works; the parameters of its `module`."""
        self._kvm_works = True
        self.system.attributes(f"sys/module/{module}/parameters", parameters)

    def register(self, number: int, value: int) -> None:
        """A model-specific register of processor 0; the file has holes up to it."""
        path = self.system.write("dev/cpu/0/msr", b"")
        with path.open("r+b") as file:
            file.seek(number)
            file.write(value.to_bytes(8, "little"))

    def kernel_says(self, *messages: str) -> None:
        """Lines of the kernel's log."""
        self._messages += messages

    def memory(self, usable: int, nodes: Sequence[str] = ("0",)) -> None:
        """Usable memory in bytes, spread over NUMA nodes whose processors are `nodes`; KSM and huge pages as Debian
        has them."""
        self.system.write("proc/meminfo", f"MemTotal:       {usable // 1024} kB\nMemFree:        1024000 kB\n")
        for number, processors in enumerate(nodes):
            total = f"Node {number} MemTotal:       {usable // 1024 // len(nodes)} kB"
            folder = f"sys/devices/system/node/node{number}"
            self.system.attributes(folder, {"cpulist": processors, "meminfo": total})
        for size in ("2048kB", "1048576kB"):
            self.system.attributes(f"sys/kernel/mm/hugepages/hugepages-{size}", {"nr_hugepages": "0"})
        self.system.attributes("sys/kernel/mm/ksm", {"run": "0"})

    def modules(
        self,
        locators: Sequence[str],
        gibibytes: int,
        *,
        kind: int,
        part: str,
        speeds: tuple[int, int],
        slots: int,
        ecc: bool = True,
        maker: str = "Samsung",
    ) -> int:
        """Memory modules at `locators`, rated and configured `speeds` in MT/s; returns what the kernel can use."""
        handle = 0x1000
        correction = ECC if ecc else NO_ECC
        array = {0x04: (3, 1), 0x05: (3, 1), 0x06: (correction, 1), 0x0D: (slots, 2)}
        self._structures.append(structure(16, 0x17, array, handle=handle))
        mebibytes = gibibytes * 1024
        sizes = (mebibytes, 0) if mebibytes < 0x7FFF else (0x7FFF, mebibytes)
        for locator in locators:
            fields = {
                0x04: (handle, 2),
                0x08: (72 if ecc else 64, 2),
                0x0A: (64, 2),
                0x0C: (sizes[0], 2),
                0x10: (1, 1),
                0x12: (kind, 1),
                0x15: (speeds[0], 2),
                0x17: (2, 1),
                0x1A: (3, 1),
                0x1C: (sizes[1], 4),
                0x20: (speeds[1], 2),
            }
            self._structures.append(structure(17, 0x28, fields, (locator, maker, part)))
        installed = len(locators) * gibibytes * GIB
        return installed - installed // 64 - 200 * MIB

    def memory_controllers(self, *corrected: int) -> None:
        """EDAC's counts of mended errors."""
        for number, count in enumerate(corrected):
            folder = f"sys/devices/system/edac/mc/mc{number}"
            self.system.attributes(folder, {"ce_count": str(count), "ue_count": "0"})

    def power_supplies(self, *supplies: tuple[str, bool], watts: int) -> None:
        """Power supplies by SMBIOS: location, and whether it has mains."""
        for location, plugged in supplies:
            bits = 0b10 if plugged else 0b110
            fields = {0x05: (1, 1), 0x0C: (watts, 2), 0x0E: (bits, 2)}
            self._structures.append(structure(39, 0x16, fields, (location,)))

    def bmc(self, manufacturer: int, product: int, firmware: str, address: str, *, redfish: bool = True) -> None:
        """A BMC on KCS; its address on the LAN as ipmitool answers it."""
        self._structures.append(structure(38, 0x12, {0x04: (1, 1), 0x05: (0x20, 1)}))
        if redfish:
            self._structures.append(bytes([42, 14, 0, 0, 0x40, 3, 2, 1, 2, 1, 4, 2, 0, 0, 0, 0]))
        self.system.write("dev/ipmi0", b"")
        self.system.attributes("sys/class/ipmi/ipmi0/device", {"type": "kcs"})
        values = {
            "manufacturer_id": f"{manufacturer:#08x}",
            "product_id": f"{product:#06x}",
            "firmware_revision": firmware,
            "ipmi_version": "2.0",
        }
        self.system.attributes("sys/devices/platform/ipmi_bmc.0", values)
        octets = " ".join(f"{int(octet):02x}" for octet in address.split("."))
        self.runner.answers["ipmitool", ""] = Completed(0, f" 11 {octets}\n")

    def watchdog(self, identity: str, driver: str, timeout: int = 30) -> None:
        """The first watchdog."""
        folder = "sys/class/watchdog/watchdog0"
        self.system.attributes(folder, {"identity": identity, "timeout": str(timeout)})
        self.system.link(f"{folder}/device/driver", f"sys/bus/platform/drivers/{driver}")

    def tpm(self, version: int = 2) -> None:
        """A TPM of major version 1 or 2."""
        self.system.attributes("sys/class/tpm/tpm0", {"tpm_version_major": str(version)})

    def virtual(self, kind: str) -> None:
        """Under the hypervisor that systemd-detect-virt calls `kind`."""
        self._virtualisation = kind

    def clock(
        self,
        source: str = "tsc",
        others: str = "tsc hpet acpi_pm",
        *,
        offset: float = 0.000085,
        synchronised: bool = True,
        hardware: int | None = 0,
    ) -> None:
        """The clock source, chrony's answers (offset in seconds) and how far the hardware clock is off."""
        folder = "sys/devices/system/clocksource/clocksource0"
        self.system.attributes(folder, {"current_clocksource": source, "available_clocksource": others})
        self.system.write("proc/812/comm", "chronyd\n")
        leap = "Normal" if synchronised else "Not synchronised"
        reference = "C0000201,192.0.2.1,3" if synchronised else "7F7F0101,,0"
        tracking = f"{reference},1795389313.65,{offset:.9f},0.0,0.0,-8.1,0.0,0.02,0.001,0.0005,64.2,{leap}\n"
        reach = "377" if synchronised else "0"
        server = f"^,{'*' if synchronised else '?'},192.0.2.1,2,6,{reach},35,0.000000100,0.000000200,0.0004\n"
        self.runner.answers["chronyc", "tracking"] = Completed(0, tracking)
        self.runner.answers["chronyc", "sources"] = Completed(0, server)
        said = f"NTPSynchronized={'yes' if synchronised else 'no'}\n"
        self.runner.answers["timedatectl", ""] = Completed(0, said)
        self._hardware_clock = hardware

    def answer(self, program: str, last: str, text: str) -> None:
        """What a program answers when `last` is its last argument."""
        self.runner.answers[program, last] = Completed(0, text)

    def record(self) -> Machine:
        """What the probe makes of it. A file cannot create virtual machines, nor stand still as time goes on: whether
        KVM works and how far the hardware clock is off are filled in."""
        if self._structures:
            self.system.write("sys/firmware/dmi/tables/DMI", b"".join(self._structures) + END)
        self.system.write("dev/kmsg", "".join(f"6,{i},{i},-;{text}\n" for i, text in enumerate(self._messages)))
        status = 1 if self._virtualisation == "none" else 0
        self.runner.answers["systemd-detect-virt", "systemd-detect-virt"] = Completed(status, self._virtualisation)
        machine = probe(self.system.root, udev=self.system.udev, runner=self.runner, health=True)
        works = self._kvm_works
        # systemd makes the node at each start (kmod-static-nodes.service), whether a module is behind it or not.
        kvm = replace(machine.kvm, device=True, opens=works, creates=works, error="" if works else "ENODEV")
        return replace(machine, kvm=kvm, clock=replace(machine.clock, hardware_clock_offset=self._hardware_clock))
