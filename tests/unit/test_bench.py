"""What the benchmark makes of a serial console and of times."""

from __future__ import annotations

import json

import pytest
from bench.figures import Figure, Phase, to_json, to_text
from bench.install import BOOT, END, FLOOR, INSTALL, floor_script, median_phases, phases

from trebol_common.medium import Layer, Manifest
from trebol_image.qemu.serial import Line

CONSOLE = (
    Line(12.0, "Loading Trebol 0.1.0 ..."),
    Line(20.0, "Trebol: medium 0123 on /dev/sr0"),
    Line(24.0, "floor: started"),
    Line(25.0, "floor: formatted"),
    Line(65.0, "floor: unpacked"),
)


def layer(name: str, *, target: bool) -> Layer:
    return Layer(
        name=name, file=f"{name}.squashfs", sha256="0", blocks=(), size=1, unpacked=2, files=3, target=target
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
    with pytest.raises(ValueError, match="to the installer's first word"):
        phases(CONSOLE, 10.0, 67.0, INSTALL)


def test_marks_count_in_their_order_only() -> None:
    with pytest.raises(ValueError, match="floor: formatted"):
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
    (record,) = json.loads(to_json([figure]))["figures"]
    assert (record["ratio"], record["floor"], record["phases"][0]["name"]) == (1.5, 60.0, "boot")


def test_a_figure_without_a_floor_has_no_ratio() -> None:
    assert Figure("size", 1.0, "MB").ratio is None
    assert "ratio" not in to_text(Figure("size", 1.0, "MB"))
