"""`python3 -m trebol_firstboot.screens`: the wizard on a console of the node (/usr/lib/trebol/console)."""

from __future__ import annotations

import sys

from trebol_firstboot.screens.start import on_node


def main() -> int:
    """Until it ends, after which the launcher offers the login prompt."""
    try:
        on_node()
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
