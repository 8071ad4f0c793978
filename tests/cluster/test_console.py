"""The wizard on a terminal of a running node: its first page, what it says of the node, and the prompt behind it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Iterator

import pyte
import pytest
from tests.cluster.nodes import ContainerNode
from tests.screens import fingerprint

PROMPT = "node1 login:"
WITHIN = 60.0
#: As the drop-in of serial lines has it; on a terminal of the node's own.
LAUNCH = "/usr/lib/trebol/console /sbin/agetty --noreset --noclear - vt220"


class Console:
    """A vt220 of the node, with the launcher on it."""

    def __init__(self, node: ContainerNode) -> None:
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        inside = ("nsenter", f"--target={node.leader}", "--all", "--wdns=/", "--")
        self.process, self._terminal = pty.fork()
        if not self.process:
            # As systemd starts it, whoever runs the tests: nohup and shells have what they start ignore these.
            for each in (signal.SIGINT, signal.SIGHUP):
                signal.signal(each, signal.SIG_DFL)
            environment = {"PATH": os.environ["PATH"], "TERM": "vt220"}
            os.execvpe("nsenter", [*inside, "script", "--quiet", "--command", LAUNCH, "/dev/null"], environment)

    def wait(self, *texts: str) -> str:
        """What stands there once all of these do."""
        end = time.monotonic() + WITHIN
        while not all(text in self.text() for text in texts):
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{texts}:\n{self.text()}"
            self._stream.feed(os.read(self._terminal, 65536))
        return self.text()

    def text(self) -> str:
        """What stands there."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, keys: bytes) -> None:
        """Type this."""
        os.write(self._terminal, keys)

    def close(self) -> None:
        """Hang up."""
        os.close(self._terminal)
        os.waitpid(self.process, 0)


@pytest.fixture(scope="module")
def installed(node: ContainerNode) -> ContainerNode:
    """The node as one that Trebol installed."""
    node.run("mkdir", "--parents", "/var/lib/trebol")
    node.run("sh", "-c", "echo {} > /var/lib/trebol/installed.json")
    return node


@pytest.fixture
def console(installed: ContainerNode) -> Iterator[Console]:
    """Its console, with the first page on it."""
    shown = Console(installed)
    shown.wait("Log in", installed.address)
    yield shown
    shown.close()


def _sha256(node: ContainerNode, port: int) -> str:
    return fingerprint.served(node.address, port, within=WITHIN)


def test_the_management_page_and_the_api_show_one_certificate(node: ContainerNode) -> None:
    assert _sha256(node, 9090) == _sha256(node, 8006)


def test_the_first_page_says_where_the_node_is_and_its_certificate(node: ContainerNode, console: Console) -> None:
    pages = tuple(f"https://{node.address}:{port}/" for port in (9090, 8006))
    page = console.wait("node1", f"{node.address}/24", *pages, "State")
    assert fingerprint.shown(page) == _sha256(node, 9090)


def test_the_banner_says_the_same(installed: ContainerNode) -> None:
    pairs = _sha256(installed, 8006)
    shown = re.sub(r"\s", "", installed.run("trebol", "firstboot", "banner"))
    assert f"SHA-256{':'.join(pairs[at : at + 2] for at in range(0, 64, 2))}" in shown


def test_ctrl_c_leads_to_the_login_prompt(console: Console) -> None:
    console.press(b"\x03")
    console.wait(PROMPT)


def test_a_wizard_that_is_killed_leads_to_the_login_prompt(node: ContainerNode, console: Console) -> None:
    node.run("pkill", "--signal", "KILL", "--full", "trebol_firstboot.screens")
    console.wait(PROMPT)


def test_a_wizard_that_cannot_start_leads_to_the_login_prompt(installed: ContainerNode) -> None:
    module = "/usr/lib/python3/dist-packages/trebol_firstboot/screens/controller.py"
    installed.run("mv", module, f"{module}.away")
    shown = Console(installed)
    try:
        shown.wait(PROMPT)
    finally:
        shown.close()
        installed.run("mv", f"{module}.away", module)
