"""The `trebol` command, assembled from the rooms' entry points so that common never imports upwards.

Only the room behind the word that was typed is imported: no command waits for the libraries of another.
"""

from __future__ import annotations

import gc
import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, distribution
from types import ModuleType
from typing import cast

import click
from click.shell_completion import CompletionItem

from trebol_common import __version__
from trebol_common.errors import TrebolError, of_system
from trebol_common.i18n import _

PROJECT = "trebol"
GROUP = "trebol.commands"


@contextmanager
def _loading() -> Iterator[None]:
    """Without the garbage collector: what a module makes stays, and looking through it is a tenth of its loading."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Let imports of `module` fail inside the block, unless it is there already."""
    if module in sys.modules:
        yield
        return
    # None is what the import system itself documents for this; typeshed does not know it.
    sys.modules[module] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[module]


# typer takes rich wherever it is installed, for help that we show plainly: half of the command's start-up time, which
# is seconds of every installation under emulation.
with _absent("rich"), _loading():
    import typer


class _Rooms(click.Group):
    """A group whose subcommands are entry points, loaded when they are needed."""

    def _entry_points(self) -> dict[str, EntryPoint]:
        # Of this project alone: reading every installed one's takes a while.
        return {point.name: point for point in distribution(PROJECT).entry_points.select(group=GROUP)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._entry_points())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        point = self._entry_points().get(cmd_name)
        if point is None:
            return None
        with _loading():
            loaded = point.load()
        command = typer.main.get_command(loaded)
        command.name = cmd_name
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As a group does, but without loading every room for the first line of its help: one TAB is one word."""
        rooms = [CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [*rooms, *click.Command.shell_complete(self, ctx, incomplete)]


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"trebol {__version__}")
        ctx.exit()


root = _Rooms(
    name="trebol",
    help=(
        "Trebol turns bare servers into a virtualisation cluster.\n\n"
        "Example: trebol answer match answer.toml --machine machine.json"
    ),
    params=[
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version and exit.",
        ),
    ],
    callback=lambda debug: None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run `trebol`; errors go to stderr with their exit status, without a traceback unless `--debug` asks for it."""
    # A terminal that is not UTF-8 gets question marks, and the rest of the text.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run `trebol` with `arguments` and return the exit status."""
    debug = "--debug" in arguments
    try:
        # A click command that ends by ctx.exit() returns its status in this mode.
        status = root.main(arguments, prog_name="trebol", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"trebol: {_('interrupted')}", err=True)
        return 130
    except (TrebolError, OSError) as error:
        if debug:
            traceback.print_exc()
        told = of_system(error) if isinstance(error, OSError) else error
        click.echo(f"trebol: {told}", err=True)
        return told.exit_status
