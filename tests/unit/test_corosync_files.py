"""corosync.conf as others wrote it, and corosync's own word on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_corosync_configuration import TWO

from trebol_common.errors import BadInput
from trebol_common.run import Argument, CommandFailed, CommandRunner, Completed, ScriptedRunner
from trebol_node.cluster.corosync.check import COMMAND, check
from trebol_node.cluster.corosync.parse import Section, describes_cluster, parse, read_back

#: As Debian 13's package brings it, without its comments.
DEBIAN = """totem {
\tversion: 2
\tcluster_name: debian
\tcrypto_cipher: none
\tcrypto_hash: none
}
nodelist {
\t# Change/uncomment/add node sections to match cluster configuration
\tnode {
\t\tname: node1
\t\tnodeid: 1
\t\tring0_addr: 127.0.0.1
\t}
}
"""


def test_a_file_is_a_tree_in_which_nothing_is_lost_but_comments() -> None:
    tree = parse("a: 1\ns{\n  b : x: y\r\n\t\n#c: 1\n t {\n b:\n }\n}\na: 2\ns {\n c:\xa03\n}")
    assert tree == Section(
        "",
        (
            ("a", "1"),
            Section("s", (("b", "x: y"), Section("t", (("b", ""),)))),
            ("a", "2"),
            Section("s", (("c", "3"),)),
        ),
    )
    assert tree.value("a") == "2", "the last one counts"
    assert tree.section("s").values == {"b": "x: y", "c": "3"}, "sections of one name are one"
    assert tree.to_text() == "a: 1\ns {\n  b: x: y\n  t {\n    b:\n  }\n}\na: 2\ns {\n  c: 3\n}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("totem {\n", "section totem has no end"),
        ("a: 1\n}\n", "line 2: ends a section where none is open"),
        ("totem { a: 1\n}\n", "line 1: a section begins with its name, a brace, and the end of the line"),
        ("{\n}\n", "line 1: a section begins with its name, a brace, and the end of the line"),
        ("totem {\n} }\n", "line 2: neither begins or ends a section nor gives a value"),
        ("\nnonsense\n", "line 2: neither begins or ends a section nor gives a value"),
    ],
)
def test_what_corosync_could_not_read_is_told_with_its_line(text: str, problem: str) -> None:
    """Each of them is a parser error of corosync's."""
    with pytest.raises(BadInput, match=problem):
        parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no totem.cluster_name"),
        (DEBIAN, "there is no totem.config_version"),
        (TWO.render().replace("    nodeid: 2\n", ""), "there is no node.nodeid"),
        (TWO.render().replace("10.0.0.2", "node2"), "'node2' is not an IP address"),
        (TWO.render().replace("token: 3000", "token: long"), "is no configuration of corosync"),
    ],
)
def test_a_file_that_is_not_ours_is_not_read_for_one(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        read_back(text)


@pytest.mark.parametrize(
    ("text", "cluster"),
    [
        ("", False),
        (DEBIAN, False),
        (DEBIAN.replace("127.0.0.1", "192.0.2.11"), True),
        (DEBIAN.replace("127.0.0.1", "node1"), True),
        (DEBIAN.replace("ring0_addr:", "ring0_addr :"), False),
        (DEBIAN.replace("ring0_addr: 127.0.0.1", "ring1_addr : 192.0.2.11"), True),
        ("totem {\n interface {\n  bindnetaddr: 192.0.2.0\n", True),
        ("totem {\n interface {\n  # bindnetaddr: 192.0.2.0\n", False),
        ("nodelist {\n ring0_addr: 192.0.2.11 } {", True),
        (TWO.render(), True),
    ],
)
def test_whoever_is_in_a_cluster_is_known_by_its_addresses_even_in_a_broken_file(text: str, cluster: bool) -> None:
    assert describes_cluster(text) is cluster


def test_corosync_is_asked_before_a_file_is_used() -> None:
    runner = ScriptedRunner().expect(*COMMAND, stderr="notice  [MAIN  ] Corosync Cluster Engine exiting normally\n")
    check(TWO.render(), runner)
    assert not runner.expected


class Reading(ScriptedRunner):
    """Remembers what the program was given to read."""

    given = ""

    def run(self, command: Sequence[Argument], *, input: str | None = None, **others: Any) -> Completed:
        """See `Runner.run`."""
        self.given = input or ""
        return super().run(command, input=input, **others)


def test_corosync_reads_the_text_and_says_aloud_what_it_thinks_of_it() -> None:
    runner = Reading()
    runner.expect(*COMMAND)
    check(TWO.render(), runner)
    assert runner.given.startswith(TWO.render())
    logging: Mapping[str, str] = parse(runner.given).section("logging").values
    assert (logging["to_stderr"], logging["to_syslog"]) == ("yes", "no")


@pytest.mark.parametrize(
    ("stderr", "problem"),
    [
        (
            "parser error: /dev/stdin:9: Invalid cipher type. Should be none, aes256, aes192 or aes128\n",
            "line 9: Invalid cipher type. Should be none, aes256, aes192 or aes128",
        ),
        (
            "error   [MAIN  ] parse error in config: No valid name found for local host\n"
            "error   [MAIN  ] Corosync Cluster Engine exiting with status 8 at main.c:1456.\n",
            "parse error in config: No valid name found for local host",
        ),
        (
            "error   [MAIN  ] Nodeid 1 appears twice in corosync.conf\n"
            "error   [MAIN  ] Corosync Cluster Engine exiting with status 8 at main.c:1456.\n",
            "Nodeid 1 appears twice in corosync.conf",
        ),
        ("", "exit status 8"),
    ],
)
def test_what_corosync_would_not_start_with_is_told_in_its_words(stderr: str, problem: str) -> None:
    """As corosync 3.1.9 said it."""
    with pytest.raises(BadInput) as caught:
        check(TWO.render(), ScriptedRunner().expect(*COMMAND, stderr=stderr, status=8))
    assert [(each.where, each.what) for each in caught.value.problems] == [("corosync.conf", problem)]


def test_without_corosync_nothing_is_said_of_the_file(tmp_path: Path) -> None:
    class Nowhere(CommandRunner):
        """Has the program nowhere."""

        def run(self, command: Sequence[Argument], **others: Any) -> Completed:
            """See `Runner.run`."""
            return super().run([tmp_path / "corosync", *command[1:]], **others)

    with pytest.raises(CommandFailed, match="no such program"):
        check(TWO.render(), Nowhere())
