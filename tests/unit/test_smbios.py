"""What firmware's tables say, whatever firmware wrote into them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import smbios_tables as tables

from trebol_hardware.facts import Memory, MemoryModule, PowerSupply
from trebol_hardware.probe import management, memory, smbios


def details(table: bytes) -> Memory:
    return memory.read(Path("/nonexistent"), tuple(smbios.parse(table)))


def only_module(table: bytes) -> MemoryModule:
    modules = details(table).modules
    assert modules is not None and len(modules) == 1
    return modules[0]


def test_structures_come_with_their_strings() -> None:
    table = tables.structure(1, 8, {4: (1, 1), 5: (2, 1), 6: (3, 1)}, ("Dell Inc.", "PowerEdge")) + tables.END
    first, last = smbios.parse(table)
    assert (first.kind, first.text(4), first.text(5), first.text(6), first.text(7)) == (
        1,
        "Dell Inc.",
        "PowerEdge",
        "",
        "",
    )
    assert last.kind == 127


def test_nothing_counts_after_the_end_of_the_table() -> None:
    assert [item.kind for item in smbios.parse(tables.END + tables.array())] == [127]


@pytest.mark.parametrize("cut", range(1, len(tables.array())))
def test_a_table_cut_short_keeps_what_came_before(cut: int) -> None:
    whole = tables.module(size=16384)
    kinds = [item.kind for item in smbios.parse(whole + tables.array()[:cut])]
    assert kinds[0] == 17
    assert len(kinds) <= 2


def test_a_length_below_a_header_ends_the_table() -> None:
    assert list(smbios.parse(b"\x11\x03\0\0" + b"\0" * 50)) == []


@given(table=st.binary(max_size=300))
def test_any_bytes_at_all_give_structures_and_facts(table: bytes) -> None:
    structures = tuple(smbios.parse(table))
    memory.read(Path("/nonexistent"), structures)
    management.bmc(Path("/nonexistent"), structures)
    management.power_supplies(structures)


@given(
    bodies=st.lists(
        st.tuples(st.sampled_from([16, 17, 38, 39, 42]), st.binary(max_size=100), st.binary(max_size=20)), max_size=4
    )
)
def test_structures_of_any_length_and_content_give_facts(bodies: list[tuple[int, bytes, bytes]]) -> None:
    table = b"".join(bytes([kind, 4 + len(body), 0, 0]) + body + text + b"\0\0" for kind, body, text in bodies)
    structures = tuple(smbios.parse(table))
    memory.read(Path("/nonexistent"), structures)
    management.bmc(Path("/nonexistent"), structures)
    management.power_supplies(structures)


def test_a_module_is_told_with_its_place_and_make() -> None:
    found = only_module(tables.array() + tables.module(size=16384))
    assert found == MemoryModule(
        locator="DIMM_A1",
        size=16 * 2**30,
        kind="DDR4",
        speed=3200,
        configured_speed=2933,
        total_width=72,
        data_width=64,
        manufacturer="Samsung",
        part="M393A4K40DB3",
    )


@pytest.mark.parametrize(
    ("size", "extended", "expected"),
    [
        (16384, 0, 16 * 2**30),
        (0x7FFF, 65536, 64 * 2**30),
        (0x7FFF, 0x80000000 | 131072, 128 * 2**30),
        (0x8000 | 512, 0, 512 * 1024),
        (0xFFFF, 0, 0),
    ],
)
def test_sizes_of_modules_are_those_of_the_specification(size: int, extended: int, expected: int) -> None:
    found = only_module(tables.array() + tables.module(size=size, extended=extended))
    assert found.size == expected


@pytest.mark.parametrize(
    ("speed", "extended", "expected"), [(4800, 0, 4800), (0xFFFF, 70000, 70000), (0, 0, None), (0xFFFF, 0, None)]
)
def test_speeds_beyond_a_word_stand_elsewhere(speed: int, extended: int, expected: int | None) -> None:
    found = only_module(tables.array() + tables.module(size=1024, speed=speed, extended_speed=extended))
    assert found.speed == expected


def test_modules_of_old_firmware_lack_what_it_did_not_know() -> None:
    found = only_module(tables.array() + tables.module(size=4096, length=0x15))
    assert (found.size, found.speed, found.configured_speed, found.part) == (4 * 2**30, None, None, "")


def test_empty_slots_hold_no_module() -> None:
    found = details(tables.array(slots=2) + tables.module(size=0) + tables.module(size=8192))
    assert found.slots == 2
    assert [item.size for item in found.modules or ()] == [8 * 2**30]


@pytest.mark.parametrize("table", [b"", tables.END, tables.array() + tables.module(size=0)])
def test_firmware_that_lists_no_module_leaves_them_unknown(table: bytes) -> None:
    assert details(table).modules is None


def test_flash_for_the_firmware_is_no_memory() -> None:
    table = tables.array(slots=4) + tables.array(use=0x05, correction=0x03, slots=1, handle=0x2000)
    found = details(table + tables.module(size=16, array=0x2000) + tables.module(size=8192))
    assert (found.error_correction, found.slots, len(found.modules or ())) == ("multi-bit ECC", 4, 1)


@pytest.mark.parametrize(
    ("corrections", "expected"),
    [
        ([0x06], "multi-bit ECC"),
        ([0x05], "single-bit ECC"),
        ([0x03], "none"),
        ([0x06, 0x03], "none"),
        ([0x02], ""),
        ([0x02, 0x05], "single-bit ECC"),
        ([], ""),
    ],
)
def test_a_machine_is_as_safe_as_its_worst_array(corrections: list[int], expected: str) -> None:
    table = b"".join(tables.array(correction=code, handle=0x1000 + code) for code in corrections)
    assert details(table).error_correction == expected


@pytest.mark.parametrize(
    ("characteristics", "watts", "expected"),
    [
        (0b010, 750, PowerSupply("PSU.Slot.1", present=True, plugged=True, watts=750)),
        (0b110, 750, PowerSupply("PSU.Slot.1", present=True, plugged=False, watts=750)),
        (0b000, 0x8000, PowerSupply("PSU.Slot.1", present=False, plugged=None, watts=None)),
    ],
)
def test_a_power_supply_is_present_and_plugged_in_or_not(
    characteristics: int, watts: int, expected: PowerSupply
) -> None:
    table = tables.power_supply(characteristics=characteristics, watts=watts)
    assert management.power_supplies(tuple(smbios.parse(table))) == (expected,)


@pytest.mark.parametrize(
    ("table", "redfish"),
    [
        (tables.host_interface(0x04), True),
        (tables.host_interface(0x02, 0x04), True),
        (tables.host_interface(0x02), False),
        (tables.host_interface(0x02, own=b"\x04" * 9), False),
        (tables.host_interface(), False),
    ],
)
def test_a_redfish_host_interface_is_told_from_others(table: bytes, redfish: bool) -> None:
    found = management.bmc(Path("/nonexistent"), tuple(smbios.parse(table)))
    assert (found is not None and found.redfish) is redfish


@pytest.mark.parametrize(("code", "name"), [(1, "kcs"), (3, "bt"), (4, "ssif"), (0, "")])
def test_the_bmc_that_firmware_announces_has_its_interface(code: int, name: str) -> None:
    found = management.bmc(Path("/nonexistent"), tuple(smbios.parse(tables.ipmi(interface=code))))
    assert found is not None
    assert (found.interface, found.ipmi_version, found.device, found.manufacturer_id) == (name, "2.0", "", None)
