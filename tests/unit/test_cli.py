"""The `trebol` command: only the room behind the typed word is loaded; errors are one message and a status."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from trebol_common import __version__
from trebol_common.cli import root, run

ROOMS = ("answer", "firstboot", "image", "install", "machine", "node")


def test_help_names_every_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for room in ROOMS:
        assert f"  {room} " in text
    assert "Example:" in text


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"trebol {__version__}\n"


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    context = click.Context(command)
    yield " ".join(words), command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, (*words, name))


def test_every_help_has_an_example() -> None:
    helps = dict(_commands(root, ("trebol",)))
    assert len(helps) > len(ROOMS)
    assert [words for words, text in helps.items() if f"Example: {words}" not in text] == []


@pytest.mark.parametrize("arguments", [["no-such-room"], ["--no-such-option"], ["answer", "validate"]])
def test_bad_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Error" in captured.err


def test_bad_input_is_one_message_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "validate", str(tmp_path / "missing.toml")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"trebol: {tmp_path}/missing.toml: cannot be read")
    assert "Traceback" not in captured.err


def test_a_full_disk_is_one_message() -> None:
    code = "import sys; from trebol_common.cli import run; sys.exit(run(['answer', 'schema']))"
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr.startswith("trebol: ")
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_where_an_error_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "answer", "validate", str(tmp_path / "missing.toml")]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_installation_does_not_load_what_it_does_not_need() -> None:
    code = (
        "import sys; from trebol_common.cli import run; run(['install', '--help']);"
        "print(sorted(name for name in sys.modules if name in"
        " ('rich', 'fastapi', 'requests', 'trebol_image', 'trebol_node', 'trebol_firstboot')), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


def test_a_terminal_that_is_not_utf_8_gets_the_rest_of_the_text() -> None:
    program = "from trebol_common import cli; cli.run = lambda arguments: print('✓ done'); cli.main()"
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"? done\n", b"")
