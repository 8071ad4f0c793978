"""Calls of the node's own API, on the unix socket that is root's."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from trebol_common.errors import BadInput, Problem, TrebolError
from trebol_common.i18n import _
from trebol_firstboot.screens.world import Unreachable

SOCKET = Path("/run/trebol/api.sock")

#: What stands before each path.
BASE = "/api2/json"

#: Seconds that the daemon has for an answer: it takes three for a wrong password alone.
WITHIN = 30.0

#: Bytes of an answer, at most.
LARGEST = 16 * 2**20


class NotAllowed(BadInput):
    """The daemon does not let in whoever asks, or not do that (401, 403)."""


class Api(Protocol):
    """What the wizard needs of the API."""

    def call(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The `data` of an answer. `path` is relative, such as "nodes/n1/time".

        Raises TrebolError with the API's own words, NotAllowed, BadInput for other statuses below 500, and
        Unreachable where nobody answers.
        """


class Daemon:
    """The daemon of this node."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = path

    def call(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """See `Api.call`."""
        form = urlencode({key: value for key, value in (arguments or {}).items() if value is not None}, doseq=True)
        target, sent = f"{BASE}/{quote(path)}", dict(headers or {})
        body = None
        if method in ("POST", "PUT"):
            body, sent["Content-Type"] = form, "application/x-www-form-urlencoded"
        elif form:
            target = f"{target}?{form}"
        status, reason, answer = self._ask(method, target, body, sent)
        if status < 300:
            return answer.get("data")
        raise _refused(status, reason, answer)

    def _ask(
        self, method: str, target: str, body: str | None, headers: Mapping[str, str]
    ) -> tuple[int, str, Mapping[str, Any]]:
        connection = _Connection(self._path)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            read = json.loads(response.read(LARGEST) or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            hint = _("systemctl status trebold says more")
            raise Unreachable(str(error) or type(error).__name__, where=str(self._path), hint=hint) from error
        finally:
            connection.close()
        return response.status, response.reason, read if isinstance(read, dict) else {}


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=WITHIN)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(WITHIN)
        self.sock.connect(str(self._path))


def _refused(status: int, reason: str, answer: Mapping[str, Any]) -> TrebolError:
    said = str(answer.get("message") or reason).strip()
    errors = answer.get("errors")
    problems = [Problem(str(why), str(key)) for key, why in errors.items()] if isinstance(errors, dict) else []
    kind: type[TrebolError] = TrebolError
    if status in (401, 403):
        kind = NotAllowed
    elif status < 500:
        kind = BadInput
    return kind.of(problems or [Problem(said)])
