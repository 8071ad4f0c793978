"""All nodes of a cluster brought up to date in turn: who goes when, what is borne, what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_node.client import Unreachable
from trebol_node.cluster.updating import WHY, Update, order

NODES = ("n1", "n2", "n3")


@dataclass
class World:
    """The API of a cluster: what waits on each node, who is out; what was done, in order. A node that boots anew is
    silent for two questions. `refuses`: so often the others do not do without a node."""

    packages: dict[str, list[str]] = field(default_factory=dict)
    kernels: set[str] = field(default_factory=set)
    due: set[str] = field(default_factory=set)
    out: dict[str, str] = field(default_factory=dict)
    refuses: int = 0
    done: list[str] = field(default_factory=list)
    boots: dict[str, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)

    def get(self, path: str, **arguments: str | Sequence[str]) -> Any:
        match path.strip("/").split("/"):
            case ["cluster", "status"]:
                online = {name: int(not self.silent.get(name)) for name in NODES}
                return [
                    {"type": "cluster"},
                    *({"type": "node", "name": name, "online": online[name]} for name in NODES),
                ]
            case ["cluster", "maintenance", name]:
                self.refuses -= self.refuses > 0
                reasons = ["1 of 3 voters is left"] if self.refuses else []
                return {"survives": int(not reasons), "layers": [{"layer": "store", "reasons": reasons}]}
            case ["cluster", "maintenance"]:
                return [{"node": name, "why": why} for name, why in self.out.items()]
            case ["nodes", name, "apt", "update"]:
                return [{"Package": each} for each in self.packages.get(name, ())]
            case ["nodes", name, "status"]:
                if self.silent.get(name):
                    self.silent[name] -= 1
                    raise Unreachable("does not answer", where=name)
                due = ["linux"] if name in self.due else None
                return {"trebol": {"boot": str(self.boots.get(name, 0)), "reboot_due": due}}
        raise AssertionError(path)

    def create(self, path: str, **arguments: str | Sequence[str]) -> Any:
        match path.strip("/").split("/"):
            case ["nodes", name, "apt", "upgrade"]:
                assert name in self.out, "it is not taken out"
                self.done.append(f"{name} upgrade")
                self.packages.pop(name)
                self.due |= {name} & self.kernels
            case ["nodes", name, "status"]:
                assert name in self.out and arguments == {"command": "reboot"}
                self.done.append(f"{name} reboot")
                self.boots[name] = 1
                self.silent[name] = 2
                self.due.discard(name)
        return "UPID"

    def set(self, path: str, **arguments: str | Sequence[str]) -> Any:
        if self.refuses and arguments["force"] != "1":
            raise Refused("1 of 3 voters is left", where="n2")
        self.out[path.rpartition("/")[2]] = str(arguments["why"])

    def delete(self, path: str, **arguments: str | Sequence[str]) -> Any:
        name = path.rpartition("/")[2]
        del self.out[name]
        self.done.append(f"{name} back")


def updated(world: World, *names: str, force: bool = False) -> list[str]:
    """All rounds; what was said."""
    said: list[str] = []
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    api: Any = world
    rounds = Update(api, "n1", lambda path, upid: None, said.append, force, pause, lambda: now[0])
    for each in rounds.wanted(names):
        if not each.is_done and not rounds.run(each):
            said.append(f"{each.node} waits")
    return said


def test_one_after_the_other_this_one_last_and_only_who_has_something_to_do() -> None:
    world = World({"n1": ["toy"], "n3": ["toy", "linux"], "n2": []}, kernels={"n3"})
    updated(world)
    assert world.done == ["n3 upgrade", "n3 reboot", "n3 back", "n1 upgrade", "n1 back"]
    assert not world.out


def test_a_reboot_that_is_due_is_had_without_any_package() -> None:
    world = World(due={"n2"})
    assert "n2: is back" in updated(world)
    assert world.done == ["n2 reboot", "n2 back"]


def test_the_node_that_it_runs_on_is_not_booted_under_it() -> None:
    world = World({"n1": ["linux"]}, kernels={"n1"})
    assert updated(world)[-1] == "n1 waits"
    assert world.done == ["n1 upgrade", "n1 back"]


def test_what_was_cut_off_goes_on_with_the_node_that_is_out() -> None:
    world = World({"n2": ["toy"]}, out={"n3": WHY})
    updated(world)
    assert world.done == ["n3 back", "n2 upgrade", "n2 back"]


def test_the_others_are_waited_for_and_not_for_ever() -> None:
    world = World({"n2": ["toy"]}, refuses=3)
    assert len([line for line in updated(world) if line.startswith("waiting: n2: 1 of 3")]) == 1
    with pytest.raises(Refused, match="1 of 3"):
        updated(World({"n2": ["toy"]}, refuses=10**6))
    forced = World({"n2": ["toy"]}, refuses=10**6)
    updated(forced, force=True)
    assert forced.done == ["n2 upgrade", "n2 back"]


def test_a_node_that_is_out_is_not_booted_while_another_one_is_missing() -> None:
    world = World(due={"n2"}, out={"n2": WHY}, refuses=10**6)
    with pytest.raises(Refused, match="1 of 3"):
        updated(world)
    assert not world.done


@pytest.mark.parametrize(
    ("world", "names", "says"),
    [
        (World(), ("n9",), "n9: is no node of the cluster"),
        (World(out={"n2": "new memory"}), (), "n2: is in maintenance"),
    ],
)
def test_what_cannot_be_begun_is_told_before_anything_is_done(
    world: World, names: tuple[str, ...], says: str
) -> None:
    with pytest.raises(TrebolError, match=says) as caught:
        updated(world, *names)
    assert isinstance(caught.value, BadInput | Refused) and not world.done


def test_whoever_is_out_goes_first_and_this_node_last() -> None:
    assert order(NODES, own="n1", out=()) == ["n2", "n3", "n1"]
    assert order(NODES, own="n1", out=("n3",)) == ["n3", "n2", "n1"]
