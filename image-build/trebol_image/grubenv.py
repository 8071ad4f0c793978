"""GRUB's environment block: 1024 bytes, a signature line, NAME=VALUE lines, padded with '#'.

Source: GRUB manual, "The GRUB environment block", and grub-core/lib/envblk.c.
"""

from __future__ import annotations

from collections.abc import Mapping

from trebol_common.errors import BadInput

SIZE = 1024
SIGNATURE = b"# GRUB Environment Block\n"


def render(variables: Mapping[str, str]) -> bytes:
    """The block that holds `variables`. Raises BadInput when they do not fit."""
    lines = "".join(f"{name}={_escaped(value)}\n" for name, value in variables.items())
    block = SIGNATURE + lines.encode()
    if len(block) > SIZE:
        raise BadInput(
            f"the boot loader's environment holds {SIZE} bytes, and {len(block)} were asked for",
            where="kernel words",
            hint="give fewer or shorter words",
        )
    return block.ljust(SIZE, b"#")


def parse(block: bytes) -> dict[str, str]:
    """The variables in `block`. Raises ValueError when it is not an environment block."""
    if not block.startswith(SIGNATURE):
        raise ValueError("no GRUB environment block")
    variables = {}
    for line in block[len(SIGNATURE) :].decode(errors="replace").split("\n"):
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            variables[name] = value.replace("\\\\", "\\")
    return variables


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
