"""Keyboard layouts of the answer file as XKB layout and variant, for `/etc/default/keyboard` (keyboard(5)).

The console needs each layout compiled to a keymap, which takes seconds (console-setup's ckbcomp); the image build
does that once for all of them, and an installation copies the one it needs.
"""

from __future__ import annotations

from trebol_common.answers.model import Keyboard

#: Where the image build leaves the compiled keymaps, as NAME.kmap.gz; and where setupcon(1) keeps the one in use.
KEYMAPS = "usr/share/trebol/keymaps"
CACHED_KEYMAP = "etc/console-setup/cached_UTF-8_del.kmap.gz"
KEYBOARD_FILE = "etc/default/keyboard"

#: Layout and variant of xkeyboard-config, after Proxmox VE's table of keymaps.
XKB: dict[Keyboard, tuple[str, str]] = {
    Keyboard.DE: ("de", "nodeadkeys"),
    Keyboard.DE_CH: ("ch", "de_nodeadkeys"),
    Keyboard.DK: ("dk", "nodeadkeys"),
    Keyboard.EN_GB: ("gb", ""),
    Keyboard.EN_US: ("us", ""),
    Keyboard.ES: ("es", "nodeadkeys"),
    Keyboard.FI: ("fi", "nodeadkeys"),
    Keyboard.FR: ("fr", "nodeadkeys"),
    Keyboard.FR_BE: ("be", "nodeadkeys"),
    Keyboard.FR_CA: ("ca", "fr"),
    Keyboard.FR_CH: ("ch", "fr_nodeadkeys"),
    Keyboard.HU: ("hu", ""),
    Keyboard.IS: ("is", ""),
    Keyboard.IT: ("it", "nodeadkeys"),
    Keyboard.JP: ("jp", ""),
    Keyboard.LT: ("lt", ""),
    Keyboard.MK: ("mk", "nodeadkeys"),
    Keyboard.NL: ("nl", ""),
    Keyboard.NO: ("no", "nodeadkeys"),
    Keyboard.PL: ("pl", ""),
    Keyboard.PT: ("pt", "nodeadkeys"),
    Keyboard.PT_BR: ("br", "nodeadkeys"),
    Keyboard.SE: ("se", "nodeadkeys"),
    Keyboard.SI: ("si", ""),
    Keyboard.TR: ("tr", ""),
}


def keyboard_file(keyboard: Keyboard) -> str:
    """The text of `/etc/default/keyboard`."""
    layout, variant = XKB[keyboard]
    return (
        "# Written by Trebol; see keyboard(5).\n"
        f'XKBMODEL="pc105"\nXKBLAYOUT="{layout}"\nXKBVARIANT="{variant}"\nXKBOPTIONS=""\nBACKSPACE="guess"\n'
    )
