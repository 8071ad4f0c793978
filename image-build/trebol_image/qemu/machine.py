"""`VirtualMachine`: QEMU as a context manager; it never outlives the context, nor the thread that started it."""

from __future__ import annotations

import math
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner, Completed, Runner, spawn
from trebol_image.qemu.config import MachineConfig, arguments, firmware_files, netdev, variables_template
from trebol_image.qemu.errors import DeadlinePassed, EmulatorFault, MachineEnded, quote
from trebol_image.qemu.qmp import QmpClient, QmpError, QmpEvent
from trebol_image.qemu.serial import SerialConsole

#: Seconds that QEMU may take to connect to its sockets after its start.
START_WITHIN = 30.0
#: Seconds between two looks at something that gives no event.
LOOK_AGAIN = 0.5
#: Seconds between two looks at the console while something else is waited for.
LOOK_AT_CONSOLE = 5.0

_LOCALHOST, _SSH = "127.0.0.1", 22
#: How the sockets of shared SSH connections are called.
_LINE = "ssh-"

#: What a program that is broken ends by (signal(7)).
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})

#: A line of `info usernet`: TCP[HOST_FORWARD] fd 127.0.0.1 HOST_PORT GUEST_ADDRESS GUEST_PORT ...
_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)")


def parse_forwards(usernet: str) -> dict[int, int]:
    """Guest port → host port, from the human monitor's `info usernet`, which QMP has no counterpart of."""
    return {int(guest): int(host) for host, guest in _FORWARD.findall(usernet)}


