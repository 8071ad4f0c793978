"""What the installer leaves on nodes whose answer files make them one cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster.nodes import ContainerNode
from tests.unit.answer_files import answers, made_machine, manifest

from trebol_common.events import Context
from trebol_common.run import ScriptedRunner
from trebol_installer.execute import configure, first_boot
from trebol_installer.execute.state import Run
from trebol_installer.plan import plan
from trebol_installer.steps import WriteClusterIntent, WriteFirstBoot

TEXT = "9f2c4e81b7d3605a1c88e4f2070b9d6e"
NAMES = ("n1", "n2", "n3")
CREATE: dict[str, object] = {"mode": "create", "name": "clover", "token": TEXT, "nodes": list(NAMES[1:])}
JOIN: dict[str, object] = {"mode": "join", "peer": "10.124.0.11", "token": TEXT}

#: Seconds until three nodes that boot at the same time, one of which creates and two join, are one.
WITHIN = 240.0


def installed(cluster: dict[str, object], tree: Path) -> None:
    """Leave in a tree what the installer leaves for the first boot."""
    wanted, machine = answers(("cluster", cluster)), made_machine()
    run = Run(
        plan=plan(machine, wanted, manifest()),
        answers=wanted,
        machine=machine,
        manifest=manifest(),
        medium=tree,
        runner=ScriptedRunner(),
        context=Context(lambda event: None),
        target=tree,
    )
    for step in run.plan.steps:
        match step:
            case WriteClusterIntent():
                configure.write_cluster_intent(step, run)
            case WriteFirstBoot():
                first_boot.write_first_boot(step, run)


def seed(cluster: dict[str, object]) -> Callable[[Path], None]:
    """The same, of a tree that is to come."""
    return partial(installed, cluster)


def first_boot_of(node: ContainerNode) -> dict[str, Any]:
    """How far it is."""
    found: dict[str, Any] = json.loads(node.run("trebol", "firstboot", "status", "--json"))
    return found
