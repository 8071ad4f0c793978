"""Talking with a machine: QMP, serial console, terminal, SSH."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import termios
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from trebol_image.qemu import (
    DeadlinePassed,
    EmulatorFault,
    MachineConfig,
    MachineEnded,
    Nic,
    QmpClient,
    QmpError,
    SerialConsole,
    VirtualMachine,
)
from trebol_image.qemu.config import arguments
from trebol_image.qemu.machine import parse_forwards, ssh_command
from trebol_image.qemu.serial import plain
from trebol_image.qemu.terminal import attach

GREETING: dict[str, Any] = {"QMP": {"version": {}, "capabilities": []}}
OK: dict[str, Any] = {"return": {}}


class FakeQemu(threading.Thread):
    """Greets, then answers each command with the next list of messages; hangs up when there are no more."""

    def __init__(self, connection: socket.socket, answers: Sequence[Sequence[dict[str, Any]]]) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.answers = answers
        self.heard: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        with self.connection, self.connection.makefile("rw") as stream:
            self._say(stream, [GREETING])
            for answer in self.answers:
                line = stream.readline()
                if not line:
                    return
                self.heard.append(json.loads(line))
                self._say(stream, answer)

    @staticmethod
    def _say(stream: Any, messages: Sequence[dict[str, Any]]) -> None:
        for message in messages:
            stream.write(json.dumps(message) + "\r\n")
        stream.flush()


def qmp(*answers: Sequence[dict[str, Any]]) -> tuple[QmpClient, FakeQemu]:
    ours, theirs = socket.socketpair()
    fake = FakeQemu(theirs, [[OK], *answers])
    return QmpClient(ours), fake


def event(name: str, **data: Any) -> dict[str, Any]:
    return {"event": name, "data": data, "timestamp": {"seconds": 1, "microseconds": 2}}


def test_a_command_gives_its_result_and_its_members_are_spelt_as_in_qmp() -> None:
    client, fake = qmp([{"return": "text"}])
    assert client.execute("human-monitor-command", command_line="info usernet") == "text"
    fake.join(5)
    assert [request["execute"] for request in fake.heard] == ["qmp_capabilities", "human-monitor-command"]
    assert fake.heard[1]["arguments"] == {"command-line": "info usernet"}


def test_a_refused_command_says_why() -> None:
    client, _ = qmp([{"error": {"class": "GenericError", "desc": "No such file"}}])
    with pytest.raises(QmpError, match="screendump: No such file"):
        client.execute("screendump", filename="/none")


def test_no_event_is_lost_between_commands() -> None:
    client, _ = qmp([event("RESET", guest=True), event("SHUTDOWN", guest=True, reason="guest-shutdown"), OK])
    client.execute("cont")
    shutdown = client.wait_event({"SHUTDOWN", "STOP"}, within=1)
    assert (shutdown.name, shutdown.data["reason"]) == ("SHUTDOWN", "guest-shutdown")
    assert client.wait_event("RESET", within=1).data == {"guest": True}


def test_an_event_that_does_not_come_ends_the_wait_with_its_name() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall((json.dumps(GREETING) + "\n" + json.dumps(OK) + "\n").encode())
    client = QmpClient(ours)
    theirs.sendall(json.dumps(event("RESET")).encode() + b"\n")
    with pytest.raises(DeadlinePassed, match="SHUTDOWN"):
        client.wait_event("SHUTDOWN", within=0.05)
    assert client.wait_event("RESET", within=0).name == "RESET"


def test_the_end_of_qemu_ends_every_wait() -> None:
    client, _ = qmp([OK])
    client.execute("quit")
    with pytest.raises(MachineEnded, match="QEMU ended while QMP event SHUTDOWN"):
        client.wait_event("SHUTDOWN", within=5)


def test_something_else_than_qemu_is_recognised() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b'{"hello": 1}\n')
    with pytest.raises(QmpError, match="not a QMP server"):
        QmpClient(ours)


@pytest.mark.parametrize("garbled", [b'{"return": {', b"\xff", b"", b"[]", b"7"])
def test_a_garbled_line_is_told_with_what_was_waited_for(garbled: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall((json.dumps(GREETING) + "\n" + json.dumps(OK) + "\n").encode())
    client = QmpClient(ours)
    theirs.sendall(garbled + b"\n")
    with pytest.raises(QmpError, match="the answer to cont was waited for"):
        client.execute("cont")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[SerialConsole, socket.socket]]:
    ours, theirs = socket.socketpair()
    with SerialConsole(ours, log=tmp_path / "serial.log") as console:
        yield console, theirs
    theirs.close()


def test_the_console_is_logged_while_nobody_reads(line: tuple[SerialConsole, socket.socket]) -> None:
    console, guest = line
    guest.sendall(b"one\r\n\x1b[1mtwo\x1b[0m\r\nthr\xc3")
    guest.sendall(b"\xa9e")
    guest.close()
    assert console.wait_end(within=5)
    assert console.log.read_bytes() == b"one\r\n\x1b[1mtwo\x1b[0m\r\nthr\xc3\xa9e"
    assert [line.text for line in console.lines] == ["one", "two"]
    assert "| thrée" in console.tail


def test_a_match_is_taken_once(line: tuple[SerialConsole, socket.socket]) -> None:
    console, guest = line
    guest.sendall(b"node1 login: ")
    assert console.expect(r"^(\w+) login: ", within=5)[1] == "node1"
    guest.sendall(b"root\r\nnode2 login: ")
    assert console.expect(r"^(\w+) login: ", within=5)[1] == "node2"


def test_what_is_typed_reaches_the_guest(line: tuple[SerialConsole, socket.socket]) -> None:
    console, guest = line
    console.send("root\n")
    assert guest.recv(100) == b"root\n"


def test_a_missing_prompt_is_told_with_the_last_lines(line: tuple[SerialConsole, socket.socket]) -> None:
    console, guest = line
    guest.sendall(b"Kernel panic\n")
    console.expect("panic", within=5)
    with pytest.raises(DeadlinePassed) as caught:
        console.expect("login:", within=0.05)
    assert "login:" in str(caught.value) and "| Kernel panic" in str(caught.value)


def test_a_guest_that_the_emulator_broke_is_told_from_one_that_failed(
    line: tuple[SerialConsole, socket.socket],
) -> None:
    console, guest = line
    guest.sendall(b"[    5.239710] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\r\n")
    with pytest.raises(EmulatorFault, match="Oops: int3"):
        console.expect("login:", within=5)
    with pytest.raises(EmulatorFault, match="Oops: int3"):
        console.require_sound()

    console.begin_again()

    assert console.fault is None, "it is another kernel from now on"


def test_a_machine_that_ends_ends_the_wait(line: tuple[SerialConsole, socket.socket]) -> None:
    console, guest = line
    guest.sendall(b"Power down\n")
    guest.close()
    with pytest.raises(MachineEnded, match="Power down"):
        console.expect("login:", within=5)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J\x1b[01;01HGNU GRUB", "GNU GRUB"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b(B\x1b[mok\r", "ok"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_control_sequences_do_not_reach_the_reader(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_a_person_types_into_the_machine_and_leaves_with_the_escape_key(tmp_path: Path) -> None:
    ours, guest = socket.socketpair()
    keyboard, terminal = pty.openpty()

    def person() -> None:
        # What is typed before the terminal is raw is thrown away with its old settings.
        while termios.tcgetattr(terminal)[3] & termios.ICANON:
            os.sched_yield()
        os.write(keyboard, b"\x03ls\r\x1d")

    threading.Thread(target=person, daemon=True).start()
    with SerialConsole(ours, log=tmp_path / "serial.log") as console:
        assert attach(console, terminal) is False
        assert guest.recv(100) == b"\x03ls\r"


def test_the_terminal_is_given_back_when_the_machine_ends(tmp_path: Path) -> None:
    ours, guest = socket.socketpair()
    _, terminal = pty.openpty()
    guest.close()
    with SerialConsole(ours, log=tmp_path / "serial.log") as console:
        assert attach(console, terminal) is True


def test_forwarded_ports_are_read_from_the_monitor() -> None:
    usernet = (
        "Hub -1 (net0):\r\n"
        "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
        "  TCP[HOST_FORWARD]  16       127.0.0.1 34549       10.0.2.50  9090     0     0\r\n"
        "  TCP[HOST_FORWARD]  15       127.0.0.1 43907       10.0.2.15    22     0     0\r\n"
    )
    assert parse_forwards(usernet) == {9090: 34549, 22: 43907}


@pytest.mark.parametrize("plugged", [False, True])
def test_a_cable_is_pulled_out_of_the_nic_that_is_named_and_put_back(tmp_path: Path, plugged: bool) -> None:
    config = MachineConfig(nics=(Nic(), Nic()))
    machine = VirtualMachine(config, tmp_path)
    machine.qmp, fake = qmp([OK])
    machine.plug(1, plugged=plugged)
    fake.join(5)
    assert fake.heard[1] == {"execute": "set_link", "arguments": {"name": "net1", "up": plugged}}
    assert "virtio-net-pci,netdev=net1," in " ".join(arguments(config, qmp=Path("/q"), serial=Path("/s")))


def test_ssh_never_asks_and_never_reads_the_callers_configuration() -> None:
    command = ssh_command(("127.0.0.1", 2222), "id -u", key=Path("/k"))
    assert command[:3] == ("ssh", "-F", "/dev/null")
    assert command[-1] == "id -u"
    assert "root@127.0.0.1" in command
    assert re.search(r"-i /k -p 2222", " ".join(command))
    assert "BatchMode=yes" in command and "UserKnownHostsFile=/dev/null" in command
    assert not any(word.startswith("Control") for word in command)


def test_commands_over_one_line_log_in_once() -> None:
    command = ssh_command(("127.0.0.1", 2222), "id -u", key=Path("/k"), line=Path("/run/line"))
    assert "ControlPath=/run/line" in command and "ControlMaster=auto" in command


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("kill -SEGV $$", EmulatorFault),  # QEMU is broken, whatever the guest did.
        ("kill -ABRT $$", EmulatorFault),
        ("kill -TERM $$", MachineEnded),  # Somebody ended it.
        ("exit 1", MachineEnded),
    ],
)
def test_a_crash_of_qemu_is_the_emulators_fault(tmp_path: Path, end: str, told: type[Exception]) -> None:
    machine = VirtualMachine(MachineConfig(), tmp_path)
    (tmp_path / "qemu.log").write_text("assertion failed\n")
    machine.process = subprocess.Popen(["sh", "-c", end])
    with pytest.raises(told), contextlib.ExitStack() as stack:
        stack.push(machine)
        raise MachineEnded("QEMU is gone")
