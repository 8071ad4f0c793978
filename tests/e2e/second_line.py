"""A second serial line of a machine, with a root shell of the live system on it: what goes on beside the screens."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.lab import patient
from tests.e2e.live_shell import SHELL_WITHIN, shell_on

from trebol_image.qemu import MachineConfig
from trebol_image.qemu.serial import SerialConsole

#: What mkfs.ext4 says while it is broken.
BROKEN = "mkfs.ext4: the disk is on fire"
#: A kernel word that has systemd start the shell (systemd-debug-generator(8)).
WORDS = ("systemd.wants=trebol-shell@ttyS1.service",)


@dataclass(frozen=True)
class SecondLine:
    """The line's socket, which the machine's QEMU listens on, and its log."""

    path: Path
    log: Path

    def of(self, config: MachineConfig) -> MachineConfig:
        """The machine with this line."""
        socket = f"socket,id=second,path={self.path},server=on,wait=off"
        return replace(config, extra=(*config.extra, "-chardev", socket, "-serial", "chardev:second"))

    @contextmanager
    def shell(self) -> Iterator[SerialConsole]:
        """The shell, once it is there; the machine runs already."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.path))
        with SerialConsole(connection, log=self.log) as console:
            console.send("\n")
            console.expect(r"# ", within=patient(SHELL_WITHIN))
            yield console


@contextmanager
def second_line(log: Path) -> Iterator[SecondLine]:
    """A line whose socket has a path that is short enough (unix(7))."""
    with tempfile.TemporaryDirectory(prefix="trebol-line-") as folder:
        yield SecondLine(Path(folder, "line"), log)


def done(console: SerialConsole, command: str) -> str:
    """What a command says; it has to end well."""
    status, said = shell_on(console, command)
    assert status == 0, f"{command}: {said}"
    return said


def break_mkfs(shell: SerialConsole) -> None:
    """From now on the step that makes an ext4 fails."""
    done(shell, rf"printf '#!/bin/sh\necho \"{BROKEN}\"; exit 1\n' > /root/broken && chmod +x /root/broken")
    done(shell, "mount --bind /root/broken /usr/sbin/mkfs.ext4")


def mend_mkfs(shell: SerialConsole) -> None:
    """Undo that."""
    done(shell, "umount /usr/sbin/mkfs.ext4")
