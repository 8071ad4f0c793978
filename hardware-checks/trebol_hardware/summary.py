"""A machine in a few lines of text, for people."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_hardware.content_words import phrase
from trebol_hardware.machine import Disk, Machine, NetworkInterface
from trebol_hardware.sizes import show_size


def summary(machine: Machine) -> str:
    """Product, firmware, processor and memory, then one line per disk (and per thing on it) and per interface."""
    return "\n".join(_lines(machine))


def _lines(machine: Machine) -> Iterator[str]:
    product, firmware, processor = machine.product, machine.firmware, machine.processor
    name = " ".join(word for word in (product.manufacturer, product.name) if word) or "unnamed machine"
    yield f"{name}, serial {product.serial}" if product.serial else name
    secure = {True: ", Secure Boot on", False: ", Secure Boot off", None: ""}[firmware.secure_boot]
    yield f"firmware   {firmware.mode.value.upper()}{secure}"
    yield f"processor  {processor.model}: {processor.sockets} x {processor.cores // max(1, processor.sockets)} cores"
    yield f"memory     {show_size(machine.memory)}"
    for disk in machine.disks:
        yield from _disk_lines(disk)
    for interface in machine.interfaces:
        yield _interface_line(interface)


def _disk_lines(disk: Disk) -> Iterator[str]:
    words = [show_size(disk.size), disk.transport, disk.model, disk.serial]
    marks = [mark for mark, is_so in (("medium", disk.medium), ("read-only", disk.read_only)) if is_so]
    yield "  ".join(["disk      ", disk.stable_path, *(word for word in words if word), *marks])
    held = [(disk.name, content) for content in disk.content]
    held += [(partition.name, content) for partition in disk.partitions for content in partition.content]
    for name, content in held:
        yield f"             {name}: {phrase(content)}"


def _interface_line(interface: NetworkInterface) -> str:
    link = {True: "link", False: "no link", None: "down"}[interface.carrier]
    speed = f"{interface.speed} Mbit/s" if interface.speed else ""
    words = [interface.name, interface.mac, interface.driver, interface.pci, link, speed, interface.model]
    return "  ".join(["interface ", *(word for word in words if word)])
