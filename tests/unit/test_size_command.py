"""`trebol size` as it is typed: units, wrong input, text and JSON, recorded machines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trebol_common.errors import BadInput
from trebol_hardware.machine import Content, Disk, Machine, Partition
from trebol_hardware.sizing import machines, units
from trebol_hardware.sizing.cluster import Cluster, DataDisk, Server, replicated
from trebol_hardware.sizing.commands import app
from trebol_hardware.sizing.report import report

MACHINES = Path(__file__).parents[1] / "machines"
TB = units.TB
GIB = units.GIB
GBIT = units.GBIT


def test_disks_are_decimal_and_memory_binary() -> None:
    assert units.read_disk_size("4TB", where="x") == 4 * 10**12
    assert units.read_disk_size("3.5 TiB", where="x") == round(3.5 * 2**40)
    assert units.read_memory_size("64GB", where="x") == 64 * 2**30
    assert units.show_disk_size(16 * TB) == "16.00 TB (14.55 TiB)"


@pytest.mark.parametrize(("text", "speed"), [("10G", 10 * GBIT), ("2.5", 2500 * 10**6), ("100Mbit/s", 10**8)])
def test_speeds_are_read(text: str, speed: int) -> None:
    assert units.read_speed(text, where="x") == speed


@pytest.mark.parametrize(
    ("seconds", "text"), [(20, "20 s"), (1080, "18 min"), (34200, "9 h 30 min"), (187200, "2 d 4 h"), (10800, "3 h")]
)
def test_times_are_shown_in_two_units(seconds: float, text: str) -> None:
    assert units.show_time(seconds) == text


@pytest.mark.parametrize(
    "arguments",
    [
        "--disks 4x4XB",
        "--disks 0x4TB",
        "--disks x",
        "--disks 4x0TB",
        "",
        "--disks 4TB --servers 0",
        "--disks 4TB --size 0",
        "--disks 4TB --size 3 --min-size 4",
        "--disks 4TB --erasure 4",
        "--disks 4TB --erasure 1+2",
        "--disks 4TB --erasure 4+2 --size 3",
        "--disks 4TB --fill 1.2",
        "--disks 4TB --fill 0",
        "--disks 4TB --fill nan",
        "--disks 4TB --monitors 0",
        "--disks 4TB --mds -1",
        "--disks 4TB --host-cores -1",
        "--disks 400x4TB,101x1TB",
        "--disks 4TB --nics 9999x1G",
        "--disks 4TB --cores 0",
        "--disks 4TB --nics fast",
        "--machine missing.json",
    ],
)
def test_what_cannot_be_is_refused_with_a_word_on_where(arguments: str) -> None:
    result = CliRunner().invoke(app, arguments.split())
    assert isinstance(result.exception, BadInput)
    where = result.exception.problems[0].where
    assert where in arguments or where == "--disks"


def test_one_of_a_thing_is_not_told_as_many() -> None:
    one = Cluster((Server("a", (DataDisk(4 * TB),)),), replicated(1), monitors=1)
    text = report(one).to_text()
    assert text.startswith("1 server, 1 OSD, size 1, min_size 1, 1 monitor\n  a: 1 disk, ")
    assert "1 vote −" in text and "1 OSDs" not in text


def test_the_command_needs_no_subcommand_and_shows_both_units() -> None:
    server = ["--disks", "4x4TB", "--ram", "32GB", "--cores", "12", "--nics", "1x10G"]
    shown = CliRunner().invoke(app, ["--servers", "3", *server])
    assert shown.exit_code == 0
    assert "16.00 TB (14.55 TiB)" in shown.output
    assert "server 1 … server 3: 4 disks" in shown.output
    assert "28.0 GiB" in shown.output


def test_json_has_every_figure_with_formula() -> None:
    shown = json.loads(CliRunner().invoke(app, ["--disks", "4x4TB", "--json"]).output)
    usable = next(found for found in shown["figures"] if found["code"] == "usable")
    assert usable["value"] == 16 * TB
    assert all(found["formula"] for found in shown["figures"])
    assert shown["cluster"]["servers"][0]["disks"][0] == {"size": 4 * TB, "media": "hdd"}
    assert len({found["code"] for found in shown["figures"]}) == len(shown["figures"])


def test_a_recorded_machine_stands_for_servers_and_says_which_disks_it_left_out() -> None:
    path = MACHINES / "rack-server.json"
    machine = Machine.load(path)
    member, notes = machines.server(machine, "rack")
    assert member.memory == machine.memory
    assert member.cores == machine.processor.cores
    assert any("sdb left out: not empty" in note for note in notes)
    assert any("installation medium" in note for note in notes)
    assert 25 * GBIT in member.nics

    shown = json.loads(CliRunner().invoke(app, ["--machine", str(path), "--servers", "3", "--json"]).output)
    assert len(shown["cluster"]["servers"]) == 3
    assert shown["notes"] == [note.replace("rack:", "rack-server:") for note in notes]
    only = json.loads(CliRunner().invoke(app, ["--machine", str(path), "--media", "ssd", "--json"]).output)
    assert {disk["media"] for disk in only["cluster"]["servers"][0]["disks"]} == {"ssd"}


def test_a_machine_whose_only_disk_is_the_systems_is_refused_with_that_word() -> None:
    result = CliRunner().invoke(app, ["--machine", str(MACHINES / "intel-nuc.json")])
    assert isinstance(result.exception, BadInput)
    assert "intel-nuc: nvme0n1 kept for the system" in result.exception.problems[0].what


def test_of_an_empty_machine_the_smallest_disk_is_kept_for_the_system() -> None:
    machine = Machine.load(MACHINES / "rack-server.json")
    empty = replace(machine.disks[0], content=(), partitions=(), mountpoints=(), holders=())
    disks = tuple(
        replace(empty, name=name, size=size) for name, size in (("sda", 4 * TB), ("sdb", TB), ("sdc", 4 * TB))
    )
    member, notes = machines.server(replace(machine, disks=disks), "new")
    assert [disk.size for disk in member.disks] == [4 * TB, 4 * TB]
    assert notes == ["new: sdb kept for the system"]


def test_sticks_cards_and_broken_disks_hold_no_data_and_an_empty_partition_table_does_no_harm() -> None:
    machine = Machine.load(MACHINES / "rack-server.json")
    empty = Disk("sda", 4 * TB, transport="sas")
    system = replace(empty, name="sdb", content=(Content("gpt"),), partitions=(Partition("sdb1", 1, 0, TB),))
    disks = (
        replace(empty, content=(Content("gpt"),)),
        system,
        replace(empty, name="sdc", transport="usb"),
        replace(empty, name="sdd", size=0),
    )
    member, notes = machines.server(replace(machine, disks=disks), "new")
    assert [disk.size for disk in member.disks] == [4 * TB]
    assert notes == [
        "new: sdb left out: not empty: sdb1",
        "new: sdc left out: on USB, or a card",
        "new: sdd left out: smaller than 8 GiB",
    ]
