"""`python3 -m trebol_installer`: the installer as the live system's trebol-install.service runs it.

It takes no words, so that it needs no library to read them: loading one is seconds of an installation under
emulation. For the same reason nothing is collected while it is loaded: what a module makes stays.
"""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Load the installer and install."""
    gc.disable()
    from trebol_installer import unattended

    gc.enable()
    return unattended.run()


if __name__ == "__main__":
    sys.exit(main())
