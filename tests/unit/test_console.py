"""The launcher on a node's consoles: the wizard on a node of Trebol's, and a login prompt whatever becomes of it."""

from __future__ import annotations

import os
import pty
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "debian/console"
PROMPT = "node1 login: "

#: What stands for the wizard: a program that draws a page; what becomes of it follows.
PAGE = "echo the page $LANG $HOME; "


class Console:
    """The launcher on a terminal of its own."""

    def __init__(self, script: Path) -> None:
        self.shown = ""
        self.process, self._terminal = pty.fork()
        if not self.process:
            # As systemd starts it, whoever runs the tests: nohup and shells have what they start ignore these.
            for each in (signal.SIGINT, signal.SIGHUP):
                signal.signal(each, signal.SIG_DFL)
            os.execve("/bin/sh", ["sh", str(script), "echo", PROMPT], {"PATH": "/usr/bin:/bin", "TERM": "vt220"})

    def wait(self, text: str) -> str:
        """What was shown once this is; raises AssertionError where it ends without."""
        while text not in self.shown:
            read = self._read()
            assert read, self.shown
            self.shown += read
        return self.shown

    def press(self, keys: bytes) -> None:
        """Type this."""
        os.write(self._terminal, keys)

    def close(self) -> None:
        """Hang up, and wait for its end."""
        os.close(self._terminal)
        os.waitpid(self.process, 0)

    def _read(self) -> str:
        try:
            return os.read(self._terminal, 4096).decode()
        except OSError:  # EIO: the other side is closed.
            return ""


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Console]]:
    """Begin the launcher: `wizard` is the program that stands for it, none for a node that Trebol did not install."""
    begun: list[Console] = []

    def begin(wizard: str | None, locale: str = "LANG=es_ES.UTF-8\n") -> Console:
        marker, language, program = tmp_path / "installed.json", tmp_path / "locale.conf", tmp_path / "wizard"
        language.write_text(locale)
        if wizard is not None:
            marker.touch()
            program.write_text(wizard)
        text = (FOLDER / "console").read_text()
        for there, here in (
            ("/var/lib/trebol/installed.json", str(marker)),
            ("/etc/locale.conf", str(language)),
            ("/usr/bin/python3 -I -m trebol_firstboot.screens", f"/bin/sh {program}"),
        ):
            assert there in text
            text = text.replace(there, here)
        script = tmp_path / "console"
        script.write_text(text)
        begun.append(Console(script))
        return begun[-1]

    yield begin
    for console in begun:
        console.close()


@pytest.mark.parametrize(
    "wizard",
    [
        PAGE + "exit 0",
        PAGE + "exit 1",
        PAGE + "kill -KILL $$",
        PAGE + "stty raw -echo",
        "(",
    ],
)
def test_whatever_becomes_of_the_wizard_a_login_prompt_follows(launch: Callable[..., Console], wizard: str) -> None:
    shown = launch(wizard).wait(PROMPT)
    assert ("the page es_ES.UTF-8 /root" in shown) == wizard.startswith(PAGE)


def test_ctrl_c_leads_from_the_wizard_to_the_prompt(launch: Callable[..., Console]) -> None:
    console = launch(PAGE + "exec cat")
    console.wait("the page")
    console.press(b"\x03")
    console.wait(PROMPT)


def test_a_node_that_trebol_did_not_install_has_its_prompt_at_once(launch: Callable[..., Console]) -> None:
    assert launch(None).wait(PROMPT).strip() == PROMPT.strip()


def test_a_language_that_cannot_be_read_costs_the_wizard_and_not_the_prompt(launch: Callable[..., Console]) -> None:
    assert "the page" not in launch(PAGE, locale="LANG=(\n").wait(PROMPT)


@pytest.mark.parametrize(("name", "words"), [("tty1", ()), ("serial", ("--keep-baud",))])
def test_the_prompt_is_the_one_that_systemd_has_there(name: str, words: tuple[str, ...]) -> None:
    """As systemd 257's units have it, which the drop-ins replace."""
    settings = (FOLDER / f"{name}.conf").read_text()
    baud = [*words, "115200,57600,38400,9600"] if words else []
    expected = ["/sbin/agetty", "-o", r"'-- \\u'", "--noreset", "--noclear", *baud, "-", "${TERM}"]
    commands = re.findall(r"^ExecStart=(.*)$", settings, re.MULTILINE)
    assert commands == ["", " ".join(["-/usr/lib/trebol/console", *expected])]


def test_the_launcher_can_be_executed() -> None:
    assert os.access(FOLDER / "console", os.X_OK)
