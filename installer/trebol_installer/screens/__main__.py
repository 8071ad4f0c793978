"""`python3 -m trebol_installer.screens`: the screens on this terminal, where no fork server has them loaded.

It takes no words; see `trebol_installer.__main__`.
"""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Draw, load, go on."""
    gc.disable()
    from trebol_installer.screens import console

    return console.run()


if __name__ == "__main__":
    sys.exit(main())
