"""`python3 -m trebol_node.worker.task`: a task of the worker; its work comes by stdin."""

from __future__ import annotations

import sys

from trebol_node.tasks.inside import run_inside
from trebol_node.worker.handlers import work

if __name__ == "__main__":
    sys.exit(run_inside(work))
