"""TAB: what a shell offers after `trebol`, in Bash itself and from the command, without and with a node's daemon."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pexpect
import pytest
from click.shell_completion import ShellComplete, get_completion_class
from tests.unit.shown_node import NODE, Served, served_node

from trebol_common.cli import root
from trebol_common.run import CommandRunner
from trebol_hardware import completion as hardware
from trebol_node.commands.completion import below

SCRIPTS = Path(__file__).parents[2] / "debian/completions"


def offered(*words: str) -> list[str]:
    """What can become of the last word."""
    found = ShellComplete(root, {}, "trebol", "_TREBOL_COMPLETE").get_completions([*words[:-1]], words[-1])
    return [each.value for each in found]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_node(tmp_path_factory.mktemp("node")) as found:
        yield found


def test_rooms_are_offered_without_loading_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda self: pytest.fail(f"{self.name} was loaded"))
    assert {"answer", "api", "node"} <= {*offered("")}
    assert offered("mach") == ["machine"]
    assert offered("--ver") == ["--version"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("node", "ta"), ["tasks"]),
        (("node", "network", "co"), ["confirm"]),
        (("node", "tasks", "--fa"), ["--failed"]),
        (("node", "services", "chrony", "re"), ["restart", "reload"]),
        (("check", "--for", "no"), ["node"]),
        (("check", "explain", "cpu-virt"), ["cpu-virtualisation"]),
        (("image", "build", "--profile", "d"), ["dev"]),
    ],
)
def test_commands_options_and_their_values(words: tuple[str, ...], wanted: list[str]) -> None:
    assert offered(*words) == wanted


def test_disks_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("sda", "nvme0n1", "dm-0", "loop0"):
        (tmp_path / name).mkdir()
    for name in ("sda", "nvme0n1"):
        (tmp_path / name / "device").mkdir()
    monkeypatch.setattr(hardware, "_BLOCK", tmp_path)
    assert offered("rescue", "--disk", "") == ["nvme0n1", "sda"]
    assert offered("rescue", "--disk", "s") == ["sda"]


TREE = ["/version", "/nodes", "/nodes/{node}", "/nodes/{node}/tasks", "/nodes/{node}/tasks/{upid}/log", ""]


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        ("", ["/nodes/", "/version"]),
        ("/", ["/nodes/", "/version"]),
        ("ver", ["version"]),
        ("/nodes/", ["/nodes/one/", "/nodes/two/"]),
        ("nodes/", ["nodes/one/", "nodes/two/"]),
        ("/nodes/o", ["/nodes/one/"]),
        ("/nodes/one/", ["/nodes/one/tasks/"]),
        ("/nodes/one/tasks/UPID:", ["/nodes/one/tasks/UPID:one:/"]),
        ("/nodes/one/tasks/UPID:one:/", ["/nodes/one/tasks/UPID:one:/log"]),
        ("/nothing/", []),
    ],
)
def test_a_path_grows_by_one_name(start: str, wanted: list[str]) -> None:
    listed = {("/nodes", "node"): ["one", "two"], ("/nodes/one/tasks", "upid"): ["UPID:one:"]}
    assert below(TREE, start, lambda above, name: listed[above, name]) == wanted


def test_paths_are_those_of_the_daemon_and_of_the_method(node: Served) -> None:
    def paths(word: str, start: str) -> list[str]:
        return offered("api", word, "--socket", str(node.path), start)

    assert {"/access/", "/nodes/", "/version"} <= {*paths("get", "")}
    assert paths("get", "/no") == ["/nodes/"]
    assert paths("get", "/nodes/") == [f"/nodes/{NODE}/"]
    assert f"/nodes/{NODE}/status" in paths("get", f"/nodes/{NODE}/s")
    assert paths("get", f"/nodes/{NODE}/network/e") == [f"/nodes/{NODE}/network/{each}" for each in ("eno1", "eno2")]
    assert "/access/users/root@pam" in {each.rstrip("/") for each in paths("set", "/access/users/r")}
    assert paths("set", "/vers") == []


def test_arguments_are_those_of_the_path_with_their_values(node: Served) -> None:
    def words(*typed: str) -> list[str]:
        return offered("api", typed[0], "--socket", str(node.path), *typed[1:])

    assert words("get", "/cluster/resources", "") == ["type="]
    assert "type=node" in words("get", "/cluster/resources", "type=")
    assert words("get", "/cluster/resources", "type=node", "") == []
    assert {"userid=", "comment="} <= {*words("create", "/access/users", "")}
    assert words("get", "/nonsense", "") == []


def test_services_and_tasks_of_the_node(node: Served) -> None:
    assert offered("node", "services", "--socket", str(node.path), "chr") == ["chrony"]
    assert offered("node", "log", "--socket", str(node.path), "--service", "ss") == ["ssh"]
    assert offered("node", "tasks", "--socket", str(node.path), "UPID:") == []


@pytest.mark.parametrize("words", [("api", "get"), ("node", "services"), ("node", "tasks")])
def test_nothing_is_offered_without_a_daemon(words: tuple[str, ...], tmp_path: Path) -> None:
    assert offered(*words, "--socket", str(tmp_path / "none"), "") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_the_scripts_of_the_library(shell: str) -> None:
    made = get_completion_class(shell)
    assert made is not None
    text = made(root, {}, "trebol", "_TREBOL_COMPLETE").source()
    assert (SCRIPTS / f"trebol.{shell}").read_text().strip() == text.strip()


def test_the_script_for_bash_is_clean_shell() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck")
    CommandRunner().run(["shellcheck", SCRIPTS / "trebol.bash"])


class Bash:
    """A Bash with the completion, whose prompt is `$ `."""

    def __init__(self, folder: Path) -> None:
        command = folder / "trebol"
        code = "from trebol_common.cli import main; main()"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
        command.chmod(0o755)
        found = {
            "PATH": f"{folder}:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "PS1": "$ ",
        }
        self._bash = pexpect.spawn("bash", ["--norc", "--noprofile"], env=found, encoding="utf-8", timeout=50)
        self._bash.expect_exact("$ ")
        self.run("bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; stty -echo cols 500")
        # What stands in the line is printed by Ctrl-T, and gone.
        self.run(r"""bind -x '"\C-t": printf "<%s>" "$READLINE_LINE"; READLINE_LINE='""")
        self.run(f"source {SCRIPTS / 'trebol.bash'}")

    def run(self, line: str) -> None:
        """Give a command, and wait for its end."""
        self._bash.sendline(f"{line}; echo do''ne")
        self._bash.expect(r"done\s+\$ ")

    def completed(self, start: str) -> str:
        """The line that `start` and one TAB make."""
        self._bash.send(f"{start}\t\x14")
        self._bash.expect("<([^>]*)>")
        assert isinstance(self._bash.match, re.Match)
        return str(self._bash.match[1])

    def close(self) -> None:
        """End it."""
        self._bash.close(force=True)


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bash]:
    shell = Bash(tmp_path_factory.mktemp("bash"))
    try:
        yield shell
    finally:
        shell.close()


def test_bash_completes_words(bash: Bash) -> None:
    assert bash.completed("trebol mach") == "trebol machine "
    assert bash.completed("trebol node tas") == "trebol node tasks "


def test_bash_completes_what_it_takes_for_several_words(bash: Bash, node: Served) -> None:
    # Equals signs and at signs end words of Bash, as colons do.
    start = f"trebol api set --socket {node.path} /access/us"
    assert bash.completed(start) == f"{start}ers/"
    assert bash.completed(f"{start}ers/root@p") == f"{start}ers/root@pam/"
    start = f"trebol api get --socket {node.path} /cluster/resources ty"
    assert bash.completed(start) == f"{start}pe="
    assert bash.completed(f"{start}pe=no") == f"{start}pe=node "


@pytest.mark.parametrize("typed", ["UP", "UPID", "UPID:", "UPID:node1:00"])
def test_bash_completes_a_upid(bash: Bash, typed: str) -> None:
    bash.run("trebol() { echo plain,UPID:node1:0001:root@pam:; }")
    assert bash.completed(f"trebol node tasks {typed}") == "trebol node tasks UPID:node1:0001:root@pam: "
    bash.run("unset -f trebol")


def test_bash_completes_files_after_a_word_in_quotes(bash: Bash, tmp_path: Path) -> None:
    (tmp_path / "a medium.iso").touch()
    (tmp_path / "answer.toml").touch()
    bash.run(f"cd {tmp_path}")
    assert bash.completed("trebol image seed 'a medium.iso' ans") == "trebol image seed 'a medium.iso' answer.toml "