class VirtualMachine:
    """A running machine: `with VirtualMachine(config, folder) as machine: …`.

    `folder` receives `serial.log`, `qemu.log`, `variables.fd` (the firmware's store) and `tpm` (the TPM's). Both
    stores are used again when they are there, so that a machine remembers its boot entries and keys from one context
    to the next. On leaving, QEMU is ended; it is also ended by the kernel when the thread that entered dies, so enter
    in a thread that lives as long as the machine.
    """

    def __init__(
        self,
        config: MachineConfig,
        folder: Path,
        *,
        name: str = "machine",
        runner: Runner | None = None,
        tap: Callable[[bytes], None] | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.name = name
        self.ended: QmpEvent | None = None
        self._runner = runner or CommandRunner()
        self._tap = tap
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        missing = [str(path) for path in firmware_files(self.config.firmware) if not path.exists()]
        if missing:
            raise BadInput("firmware is missing", where=", ".join(missing), hint="apt install ovmf")
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "qemu.log"
        log.unlink(missing_ok=True)
        with ExitStack() as stack:
            # A socket's path has 107 bytes at most (unix(7)), which `folder` may well exceed.
            sockets = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="trebol-vm-", ignore_cleanup_errors=True))
            )
            self._sockets = sockets
            stack.callback(self._hang_up)
            qmp = stack.enter_context(_listen(sockets / "qmp"))
            serial = stack.enter_context(_listen(sockets / "serial"))
            command = arguments(
                self.config,
                qmp=sockets / "qmp",
                serial=sockets / "serial",
                variables=self._variables(),
                tpm=self._tpm(sockets / "tpm", stack) if self.config.tpm else None,
            )
            self.process = stack.enter_context(spawn(("setpriv", "--pdeathsig", "TERM", *command), log=log))
            self.qmp = stack.enter_context(QmpClient(self._accept(qmp)))
            self.serial = stack.enter_context(
                SerialConsole(self._accept(serial), log=self.folder / "serial.log", tap=self._tap)
            )
            self._ports = self._find_ports()
            self.started = time.monotonic()
            self.qmp.execute("cont")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        crash = self._crash() if isinstance(error, MachineEnded) else None
        self._stack.close()
        if crash is not None:
            raise EmulatorFault(
                f"QEMU of {self.name} crashed ({crash}):{self._said()}", where=str(self.folder)
            ) from error

    def _crash(self) -> str | None:
        """The signal that QEMU died of, where it broke by itself: nothing that a guest does may do that to it."""
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=LOOK_AGAIN)
            if -code in _CRASHES:
                return signal.Signals(-code).name
        return None

    def _variables(self) -> Path | None:
        template = variables_template(self.config.firmware)
        if template is None:
            return None
        variables = self.folder / "variables.fd"
        if not variables.exists():
            shutil.copyfile(template, variables)
        return variables

    def _tpm(self, control: Path, stack: ExitStack) -> Path:
        """Start the TPM; it ends when QEMU lets go of it."""
        state, log = self.folder / "tpm", self.folder / "swtpm.log"
        state.mkdir(exist_ok=True)
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--terminate"]
        command += ["--ctrl", f"type=unixio,path={control}"]
        process = stack.enter_context(spawn(("setpriv", "--pdeathsig", "TERM", *command), log=log))
        deadline = time.monotonic() + START_WITHIN
        while not control.exists():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=LOOK_AGAIN / 10)
            if process.poll() is not None or time.monotonic() > deadline:
                said = quote(log.read_text(errors="replace").splitlines())
                raise MachineEnded(f"swtpm did not start:{said}", where=str(log))
        return control

    def _accept(self, listener: socket.socket) -> socket.socket:
        deadline = time.monotonic() + START_WITHIN
        listener.settimeout(LOOK_AGAIN)
        while time.monotonic() < deadline:
            try:
                return listener.accept()[0]
            except TimeoutError:
                if self.process.poll() is not None:
                    break
        raise MachineEnded(f"QEMU did not start:{self._said()}", where=str(self.folder / "qemu.log"))

    def _said(self) -> str:
        return quote((self.folder / "qemu.log").read_text(errors="replace").splitlines())

    def _find_ports(self) -> dict[int, int]:
        if not any(nic.forwards for nic in self.config.nics):
            return {}
        return parse_forwards(self.qmp.execute("human-monitor-command", command_line="info usernet"))

    def port(self, guest_port: int) -> int:
        """The port of 127.0.0.1 that leads to `guest_port`. Raises BadInput when none was forwarded."""
        try:
            return self._ports[guest_port]
        except KeyError:
            raise BadInput(f"port {guest_port} is not forwarded", where=self.name) from None

    def _server(self) -> tuple[str, int]:
        """Where the guest's SSH server is reached: host and port."""
        taps = [nic.tap for nic in self.config.nics if nic.tap is not None]
        return (taps[0].address, _SSH) if taps else (_LOCALHOST, self.port(_SSH))

    def vnc_port(self) -> int:
        """The port of 127.0.0.1 where the screen is shown."""
        return int(self.qmp.execute("query-vnc")["service"])

    def wait_for_shutdown(self, *, within: float, silent: float = math.inf) -> QmpEvent:
        """Wait until the guest powers itself off and QEMU ends; the SHUTDOWN event, with its reason.

        Raises DeadlinePassed with the console's last lines after `within` seconds, or once the console said nothing
        for `silent` seconds; MachineEnded when QEMU broke; EmulatorFault when it broke the guest.
        """
        deadline = time.monotonic() + within
        try:
            while (left := min(deadline - time.monotonic(), silent - self.serial.silence)) > 0:
                with suppress(DeadlinePassed):
                    self.ended = self.qmp.wait_event("SHUTDOWN", within=min(left, LOOK_AT_CONSOLE))
                    break
                self.serial.require_sound()
            else:
                raise DeadlinePassed(self._hangs(within), where=str(self.serial.log))
            self.process.wait(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise DeadlinePassed(f"QEMU of {self.name} hangs after the guest's end") from error
        except MachineEnded as error:
            raise MachineEnded(f"QEMU of {self.name} broke:{self._said()}{self.serial.tail}") from error
        self.serial.wait_end(within=10)
        return self.ended

    def _hangs(self, within: float) -> str:
        """What can be said of a machine that does not go on: what its processors do, and the console's end.

        The screen is kept beside the logs.
        """
        self.screenshot(self.folder / "hang.png")
        registers = self.qmp.execute("human-monitor-command", command_line="info registers -a")
        at = " ".join(line.strip() for line in registers.splitlines() if "RIP=" in line or "EIP=" in line)
        return (
            f"{self.name} was not powered off within {within:.0f} s, and said nothing for the last "
            f"{self.serial.silence:.0f} s; {at}:{self.serial.tail}"
        )

    def press_power_button(self) -> None:
        """What a person does to have the system shut itself down."""
        self.qmp.execute("system_powerdown")

    def reset(self) -> None:
        """What a person does to a machine that answers to nothing."""
        self.serial.begin_again()
        self._hang_up()
        self.qmp.execute("system_reset")

    def plug(self, nic: int, *, plugged: bool) -> None:
        """Pull the cable out of a NIC, or put it back in; 0 is the first of `MachineConfig.nics`."""
        self.qmp.execute("set_link", name=netdev(nic), up=plugged)

    def screenshot(self, path: Path) -> Path:
        """Write what the screen shows to `path` as PNG."""
        self.qmp.execute("screendump", filename=str(path.absolute()), format="png")
        return path

    def ssh(
        self,
        command: str,
        *,
        key: Path,
        user: str = "root",
        check: bool = True,
        input: str | None = None,
    ) -> Completed:
        """Run a shell command in the guest over SSH; its port 22 must be forwarded, or a NIC of its have a tap.

        Raises CommandFailed. A user's first command with a key logs in, which takes seconds under emulation; the
        others share its connection.
        """
        line = self._sockets / f"{_LINE}{user}-{crc32(str(key).encode()):x}"
        words = ssh_command(self._server(), command, key=key, user=user, line=line)
        return self._runner.run(words, input=input, check=check)

    def _hang_up(self) -> None:
        """End the connections that commands share: the guest's end of them is gone."""
        for line in self._sockets.glob(f"{_LINE}*"):
            self._runner.run(["ssh", "-F", "/dev/null", "-o", f"ControlPath={line}", "-O", "exit", "-"], check=False)

    def wait_for_ssh(self, *, within: float) -> None:
        """Wait until an SSH server greets; raises DeadlinePassed or MachineEnded with the console's last lines."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if _greets(self._server(), b"SSH-", within=max(1.0, deadline - time.monotonic())):
                return
            self.serial.require_sound()
            # A port that refuses gives no event when it stops refusing; the guest's end does, and cuts this short.
            if self.serial.wait_end(within=LOOK_AGAIN):
                raise MachineEnded(f"{self.name} ended before its SSH server came up:{self.serial.tail}")
        raise DeadlinePassed(
            f"no SSH server greeted on {self.name} within {within:.0f} s:{self.serial.tail}",
            where=str(self.serial.log),
        )


def ssh_command(
    server: tuple[str, int], command: str, *, key: Path, user: str = "root", line: Path | None = None
) -> tuple[str, ...]:
    """OpenSSH's client, deaf to the caller's configuration and known hosts, and never asking anything.

    Commands with the same `line`, a path for a socket, share one connection.
    """
    host, port = server
    shared = () if line is None else ("ControlMaster=auto", f"ControlPath={line}", "ControlPersist=yes")
    options = (
        "BatchMode=yes",
        "ConnectTimeout=60",
        "IdentitiesOnly=yes",
        "LogLevel=ERROR",
        # A guest under emulation may answer to nothing for minutes (soft lockups), and then go on.
        "ServerAliveInterval=30",
        "ServerAliveCountMax=10",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        *shared,
    )
    words = [word for option in options for word in ("-o", option)]
    return ("ssh", "-F", "/dev/null", *words, "-i", str(key), "-p", str(port), f"{user}@{host}", command)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)
    return listener


def _greets(server: tuple[str, int], greeting: bytes, *, within: float) -> bool:
    """Whether what listens begins with `greeting`; QEMU itself accepts, and closes when the guest refuses."""
    try:
        with socket.create_connection(server, timeout=within) as connection:
            return connection.recv(len(greeting)).startswith(greeting)
    except OSError:
        return False


__all__ = ["QmpError", "VirtualMachine", "parse_forwards", "ssh_command"]
