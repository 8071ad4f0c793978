"""Long work of a node: an id, a folder with its log and its end, a process of its own that outlives the daemons."""

from __future__ import annotations

from trebol_node.tasks.folder import FOLDER, KEPT, NoSuchTask, Task, Tasks
from trebol_node.tasks.upid import Upid

__all__ = ["FOLDER", "KEPT", "NoSuchTask", "Task", "Tasks", "Upid"]
