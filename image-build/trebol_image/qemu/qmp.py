"""A client of QEMU's machine protocol (docs/interop/qmp-spec.rst of QEMU): commands, and events waited for."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from trebol_common.errors import TrebolError
from trebol_image.qemu.errors import DeadlinePassed, MachineEnded

#: Seconds that QEMU may take to answer a command; it answers from its main loop, which never works for long.
ANSWER_WITHIN = 60.0


class QmpError(TrebolError):
    """QEMU refused a command, or says what is not QMP."""


@dataclass(frozen=True)
class QmpEvent:
    """Something that QEMU told unasked: `name` such as "SHUTDOWN", and what goes with it."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


class QmpClient:
    """Speaks QMP over a connected stream socket; not for use by two threads at once.

    Events that arrive while nobody waits for them are kept, so that none is missed.
    """

    def __init__(self, connection: socket.socket, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._pending = b""
        self._events: deque[QmpEvent] = deque()
        greeting = self._read(self._clock() + ANSWER_WITHIN, "QEMU's greeting")
        if "QMP" not in greeting:
            raise QmpError(f"not a QMP server: it greets with {greeting}")
        self.execute("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def execute(self, command: str, *, within: float = ANSWER_WITHIN, **members: Any) -> Any:
        """Run one command and return its result; `_` in the names of `members` stands for QMP's `-`.

        Raises QmpError when QEMU refuses or garbles its answer, MachineEnded when it is gone, DeadlinePassed after
        `within` seconds.
        """
        request: dict[str, Any] = {"execute": command}
        if members:
            request["arguments"] = {name.replace("_", "-"): value for name, value in members.items()}
        try:
            self._connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise MachineEnded(f"QEMU is gone, {command} cannot be sent: {error.strerror}") from error
        deadline = self._clock() + within
        while True:
            message = self._read(deadline, f"the answer to {command}")
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise QmpError(f"QEMU refused {command}: {message['error'].get('desc', message['error'])}")
            self._keep_event(message)

    def wait_event(self, names: str | Collection[str], *, within: float) -> QmpEvent:
        """The oldest event called one of `names` that nobody took yet; older events of other names are kept.

        Raises DeadlinePassed after `within` seconds, MachineEnded when QEMU closes the connection.
        """
        wanted = {names} if isinstance(names, str) else set(names)
        deadline = self._clock() + within
        while True:
            for event in self._events:
                if event.name in wanted:
                    self._events.remove(event)
                    return event
            self._keep_event(self._read(deadline, f"QMP event {' or '.join(sorted(wanted))}"))

    def _keep_event(self, message: Mapping[str, Any]) -> None:
        if "event" in message:
            self._events.append(QmpEvent(message["event"], message.get("data", {})))

    def _read(self, deadline: float, what: str) -> dict[str, Any]:
        """The next message; QEMU ends each with a line break."""
        while b"\n" not in self._pending:
            remaining = deadline - self._clock()
            if remaining <= 0:
                raise DeadlinePassed(f"{what} did not come in time")
            self._connection.settimeout(remaining)
            try:
                chunk = self._connection.recv(65536)
            except TimeoutError:
                continue
            except OSError as error:
                raise MachineEnded(f"QEMU ended while {what} was waited for: {error.strerror}") from error
            if not chunk:
                raise MachineEnded(f"QEMU ended while {what} was waited for")
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError as error:
            raise QmpError(f"{what} was waited for, and QEMU said what is no JSON: {line[:80]!r}") from error
        if not isinstance(message, dict):
            raise QmpError(f"{what} was waited for, and QEMU said what is no message: {line[:80]!r}")
        return message
