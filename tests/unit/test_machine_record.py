"""Recorded machines are read back exactly, or refused with the place that is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import MACHINES

from trebol_common.errors import BadInput
from trebol_hardware.machine import Machine


def damaged(*changes: tuple[tuple[str | int, ...], Any]) -> str:
    """The record of a virtual machine with members set, or taken out where the value is None."""
    record = json.loads((MACHINES / "qemu-uefi.json").read_text())
    for (*folders, last), value in changes:
        table = record
        for folder in folders:
            table = table[folder]
        if value is None:
            del table[last]
        else:
            table[last] = value
    return json.dumps(record)


def holds(written: Any, recorded: Any) -> bool:
    """Whether all that was recorded is written again, beside members that records did not have then."""
    match recorded:
        case dict():
            return all(key in written and holds(written[key], value) for key, value in recorded.items())
        case list():
            return len(written) == len(recorded) and all(map(holds, written, recorded))
    return bool(written == recorded)


@pytest.mark.parametrize("path", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_a_record_comes_back_as_it_was(path: Path) -> None:
    machine = Machine.load(path)

    assert Machine.from_json(machine.to_json()) == machine
    assert holds(json.loads(machine.to_json()), json.loads(path.read_text()))


def test_what_an_older_record_lacks_has_its_default() -> None:
    machine = Machine.from_json(damaged((("product",), None), (("disks", 0, "by_path"), None)))

    assert machine.product.serial == ""
    assert machine.disks[0].by_path == ()


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("processor",), ["a"], "machine.processor is not a table"),
        (("processor", "cores"), None, "machine.processor lacks cores"),
        (("processor", "threads"), True, "machine.processor.threads is not a whole number"),
        (("firmware",), None, "machine lacks firmware"),
        (("firmware", "mode"), "openfirmware", "machine.firmware.mode is none of bios, uefi"),
        (("firmware", "mode"), [], "machine.firmware.mode is none of bios, uefi"),
        (("memory",), "4G", "machine.memory is not a whole number"),
        (("memory",), -1, "machine.memory is out of range"),
        (("memory",), 1.5, "machine.memory is not a whole number"),
        (("product",), 7, "machine.product is not a table"),
        (("disks",), {}, "machine.disks is not a list"),
        (("disks", 0), "vda", "machine.disks[0] is not a table"),
        (("disks", 0, "size"), "40G", "machine.disks[0].size is not a whole number"),
        (("disks", 0, "size"), 10**30, "machine.disks[0].size is out of range"),
        (("disks", 0, "logical_sector"), 0, "has impossible sectors"),
        (("disks", 0, "by_id"), "virtio-system0", "machine.disks[0].by_id is not a list"),
        (("disks", 0, "udev"), {"ID_SERIAL": 7}, "machine.disks[0].udev.ID_SERIAL is not text"),
        (("disks", 0, "content"), [None], "machine.disks[0].content[0] is not a table"),
        (("disks", 0, "colour"), "red", "machine.disks[0] has a member 'colour' that is unknown"),
        (("interfaces", 0, "carrier"), "yes", "machine.interfaces[0].carrier is not true or false"),
        (("disks", 0, "model"), "half \ud800", "machine.disks[0].model has half a character"),
        (("disks", 0, "udev"), {"\ud800": "x"}, "machine.disks[0].udev has half a character"),
        (("volumes",), [{"name": "vda", "kind": "other", "path": "/dev/vda"}], "two devices are called vda"),
        (("format",), True, "not a machine record of format 1"),
        (("format",), 2, "not a machine record of format 1"),
    ],
)
def test_a_damaged_record_is_told_with_its_place(place: tuple[str | int, ...], value: object, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        Machine.from_json(damaged((place, value)), where="m.json")

    assert str(caught.value).startswith("m.json: ")
    assert told in str(caught.value)


def test_a_name_that_is_not_utf8_can_be_recorded() -> None:
    machine = replace(Machine.from_json(damaged((("kernel",), "6.12"))), kernel="\udcff6")

    assert Machine.from_json(machine.to_json()).kernel == "?6"


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, f'{{"format": {"9" * 5000}}}'], ids=lambda text: text[:4])
def test_what_is_no_record_at_all_is_told(text: str) -> None:
    with pytest.raises(BadInput, match=r"^m\.json: not"):
        Machine.from_json(text, where="m.json")
