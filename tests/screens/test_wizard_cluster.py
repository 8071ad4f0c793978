"""Somebody at a console makes a cluster: what they paste, what they are refused, what they see afterwards."""

from __future__ import annotations

import textwrap

import pytest
from tests.screens.wizard import OnConsole, console, inside
from tests.unit.cluster_tokens import TEXT

from trebol_common.answers.cluster import Cluster
from trebol_common.errors import TrebolError
from trebol_firstboot.cluster_seen import ClusterSeen
from trebol_firstboot.screens.cluster import NODE, TTL, token_of
from trebol_firstboot.screens.recorded import RecordedWorld
from trebol_firstboot.screens.recorded_cluster import JOINED
from trebol_firstboot.screens.topic import Typed
from trebol_firstboot.screens.world import Task, Unended

AGREED = "9f2c4e81b7d3605a1c88e4f2070b9d6e"
CLOVER = ClusterSeen("clover", 3, 3, quorate=True)


class Asked(RecordedWorld):
    """Remembers what it was asked to join."""

    asked: tuple[str, str, str] = ("", "", "")

    def join_cluster(self, token: str, peer: str, address: str) -> Task:
        """See `World.join_cluster`."""
        self.asked = (token, peer, address)
        return super().join_cluster(token, peer, address)


def joining(wanted: Cluster | None = None) -> tuple[OnConsole, Asked]:
    """The page, at joining."""
    world = Asked(console().world.machine, "correct horse", pause=0.0, wanted=wanted or Cluster())
    shown = OnConsole(world, "en")
    shown.log_in()
    shown.act("go cluster")
    shown.change(mode="join")
    return shown, world


def to_its_end(shown: OnConsole) -> None:
    while shown.step():
        pass


@pytest.mark.parametrize("width", [10_000, 78, 20])
def test_a_token_is_pasted_as_a_terminal_broke_it(width: int) -> None:
    shown, world = joining()
    shown.go_to("Join token")
    for line in textwrap.wrap(TEXT, width):
        shown.type(line)
        shown.press("enter")
    shown.push("< Join >")

    assert world.asked == (TEXT, "", "192.0.2.10")
    assert "It runs" in shown.text() and TEXT[:20] not in shown.text()


def test_blanks_and_empty_lines_of_a_paste_do_no_harm() -> None:
    typed = Typed({"token.0": "  trebol1-Ab", "token.1": "", "token.2": "c D ", "token.3": ""})
    assert token_of(typed) == "trebol1-AbcD"


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("", "is needed"),
        (TEXT[:-20], "was cut off"),
        (TEXT[:-4] + "AAAA", "is garbled"),
        ("sesame", "is too easily guessed"),
        (AGREED, "is needed"),
    ],
)
def test_a_token_that_cannot_be_one_is_told_before_anybody_is_asked(token: str, told: str) -> None:
    shown, world = joining()
    shown.change(token__0=token)
    shown.act("join")

    assert told in " ".join(shown.text().split())
    assert world.asked == ("", "", "")


def test_a_text_that_was_agreed_on_needs_a_member_and_joins_by_it() -> None:
    shown, world = joining()
    shown.fill("Member", "Node1.Example.org")
    shown.fill("Join token", AGREED)
    shown.push("< Join >")
    assert world.asked == (AGREED, "node1.example.org", "192.0.2.10")


def test_what_the_installation_wanted_is_filled_in() -> None:
    wanted = Cluster.model_validate({"mode": "join", "peer": "192.0.2.11", "token": AGREED})
    shown, world = joining(wanted)
    shown.push("< Join >")
    assert world.asked == (AGREED, "192.0.2.11", "192.0.2.10")


def test_whoever_joined_logs_in_again_and_sees_the_members() -> None:
    shown, _world = joining()
    shown.change(token__0=TEXT)
    shown.act("join")
    to_its_end(shown)
    assert "log in again" in shown.text()

    shown.act("back")
    assert "clover: 2 of 2 nodes, quorate" in shown.text() and "Log in" in shown.text()
    shown.log_in()
    shown.act("go cluster")
    assert "(this node)" in shown.text() and "node2" in shown.text()


def test_whoever_created_a_cluster_makes_a_token_at_once() -> None:
    shown = inside(at="cluster")
    shown.fill("Cluster name", "Clover-1")
    shown.push("< Create it >")
    to_its_end(shown)
    shown.act("back")
    assert "clover-1: 1 of 1 nodes, quorate" in shown.text()

    shown.push("< Make a token >")
    assert "trebol1-" in shown.text() and "It is shown this once" in " ".join(shown.text().split())


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (TTL, "soon", "is no time"),
        (TTL, "90d", "30 days"),
        (NODE, "n.example.org", "without its"),
    ],
)
def test_what_no_token_can_have_is_told_beside_its_field(key: str, value: str, told: str) -> None:
    shown = inside(at="cluster", cluster=CLOVER)
    shown.change(**{key: value})
    shown.act("token")
    assert told in " ".join(shown.text().split()) and "trebol1-" not in shown.text()


class Refusing(RecordedWorld):
    """A node whose API refuses."""

    def create_cluster(self, name: str, address: str) -> Task:
        """See `World.create_cluster`."""
        raise TrebolError("is of the cluster oak already", where="this node", hint="trebol cluster leave")


def test_a_refusal_is_shown_in_the_api_s_words() -> None:
    shown = OnConsole(Refusing(console().world.machine, "correct horse"), "en")
    shown.log_in()
    shown.act("go cluster")
    shown.change(cluster="clover")
    shown.act("create")
    assert "this node: is of the cluster oak already" in shown.text() and "trebol cluster leave" in shown.text()


@pytest.mark.parametrize(
    ("unended", "there", "not_there"),
    [
        (Unended("join", ways=("resume", "abort")), ("Go on", "Take it back"), ("Join",)),
        (Unended("join", ways=("abort",)), ("Take it back",), ("Go on",)),
        (Unended("create", running=True), ("Read again",), ("Go on", "Take it back", "Create it")),
    ],
)
def test_what_was_cut_off_is_gone_on_with_or_taken_back_before_anything_else(
    unended: Unended, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    shown = inside(at="cluster", unended=unended, cluster=JOINED)
    assert all(f"< {each} >" in shown.text() for each in there)
    assert not any(f"< {each} >" in shown.text() for each in not_there)
