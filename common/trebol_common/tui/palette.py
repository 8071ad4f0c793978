"""Colours and signs, for terminals with eight colours, with none, with UTF-8 and without."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.tui.page import Tone

#: urwid's palette: name, foreground, background, and what a terminal without colours gets.
PALETTE: tuple[tuple[str, str, str, str], ...] = (
    ("body", "light gray", "black", "default"),
    ("title", "white", "dark green", "standout"),
    ("danger", "white", "dark red", "standout,bold"),
    ("rule", "dark green", "black", "default"),
    ("hint", "dark cyan", "black", "default"),
    ("field", "white", "dark blue", "underline"),
    ("focus", "black", "light gray", "standout"),
    ("button", "light gray", "black", "default"),
    ("problem", "light red", "black", "bold"),
    ("bar", "light gray", "dark gray", "default"),
    ("bar done", "white", "dark green", "standout"),
    (Tone.PLAIN, "light gray", "black", "default"),
    (Tone.STRONG, "white", "black", "bold"),
    (Tone.DIM, "dark gray", "black", "default"),
    (Tone.GOOD, "light green", "black", "default"),
    (Tone.WARN, "yellow", "black", "bold"),
    (Tone.BAD, "light red", "black", "bold"),
)


@dataclass(frozen=True)
class Signs:
    """What is drawn that no key types."""

    chosen: str
    not_chosen: str
    marked: str
    not_marked: str
    opens: str
    rule: str
    problem: str
    above: str
    below: str
    #: Whether half blocks can be drawn.
    blocks: bool


#: What the Linux console's own font has, which is less than a terminal's (no ▾, no ●).
UTF8 = Signs("(•)", "( )", "[x]", "[ ]", "↓", "─", "→", "↑", "↓", True)
ASCII = Signs("(*)", "( )", "[x]", "[ ]", "v", "-", "->", "^", "v", False)
