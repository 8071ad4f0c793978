"""What corosync says of itself, as corosync 3.1.9 said it on node1 (golden/corosync/*.txt; recorded without -i, its
addresses were put in for the names)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from trebol_common.run import CommandFailed, CommandRunner, Completed, ScriptedRunner
from trebol_node.cluster.corosync.status import MAP, QUORUM, Membership, NotRunning, read

GOLDEN = Path(__file__).parent / "golden/corosync"


def recorded(case: str) -> ScriptedRunner:
    """Answers as on that day; fails on any other command."""
    runner = ScriptedRunner()
    for block in (GOLDEN / f"{case}.txt").read_text().split("$ ")[1:]:
        command, _end, said = block.partition("\n")
        status = re.search(r"^exit status (\d+)\n", said, re.MULTILINE)
        runner.expect(*shlex.split(command), stdout=said, status=int(status[1]) if status else 0)
    return runner


def told(case: str) -> Membership:
    """Everything that was recorded is asked for."""
    runner = recorded(case)
    membership = read(runner)
    assert not runner.expected
    return membership


@pytest.mark.parametrize(
    ("case", "quorate", "waits", "expected", "votes", "needed", "device", "joined"),
    [
        ("two-of-three", True, False, 3, 2, 2, None, ["node1", "node2"]),
        ("link-down", True, False, 3, 2, 2, None, ["node1", "node2"]),
        ("alone", False, False, 3, 1, 2, None, ["node1"]),
        ("waiting", False, True, 2, 1, 1, None, ["node1"]),
        ("two-nodes", True, False, 2, 2, 1, None, ["node1", "node2"]),
        ("survivor", True, False, 2, 1, 1, None, ["node1"]),
        ("device", True, False, 3, 3, 2, 1, ["node1", "node2"]),
        ("device-lost", True, False, 3, 2, 2, 0, ["node1", "node2"]),
    ],
)
def test_who_is_there_and_whether_they_may_act(
    case: str,
    quorate: bool,
    waits: bool,
    expected: int,
    votes: int,
    needed: int,
    device: int | None,
    joined: list[str],
) -> None:
    found = told(case)
    assert (found.quorate, found.waits) == (quorate, waits)
    assert (found.expected_votes, found.votes, found.needed) == (expected, votes, needed)
    assert found.device_votes == device
    assert [member.name for member in found.members if member.joined] == joined
    assert (found.cluster, found.local.name, found.local.links) == ("clover", "node1", {})


def test_each_link_to_each_node_is_told_apart() -> None:
    links = {member.name: member.links for member in told("link-down").members}
    assert links == {"node1": {}, "node2": {0: True, 1: False}, "node3": {0: False, 1: False}}


def test_members_have_numbers_votes_and_the_configuration_that_they_loaded() -> None:
    found = told("two-of-three")
    assert [(member.id, member.votes, member.version) for member in found.members] == [
        (1, 1, 3),
        (2, 1, 3),
        (3, 1, None),
    ]
    assert (found.version, found.ring) == (3, "1.9")
    assert told("alone").ring == "1.d", "the sequence is hexadecimal"


def test_a_cluster_of_one_has_no_links_to_ask_for() -> None:
    told = (
        "totem.cluster_name (str) = clover\nnodelist.node.0.name (str) = node1\nnodelist.node.0.nodeid (u32) = 1\n"
        "nodelist.node.0.ring0_addr (str) = 10.0.0.1\nruntime.members.1.status (str) = joined\n"
        "runtime.votequorum.this_node_id (u32) = 1\n"
    )
    quorum = "Ring ID: 1.5\nQuorate: Yes\nExpected votes: 1\nTotal votes: 1\nQuorum: 1\nFlags: Quorate\n"
    found = read(ScriptedRunner().expect(*MAP, stdout=told).expect(*QUORUM, stdout=quorum))
    assert found.quorate and [member.links for member in found.members] == [{}]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (
            [Completed(1, "", "Failed to initialize the cmap API. Error CS_ERR_LIBRARY\n")],
            "does not answer: Failed to initialize the cmap API",
        ),
        ([Completed(1)], "does not say all of itself yet"),
        (
            [
                Completed(0, "runtime.votequorum.this_node_id (u32) = 1\n"),
                Completed(1, "", "Cannot initialize CMAP service\n"),
            ],
            "does not answer: Cannot initialize CMAP service",
        ),
        (
            [Completed(0, "runtime.votequorum.this_node_id (u32) = 1\n"), Completed(0, "Quorate: Yes\n")],
            "does not say all of itself yet",
        ),
    ],
)
def test_a_corosync_that_is_not_there_or_not_ready_is_an_answer_too(answers: list[Completed], problem: str) -> None:
    runner = ScriptedRunner()
    for command, answer in zip((MAP, QUORUM), answers, strict=False):
        runner.expect(*command, stdout=answer.stdout, stderr=answer.stderr, status=answer.status)
    with pytest.raises(NotRunning, match=problem):
        read(runner)


def test_a_node_without_corosync_names_the_package() -> None:
    class Nowhere(CommandRunner):
        """Has no program."""

        def run(self, *_command: object, **_others: object) -> Completed:
            """See `Runner.run`."""
            raise CommandFailed("corosync-cmapctl", 127, ())

    with pytest.raises(NotRunning, match="apt install corosync"):
        read(Nowhere())
