"""`python3 -m trebol_node.worker`: the worker."""

import sys

from trebol_node.worker.main import main

if __name__ == "__main__":
    sys.exit(main())
