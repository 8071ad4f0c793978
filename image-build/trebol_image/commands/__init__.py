"""`trebol image`: build an ISO, and what is done with one."""

from __future__ import annotations

import typer

from trebol_image.commands import build, medium, run

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help=(
        "Build an ISO, put an answer file into it, check it, boot it in QEMU.\n\n"
        "Example: trebol image seed trebol.iso answer.toml"
    ),
)
build.register(app)
medium.register(app)
run.register(app)
