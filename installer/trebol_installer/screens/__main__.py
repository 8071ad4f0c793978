"""`python3 -m trebol_installer.screens`: the screens on a console of the live system (trebol-screens@.service).

It draws the first screen before it loads what the others need, and takes no words; see `trebol_installer.__main__`.
"""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Draw, load, go on."""
    gc.disable()
    from trebol_common.tui.app import App
    from trebol_installer.screens.first import First

    App(First(os.ttyname(0).removeprefix("/dev/"))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
