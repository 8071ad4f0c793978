"""The node's wizard at 80x24, in both languages."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from tests.screens.snapshot import LANGUAGES, compare
from tests.screens.wizard import OnConsole, bonded, console, inside
from tests.unit.answer_files import SSH_KEY

from trebol_common.answers.cluster import Cluster
from trebol_common.errors import TrebolError
from trebol_common.tui.page import Input
from trebol_common.tui.rows import NARROWEST, Opened
from trebol_common.tui.view import HINT_LINES
from trebol_firstboot.cluster_seen import ClusterSeen
from trebol_firstboot.screens.recorded import RecordedWorld
from trebol_firstboot.screens.world import CodeNeeded, RunningTask, Session, Unended
from trebol_hardware.checks.finding import Finding

#: What leaves an address and its prefix beside it: 43 characters.
WIDEST_LABEL = 30

#: What `trebol_node.client` says of a daemon that is silent.
SILENT = "the node's daemon does not answer: [Errno 111] Connection refused"

#: What `trebol_firstboot.unattended.status` says.
FAILED = "failed: updates - see: trebol firstboot status"

AGREED = "9f2c4e81b7d3605a1c88e4f2070b9d6e"
CREATE = Cluster.model_validate({"mode": "create", "name": "clover"})
JOIN = Cluster.model_validate({"mode": "join", "peer": "node1.example.org", "token": AGREED})
CLOVER = ClusterSeen("clover", 3, 2, quorate=True)
HALF = ClusterSeen("clover", 3, 1, quorate=False)
CUT_OFF = Unended("join", reason="192.0.2.11:8006: does not answer: timed out", ways=("resume", "abort"))
UNDER_WAY = Unended("create", running=True)
BUSY: dict[str, Any] = {
    "cluster": ClusterSeen("clover", 3, 2, True),
    "running": tuple(RunningTask(kind, "", "root@pam") for kind in ("aptupgrade", "bundle", "network")),
}


def _fingerprint(language: str) -> OnConsole:
    shown = console(language=language)
    shown.act("qr")
    return shown


def _wrong(language: str) -> OnConsole:
    shown = console(language=language)
    shown.log_in(password="wrong")
    return shown


def _checking(language: str) -> OnConsole:
    shown = console(language=language, held=True)
    shown.log_in()
    return shown


class WithCode(RecordedWorld):
    """A node whose root has a second factor."""

    def log_in(self, user: str, password: str, code: str) -> Session:
        """See `World.log_in`."""
        if not code:
            raise CodeNeeded("a code is needed")
        return super().log_in(user, password, code)


def _code(language: str) -> OnConsole:
    world = console(language=language).world
    shown = OnConsole(WithCode(world.machine, world.password), language)
    shown.log_in()
    return shown


def _network(language: str, **changes: object) -> OnConsole:
    shown = inside(language=language, at="network")
    shown.change(**changes)
    shown.act("apply")
    return shown


def _bond(language: str) -> OnConsole:
    return bonded(inside(language=language, at="network"))


def _trial(language: str, *acts: str, steps: int = 2, seconds: float = 17.0) -> OnConsole:
    shown = _network(language, cidr="192.0.2.20/24")
    for _ in range(steps):
        shown.step()
    shown.pass_time(seconds)
    shown.act(*acts)
    while acts and shown.step():
        pass
    return shown


class Broken(RecordedWorld):
    """A node of which something cannot be told."""

    def findings(self) -> tuple[Finding, ...]:
        """See `World.findings`."""
        raise TrebolError("Input/output error", where="/run/trebol/findings.json", hint="look at the disk")


def _unreadable(language: str) -> OnConsole:
    world = console(language=language).world
    shown = OnConsole(Broken(world.machine, world.password), language)
    shown.log_in()
    shown.act("go hardware")
    return shown


def _typed(at: str, act: str, language: str, **changes: object) -> OnConsole:
    shown = inside(language=language, at=at)
    shown.change(**changes)
    shown.act(act)
    return shown


def _joining(language: str, *, to_end: bool) -> OnConsole:
    shown = inside(language=language, at="cluster", wanted=JOIN)
    shown.act("join")
    for _ in range(3):
        shown.step()
    while to_end and shown.step():
        pass
    return shown


def _made_token(language: str) -> OnConsole:
    shown = inside(language=language, at="cluster", cluster=CLOVER)
    shown.change(node="node4")
    shown.act("token")
    return shown


def _upgrading(language: str, *, to_end: bool) -> OnConsole:
    shown = inside(language=language, at="updates")
    shown.act("upgrade")
    shown.step()
    while to_end and shown.step():
        pass
    return shown


STATES: dict[str, Callable[[str], OnConsole]] = {
    "front": lambda language: console(language=language),
    "front-looking": lambda language: console(language=language, held=True),
    "front-fingerprint": _fingerprint,
    "front-busy": lambda language: console("asus-ryzen-svm-off", language, **BUSY),
    "front-first-boot": lambda language: console(language=language, first_boot=FAILED),
    "front-silent": lambda language: console(language=language, trouble=SILENT),
    "login": lambda language: _entered(language),
    "login-wrong": _wrong,
    "login-checking": _checking,
    "login-code": _code,
    "menu": lambda language: inside(language=language),
    "menu-silent": lambda language: inside(language=language, trouble=SILENT),
    "network": lambda language: inside(language=language, at="network"),
    "network-one-port": lambda language: inside("qemu-bios", language, at="network"),
    "network-dhcp": lambda language: _dhcp(language),
    "network-bond": _bond,
    "network-wrong": lambda language: _network(language, cidr="192.0.2.300/24", gateway="", vlan="5000", mtu="x"),
    "network-applying": lambda language: _trial(language, steps=1),
    "network-trial": _trial,
    "network-kept": lambda language: _trial(language, "keep"),
    "network-undone": lambda language: _trial(language, "undo"),
    "name": lambda language: inside(language=language, at="name"),
    "name-wrong": lambda language: _typed("name", "save", language, name="node_1"),
    "name-saved": lambda language: _typed("name", "save", language, name="node7.example.org"),
    "time": lambda language: inside(language=language, at="time"),
    "time-wrong": lambda language: _typed("time", "save", language, servers="ntp1 x_y"),
    "hardware": lambda language: inside("asus-ryzen-svm-off", language, at="hardware"),
    "hardware-unreadable": _unreadable,
    "cluster": lambda language: inside(language=language, at="cluster"),
    "cluster-create": lambda language: inside(language=language, at="cluster", wanted=CREATE),
    "cluster-wrong": lambda language: _typed("cluster", "create", language, cluster="clover_1"),
    "cluster-join": lambda language: inside(language=language, at="cluster", wanted=JOIN),
    "cluster-join-wrong": lambda language: _typed("cluster", "join", language, mode="join", token__0="sesame"),
    "cluster-joining": lambda language: _joining(language, to_end=False),
    "cluster-joined": lambda language: _joining(language, to_end=True),
    "cluster-member": lambda language: inside(language=language, at="cluster", cluster=CLOVER),
    "cluster-no-quorum": lambda language: inside(language=language, at="cluster", cluster=HALF),
    "cluster-token": lambda language: _made_token(language),
    "cluster-cut-off": lambda language: inside(language=language, at="cluster", unended=CUT_OFF),
    "cluster-under-way": lambda language: inside(language=language, at="cluster", unended=UNDER_WAY),
    "password": lambda language: inside(language=language, at="password"),
    "password-wrong": lambda language: _typed("password", "save", language, new_password="short"),
    "password-refused": lambda language: _typed(
        "password", "save", language, old_password="x", new_password=LONGER, new_password_again=LONGER
    ),
    "keys": lambda language: inside(language=language, at="keys", root_keys=(SSH_KEY,)),
    "keys-wrong": lambda language: _typed("keys", "save", language, key__0="ssh-rsa zzz"),
    "keys-saved": lambda language: _typed("keys", "save", language, key__0=SSH_KEY),
    "updates": lambda language: inside(language=language, at="updates"),
    "updates-none": lambda language: inside(language=language, at="updates", pending=()),
    "updates-running": lambda language: _upgrading(language, to_end=False),
    "updates-done": lambda language: _upgrading(language, to_end=True),
    "bundle": lambda language: inside(language=language, at="bundle"),
    "log": lambda language: inside(language=language, at="log"),
    "reboot": lambda language: inside(language=language, at="reboot"),
    "power-off": lambda language: inside(language=language, at="power off"),
}
LONGER = "four words are good"


def _entered(language: str) -> OnConsole:
    shown = console(language=language)
    shown.act("log in")
    return shown


def _dhcp(language: str) -> OnConsole:
    shown = inside(language=language, at="network")
    shown.change(source="from-dhcp")
    return shown


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_a_screen_looks_as_it_is_to_look(state: str, language: str) -> None:
    compare(f"wizard/{language}/{state}", STATES[state](language).text())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_nothing_is_cut_on_the_smallest_terminal(state: str, language: str) -> None:
    shown = STATES[state](language)
    page = shown.page

    for field in page.fields():
        assert len(textwrap.wrap(field.hint, NARROWEST)) <= HINT_LINES, field
        assert not isinstance(field, Input) or len(field.label) <= WIDEST_LABEL, field
    assert sum(len(action.text) + 6 for action in page.actions) <= NARROWEST + 2
    assert len(page.title) < 70
    for row in shown.view._rows:
        if isinstance(row, Opened):
            assert row.width + max(len(option.text) for option in row.options) + 3 <= NARROWEST, row.label
