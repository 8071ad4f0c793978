"""Running commands in a tree as in a machine of its own."""

import subprocess
from pathlib import Path


def container(tree: Path, *command: str) -> list[str]:
    """Run `command` as in a machine of its own: own processes, own mounts, the host's network."""
    return [
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--directory={tree}", "--pipe"),
        *("--resolv-conf=replace-host", "--bind-ro=/etc/hosts"),
        *command,
    ]


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `command` in a container of `tree` to its end."""
    return subprocess.run(container(tree, *command), capture_output=True, text=True, check=False, timeout=600)
