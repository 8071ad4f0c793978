"""QR codes in half blocks, two modules to a character, for a camera that looks at the screen."""

from __future__ import annotations

#: Modules of light around a code. The standard has four (ISO/IEC 18004, 9.1); phones read it with two, and a screen
#: of 24 lines has no more.
QUIET = 2

#: By whether the upper and the lower module are dark. A terminal writes light on dark.
_HALVES = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}


def half_blocks(text: str) -> tuple[str, ...]:
    """The lines of the smallest QR code of `text`, its quiet zone around it."""
    # Loaded where a code is drawn, not with the first screen.
    import segno

    code = segno.make_qr(text, error="L", boost_error=False)
    rows = [list(row) for row in code.matrix_iter(border=QUIET)]
    if len(rows) % 2:
        # What is below the last line is the terminal, which is dark: the quiet zone ends with half a line.
        rows.append([1] * len(rows[0]))
    return tuple(
        "".join(_HALVES[int(upper), int(lower)] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )
