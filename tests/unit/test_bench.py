"""What the benchmark makes of a serial console and of times."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from bench.build import build_phases, require_rebuilt, require_same_packages
from bench.check import measure as measure_checks
from bench.check import whole_check
from bench.clients import Load, answer_size, percentile
from bench.clients import measure as measure_clients
from bench.disks import measure as measure_disks
from bench.figures import Figure, Phase, to_json, to_text
from bench.install import ANSWER, BOOT, END, FLOOR, INSTALL, floor_script, median_phases, phases
from bench.seed import require_seeded
from tests.unit.answer_files import MACHINES
from tests.unit.api_node import context, serving
from tests.unit.media import bare_medium

from trebol_common.answers import parse_answers
from trebol_common.errors import BadInput, TrebolError
from trebol_common.events import Context, json_lines
from trebol_common.medium import Layer, Manifest
from trebol_common.run import ScriptedRunner
from trebol_image.lock import Lock, Package
from trebol_image.project import PROFILES, find_profile
from trebol_image.qemu.serial import Line
from trebol_image.seed import Seed, write_seed

CONSOLE = (
    Line(12.0, "Loading Trebol 0.1.0 ..."),
    Line(20.0, "Trebol: medium 0123 on /dev/sr0"),
    Line(24.0, "floor: started"),
    Line(25.0, "floor: formatted"),
    Line(65.0, "floor: unpacked"),
)


def layer(name: str, *, target: bool, sha256: str = "0") -> Layer:
    return Layer(
        name=name, file=f"{name}.squashfs", sha256=sha256, blocks=(), size=1, unpacked=2, files=3, target=target
    )


MANIFEST = Manifest(
    version="1",
    profile="dev",
    medium_id="0123",
    epoch=0,
    kernel="6.12",
    layers=(layer("base", target=True), layer("appliance", target=True), layer("live", target=False)),
)


def test_every_second_from_start_to_end_belongs_to_one_phase() -> None:
    found = phases(CONSOLE, 10.0, 67.0, FLOOR)
    assert [(phase.name, phase.seconds) for phase in found] == [
        (BOOT[0][0], 2.0),
        (BOOT[1][0], 8.0),
        ("to the first user process", 4.0),
        ("mkfs", 1.0),
        ("unsquashfs", 40.0),
        (END, 2.0),
    ]


def test_a_phase_whose_end_was_not_seen_is_an_error_and_no_zero() -> None:
    with pytest.raises(TrebolError, match="to the installer's first word"):
        phases(CONSOLE, 10.0, 67.0, INSTALL)


def test_marks_count_in_their_order_only() -> None:
    with pytest.raises(TrebolError, match="floor: formatted"):
        phases((CONSOLE[0], CONSOLE[1], CONSOLE[3], CONSOLE[2]), 10.0, 67.0, FLOOR)


def test_medians_are_taken_phase_by_phase() -> None:
    runs = [
        (Phase("a", 1.0), Phase("b", 9.0)),
        (Phase("a", 3.0), Phase("b", 8.0)),
        (Phase("a", 2.0), Phase("b", 1.0)),
    ]
    assert median_phases(runs) == (Phase("a", 2.0), Phase("b", 8.0))


def test_the_floor_unpacks_what_an_installation_unpacks() -> None:
    script = floor_script(MANIFEST)
    assert script.index("base.squashfs") < script.index("appliance.squashfs") < script.index("floor: unpacked")
    assert "live.squashfs" not in script


def test_figures_are_told_with_their_ratio() -> None:
    figure = Figure("install", 90.0, "s", "at most 1.5", 60.0, "floor of it", (Phase("boot", 30.0),))
    assert "ratio 1.50" in to_text(figure) and "boot" in to_text(figure)
    shown = json.loads(to_json([figure], "2 processors"))
    assert shown["machine"] == "2 processors"
    (record,) = shown["figures"]
    assert (record["ratio"], record["floor"], record["phases"][0]["name"]) == (1.5, 60.0, "boot")


def test_a_figure_without_a_floor_has_no_ratio() -> None:
    assert Figure("size", 1.0, "MB").ratio is None
    assert "ratio" not in to_text(Figure("size", 1.0, "MB"))


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_what_was_not_measured_is_no_figure(value: float) -> None:
    with pytest.raises(TrebolError, match="cannot be a measured value"):
        Figure("seed", value, "ms")
    with pytest.raises(TrebolError, match="floor of seed"):
        Figure("seed", 1.0, "ms", floor=value)


def test_a_floor_that_unpacks_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="no layer for the target"):
        floor_script(MANIFEST.model_copy(update={"layers": MANIFEST.layers[2:]}))


def test_the_answers_that_are_measured_with_are_good_ones() -> None:
    assert parse_answers(ANSWER).global_.fqdn == "node1.example.org"


def test_each_recorded_machine_has_a_figure_of_its_check(tmp_path: Path) -> None:
    record = tmp_path / "small.json"
    record.write_text((MACHINES / "qemu-bios.json").read_text())

    figure = next(measure_checks(tmp_path))

    assert (figure.name, figure.unit) == ("check small", "ms")
    assert figure.value > 0
    assert "cpu-virtualisation" in whole_check(record)


def test_no_record_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no recorded machine"):
        next(measure_checks(tmp_path))


def test_an_iso_that_was_not_seeded_gives_no_figure(tmp_path: Path) -> None:
    medium = bare_medium(tmp_path / "trebol.iso")
    with pytest.raises(TrebolError, match="does not hold the answers"):
        require_seeded(medium)
    write_seed(medium, Seed(ANSWER))
    require_seeded(medium)


def test_the_steps_of_a_build_and_the_rest_are_all_of_its_time() -> None:
    ticks = iter(range(100))
    log = io.StringIO()
    context = Context(json_lines(log), clock=lambda: float(next(ticks)))
    context.log("base: base-1 is in the store")
    with context.child("appliance", "Building") as step, step.child("pack", "Packing"):
        pass
    with context.child("iso", "Writing the ISO"):
        pass
    found = build_phases(log.getvalue(), 20.0)
    assert [phase.name for phase in found[:2]] == ["appliance", "iso"]
    assert all(phase.seconds > 0 for phase in found)
    assert sum(phase.seconds for phase in found) == 20.0


def manifest(*, base: str, appliance: str) -> Manifest:
    layers = (layer("base", target=True, sha256=base), layer("appliance", target=True, sha256=appliance))
    return MANIFEST.model_copy(update={"layers": layers})


def test_a_rebuild_counts_only_when_it_made_a_new_appliance_layer_and_no_base() -> None:
    first = manifest(base="1", appliance="1")
    require_rebuilt(first, manifest(base="1", appliance="2"))
    with pytest.raises(TrebolError, match="did not come into the ISO"):
        require_rebuilt(first, first)
    with pytest.raises(TrebolError, match="new base layer"):
        require_rebuilt(first, manifest(base="2", appliance="2"))


@pytest.mark.parametrize(
    ("installed", "odd"), [("bash 6\n", "bash 5, bash 6"), ("bash 5\ndash 1\n", "dash 1"), ("", "bash 5")]
)
def test_the_plain_way_counts_only_with_the_same_packages(installed: str, odd: str) -> None:
    package = Package(name="bash", version="5", architecture="amd64", sha256="", size=1, installed=2, file="f")
    lock = Lock(epoch=1, packages=(package,))
    query = ("dpkg-query", "--admindir=/tree/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\n")
    require_same_packages(Path("/tree"), lock, ScriptedRunner().expect(*query, stdout="bash 5\n"))
    with pytest.raises(TrebolError, match=f"other packages: {odd}"):
        require_same_packages(Path("/tree"), lock, ScriptedRunner().expect(*query, stdout=installed))


def test_a_profile_that_is_none_is_bad_input() -> None:
    assert find_profile("release") == PROFILES["release"]
    with pytest.raises(BadInput, match="'small' is not one of dev, release"):
        find_profile("small")


def test_of_an_installation_the_steps_on_disks_stand_beside_the_tools_that_they_ran(tmp_path: Path) -> None:
    record = tmp_path / "events.jsonl"
    now = iter([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 6.0, 6.0, 6.0, 6.0, 20.0, 20.0])
    with record.open("w") as stream:
        install = Context(json_lines(stream), ("install",), lambda: next(now))
        with install.child("partition-disk") as step:
            step.result(command="udevadm settle", seconds=0.5)
        with install.child("make-filesystem") as step:
            step.result(command="mkfs.ext4 /dev/trebol/root", seconds=3.0)
        with install.child("extract-layer"):
            pass

    found = measure_disks(record)

    assert (found.value, found.floor) == (6.0, 3.0)
    assert found.notes["above the floor"] == "3.0 s"


@pytest.mark.parametrize("content", ["", "{}\n", "not JSON\n", '{"kind": "finish"}\n'])
def test_what_is_no_record_of_an_installation_has_no_figure(tmp_path: Path, content: str) -> None:
    record = tmp_path / "events.jsonl"
    record.write_text(content)
    with pytest.raises(TrebolError):
        measure_disks(record)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [(range(1, 101), 99, 99), (range(1, 101), 50, 50), ([5.0], 99, 5.0), ([1, 9], 99, 9), ([3, 1, 2], 50, 2)],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_an_answer_is_whole_by_its_length() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
    assert answer_size(answer[:30]) is None
    assert answer_size(answer[:-3]) == answer_size(answer + b"HTTP/1.1 200") == len(answer)
    with pytest.raises(TrebolError, match="content-length"):
        answer_size(b"HTTP/1.1 200 OK\r\n\r\n")


def test_clients_ask_for_every_path_at_their_pace(tmp_path: Path) -> None:
    paths = ["/api2/json/access/domains", "/api2/openapi.json"]
    load = Load(clients=4, rate=20.0, seconds=0.5, warm_up=0.1)
    with serving(context(tmp_path), tmp_path) as node:
        found = measure_clients(("127.0.0.1", node.port), paths, [{}], load)
        assert set(found.milliseconds) == set(paths)
        counted = sum(map(len, found.milliseconds.values()))
        assert 0 < counted < found.count <= 4 * (20 * 0.6 / 0.5 + 1)
        assert all(each > 0 for times in found.milliseconds.values() for each in times)


def test_an_answer_that_is_no_answer_is_no_figure(tmp_path: Path) -> None:
    load = Load(clients=1, rate=50.0, seconds=0.2, warm_up=0.0)
    with serving(context(tmp_path), tmp_path) as node, pytest.raises(TrebolError, match="404"):
        measure_clients(("127.0.0.1", node.port), ["/nothing"], [{}], load)
