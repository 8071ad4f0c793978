"""Pacemaker on this node: having it know the fence devices, and having it fence."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_common.run import CommandFailed, Runner
from trebol_node.fencing.cib import changed
from trebol_node.fencing.device import Device

#: Seconds that fencing may take: two levels of devices that do not answer, and one that does.
_FENCED_WITHIN = 300


def write(runner: Runner, devices: Iterable[Device], *, delayed: str | None) -> bool:
    """Have it know these devices and no others of ours; whether that was a change. Raises TrebolError."""
    try:
        return patch(runner, lambda text: changed(text, devices, delayed=delayed))
    except CommandFailed as error:
        said = error.last_lines[-1] if error.last_lines else str(error)
        raise TrebolError(
            f"does not take the fence devices: {said}", where="pacemaker", hint="journalctl -u pacemaker"
        ) from error


def patch(runner: Runner, change: Callable[[str], str]) -> bool:
    """Have it take what `change` makes of its configuration; whether that is another one.

    What somebody else changed meanwhile stays: only the difference is handed over. Raises TrebolError, CommandFailed.
    """
    before = runner.run(["cibadmin", "--query"]).stdout
    after = change(before)
    if after == before:
        return False
    with tempfile.TemporaryDirectory(prefix="trebol-cib.") as name:
        original, new, difference = (Path(name) / each for each in ("before.xml", "after.xml", "patch.xml"))
        write_text(original, before, mode=0o600)
        write_text(new, after, mode=0o600)
        found = runner.run(["crm_diff", "--original", original, "--new", new, "--no-version"], check=False)
        # Status 1: they differ.
        if found.status not in (0, 1):
            raise TrebolError(f"makes no patch: {_last(found.stderr)}", where="crm_diff")
        write_text(difference, found.stdout, mode=0o600)
        runner.run(["cibadmin", "--patch", "--xml-file", difference])
    return True


def fence(runner: Runner, node: str, say: Callable[[str], None]) -> str:
    """Have the cluster cut the power of `node` and give it again; why that failed, empty where it did not."""
    command = ["stonith_admin", f"--reboot={node}", f"--timeout={_FENCED_WITHIN}"]
    done = runner.run(command, check=False, on_line=say)
    if done.status == 0:
        return ""
    return f"pacemaker did not fence it: {_last(done.stderr) or _last(done.stdout) or f'status {done.status}'}"


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
