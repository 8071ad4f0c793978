"""Hardware virtualisation: whether the kernel can use it, and what firmware left in the processor's registers."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from trebol_hardware.facts import Kvm
from trebol_hardware.probe.sysfs import count, names, read_text

#: linux/kvm.h: _IO(KVMIO, 0x01).
KVM_CREATE_VM = 0xAE01

#: Intel SDM vol. 4, table 2-2; AMD APM vol. 2, 15.30.1.
IA32_FEATURE_CONTROL = 0x3A
VM_CR = 0xC0010114

MODULES = ("kvm", "kvm_intel", "kvm_amd")

#: The kernel's log can be large, and a broken IOMMU writes a line for each fault.
MOST_MESSAGES = 100

_SUBJECT = re.compile(
    r"\b(kvm(_\w+)?|vmx|svm|sev(-\w+)?|tdx|dmar|iommu|amd-vi|vt-[dx])\b|disabled by (the )?bios|virtuali[sz]ation",
    re.IGNORECASE,
)
#: What a guest says of its own clock, one line for each device, and what repeats the command line.
_NOISE = re.compile(r"kvm-(clock|guest)|adding to iommu group|^(kernel )?command line:", re.IGNORECASE)

_KERNEL_LEVELS = frozenset("01234567")

#: linux/printk.h: a record of /dev/kmsg is never longer.
_RECORD = 8192


def read(root: Path, vendor: str) -> Kvm:
    """What is known of virtualisation on processors of `vendor` (CPUID's name)."""
    device, opens, creates, error = try_kvm(root / "dev/kvm")
    return Kvm(
        device=device,
        opens=opens,
        creates=creates,
        error=error,
        # Each register exists on one make only; asking the others for it is an error that the kernel has to catch.
        feature_control=None if _is_amd(vendor) else _register(root, IA32_FEATURE_CONTROL),
        vm_cr=_register(root, VM_CR) if _is_amd(vendor) else None,
        parameters=_parameters(root),
        messages=messages(root),
    )


def try_kvm(path: Path) -> tuple[bool, bool, bool, str]:
    """Whether the device is there, opens, and makes a virtual machine (at once given up), and the errno's name."""
    try:
        device = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return path.exists(), False, False, _name(error)
    try:
        os.close(fcntl.ioctl(device, KVM_CREATE_VM, 0))
    except OSError as error:
        return True, True, False, _name(error)
    finally:
        os.close(device)
    return True, True, True, ""


def messages(root: Path) -> tuple[str, ...]:
    """What the kernel said of virtualisation and IOMMUs, each line once, the oldest first, at most MOST_MESSAGES."""
    found: dict[str, None] = {}
    for record in _records(root / "dev/kmsg"):
        message = _kernel_message(record)
        if _SUBJECT.search(message) and not _NOISE.search(message):
            found[message] = None
        if len(found) == MOST_MESSAGES:
            break
    return tuple(found)


def _records(path: Path) -> Iterator[str]:
    """The lines of the kernel's log; none for those who may not read it."""
    try:
        log = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        while True:
            try:
                record = os.read(log, _RECORD)
            except BrokenPipeError:
                continue  # The oldest records were overwritten while this read: the next one is the oldest now.
            except OSError:
                return  # Among others EAGAIN: that was the last one.
            if not record:
                return
            yield from record.decode(errors="replace").splitlines()
    finally:
        os.close(log)


def _kernel_message(line: str) -> str:
    """The text of a record "PRIORITY,SEQUENCE,TIME,FLAGS;TEXT" of the kernel's own; empty for those of programs."""
    head, separator, text = line.partition(";")
    # syslog(3): the facility stands above the three bits of the level; the kernel's is 0.
    return text.strip() if separator and head.split(",")[0] in _KERNEL_LEVELS else ""


def _is_amd(vendor: str) -> bool:
    return vendor in ("AuthenticAMD", "HygonGenuine")


def _register(root: Path, number: int) -> int | None:
    """A model-specific register of processor 0 (msr(4): eight bytes at its number)."""
    try:
        device = os.open(root / "dev/cpu/0/msr", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        value = os.pread(device, 8, number)
    except OSError:
        return None
    finally:
        os.close(device)
    return count(int.from_bytes(value, "little")) if len(value) == 8 else None


def _parameters(root: Path) -> Mapping[str, str]:
    return {
        f"{module}.{name}": read_text(root / "sys/module" / module / "parameters" / name)
        for module in MODULES
        for name in names(root / "sys/module" / module / "parameters")
    }


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "")
