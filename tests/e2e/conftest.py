"""Fixtures: the ISO, the machines that tests look at, and the order in which they come up.

Machines belong to the one module that looks at them: a session's last machine of one kind would only be let go at the
very end, and the first machine of the next module would wait for its place for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.boot_menu import ENTRIES, Chosen, entry_job
from tests.e2e.careful import Careful, careful_job
from tests.e2e.cases import CASES
from tests.e2e.clocks import Clocked, clock_job
from tests.e2e.first_boot import FirstBoot, first_boot_job
from tests.e2e.kept import REINSTALLATIONS, Kept, kept_job
from tests.e2e.lab import Farm, Job, Lab, make_key
from tests.e2e.layouts import LAYOUTS, MIRRORS, ON_ZFS, Degraded, degraded_job, layout_job
from tests.e2e.moved import MOVES, Moved, moved_job
from tests.e2e.nodes import Node, node_job
from tests.e2e.partly import Partly, partly_job
from tests.e2e.power_cuts import Survivor, power_cut_job
from tests.e2e.processors import PROCESSORS, Examined, processor_job
from tests.e2e.refusals import ABOUT_ZFS, REFUSALS, Outcome, refusal_job
from tests.e2e.remote import Remote, remote_job
from tests.e2e.rescued import RESCUES, Rescued, rescue_job
from tests.e2e.retried import Retried, retried_job
from tests.e2e.surroundings import Surroundings, surroundings_job
from tests.e2e.teardown import TornDown, teardown_job
from tests.e2e.three_nodes import ThreeNodes, three_nodes_job
from tests.e2e.trials import Tried, trials_job
from tests.e2e.two_consoles import TwoConsoles, two_consoles_job
from tests.e2e.typed import Typed, typed_job
from tests.e2e.wizard import OnConsole, wizard_job

from trebol_common.errors import BadInput
from trebol_common.medium import Feature
from trebol_image.iso9660 import Image
from trebol_image.project import Project
from trebol_image.qemu import image_qemu
from trebol_image.qemu.media import newest_iso
from trebol_image.verify import read_manifest

#: A test's time limit includes bringing its machine up; the deadlines of `nodes` and `refusals` end it sooner.
TIME_LIMIT = 3 * 3600

JOBS: dict[str, Job] = {
    **{name: node_job(name) for name in CASES},
    **{name: refusal_job(name) for name in REFUSALS},
    **{name: moved_job(name) for name in MOVES},
    **{name: processor_job(name) for name in PROCESSORS},
    **{name: layout_job(name) for name in LAYOUTS},
    **{f"degraded-{name}": degraded_job(name) for name in MIRRORS},
    **{name: entry_job(name) for name in ENTRIES},
    **{name: rescue_job(name) for name in RESCUES},
    "teardown": teardown_job(),
    **{name: kept_job(name) for name in REINSTALLATIONS},
    "power-cut": power_cut_job(),
    "retried": retried_job(),
    "typed": typed_job(),
    "careful": careful_job(),
    "two-consoles": two_consoles_job(),
    "remote": remote_job(),
    "surroundings": surroundings_job(),
    "partly": partly_job(),
    "first-boot": first_boot_job(),
    "trials": trials_job(),
    "clock": clock_job(),
    "node-wizard": wizard_job(),
    "three-nodes": three_nodes_job(),
}
#: Each is a machine by name.
FIXTURES = (
    *("node", "outcome", "moved", "examined", "layout", "degraded"),
    *("chosen", "rescued", "torn", "kept", "survivor", "retried"),
    *("typed", "careful", "two_consoles", "remote", "surroundings", "partly", "first_boot", "tried", "clocked"),
    *("wizard", "three"),
)

QUICK = frozenset(
    ["typed"]
    + [case.name for case in CASES.values() if not case.slow]
    + [refusal.name for refusal in REFUSALS.values() if not refusal.slow]
    + [name for case in LAYOUTS.values() if not case.slow for name in (case.name, f"degraded-{case.name}")]
)


#: Machines that need a medium with the layer of ZFS, which `make iso PROFILE=dev` builds only with ZFS=1.
NEED_ZFS = frozenset(
    {
        *ON_ZFS,
        *(f"degraded-{name}" for name in ON_ZFS),
        *(name for name, rescue in RESCUES.items() if ON_ZFS.intersection(rescue.layouts)),
        *ABOUT_ZFS,
        "kept-zfs",
    }
)


def parameters(names: Iterable[str]) -> list[object]:
    """Parameters for machines; those that only `make test-full` makes are marked."""
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in names]


def pytest_configure(config: pytest.Config) -> None:
    """Make our own marker known."""
    config.addinivalue_line("markers", "machines(*names): machines that a test looks at without the fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the time that its machine needs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIME_LIMIT))


@pytest.fixture(scope="session")
def project() -> Project:
    """The checkout under test."""
    return Project.find()


@pytest.fixture(scope="session")
def iso(project: Project) -> Path:
    """The ISO under test: the one TREBOL_ISO names, else the newest in out/."""
    named = os.environ.get("TREBOL_ISO")
    if named is None:
        return newest_iso(project.out)
    path = Path(named).absolute()
    if not path.is_file():
        raise BadInput("no such file", where=f"TREBOL_ISO={named}", hint="build one with `make iso PROFILE=dev`")
    return path


@pytest.fixture(scope="session")
def lab(project: Project, iso: Path) -> Lab:
    """Where machines live."""
    folder = project.out / "e2e"
    reuse = os.environ.get("TREBOL_REUSE") == "1"
    return Lab(iso, folder, make_key(folder / "ssh", reuse=reuse), image_qemu(iso, folder / "emulator"), reuse)


@pytest.fixture(scope="session")
def farm(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Farm]:
    """The machines that the selected tests need, coming up in the order of those tests."""
    named = (name for item in request.session.items for name in machines_of(item))
    wanted = dict.fromkeys(name for name in named if can_be_made(name, lab.iso))
    with Farm(lab, {name: JOBS[name] for name in wanted}) as farm:
        yield farm


def can_be_made(name: str, iso: Path) -> bool:
    """Whether the ISO has all layers that a machine needs."""
    return name not in NEED_ZFS or Feature.ZFS in features(iso)


@cache
def features(iso: Path) -> frozenset[Feature]:
    """What the ISO has layers for, by its manifest."""
    with iso.open("rb") as stream:
        image = Image(stream, str(iso))
        return read_manifest(image, image.files()).features


def require_layers(name: str, iso: Path) -> None:
    """Skip a test of a machine that this ISO cannot make."""
    if not can_be_made(name, iso):
        pytest.skip(f"{iso.name} has no ZFS; make iso PROFILE=dev ZFS=1 builds one that has")


def machines_of(item: pytest.Item) -> list[str]:
    """The machines that a test looks at."""
    named = [str(name) for marker in item.iter_markers("machines") for name in marker.args]
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return named + [str(parameters[key]) for key in FIXTURES if key in parameters]


def machine(kind: type[object], names: Iterable[str]) -> Any:
    """A fixture: what the jobs of these names hand out, each let go when no further test looks at it."""

    @pytest.fixture(scope="module", params=parameters(names))
    def look_at(request: pytest.FixtureRequest, farm: Farm, iso: Path) -> Iterator[object]:
        require_layers(request.param, iso)
        handed_out = farm.get(request.param)
        assert isinstance(handed_out, kind)
        yield handed_out
        farm.let_go(request.param)

    return look_at


node = machine(Node, CASES)
outcome = machine(Outcome, REFUSALS)
moved = machine(Moved, MOVES)
examined = machine(Examined, PROCESSORS)
layout = machine(Node, LAYOUTS)
degraded = machine(Degraded, [f"degraded-{name}" for name in MIRRORS])
torn = machine(TornDown, ["teardown"])
kept = machine(Kept, REINSTALLATIONS)
survivor = machine(Survivor, ["power-cut"])
retried = machine(Retried, ["retried"])
typed = machine(Typed, ["typed"])
careful = machine(Careful, ["careful"])
chosen = machine(Chosen, ENTRIES)
rescued = machine(Rescued, RESCUES)
remote = machine(Remote, ["remote"])
partly = machine(Partly, ["partly"])
first_boot = machine(FirstBoot, ["first-boot"])
clocked = machine(Clocked, ["clock"])
surroundings = machine(Surroundings, ["surroundings"])
two_consoles = machine(TwoConsoles, ["two-consoles"])
tried = machine(Tried, ["trials"])
wizard = machine(OnConsole, ["node-wizard"])
three = machine(ThreeNodes, ["three-nodes"])
