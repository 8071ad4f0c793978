"""The node's API as root's commands call it: over its unix socket, as root@pam."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from trebol_common.errors import BadInput, Problem, TrebolError
from trebol_common.i18n import _

API_SOCKET = Path("/run/trebol/api.sock")
DOCUMENT = "/api2/openapi.json"
PREFIX = "/api2/json"

#: Seconds that an answer may take; long work answers with a task at once.
PATIENCE = 60.0

#: What is wrong with what was asked for, and not with the node.
_BAD_INPUT = frozenset({400, 404, 405, 413, 415, 501})

_READS = frozenset({"GET", "DELETE"})

#: Arguments by name; a list is one that is given more than once.
Arguments = Mapping[str, str | Sequence[str]]


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Api:
    """The API at a socket. Paths are those of the tree ("/nodes/node1/status"); values are what is in `data`.

    All raise BadInput for what the node refuses as wrong, TrebolError for whatever else fails.
    """

    def __init__(self, path: Path = API_SOCKET) -> None:
        self._path = path

    def get(self, path: str, **arguments: str | Sequence[str]) -> Any:
        """Read."""
        return self.call("GET", path, arguments)

    def document(self) -> dict[str, Any]:
        """The API's OpenAPI document."""
        return _answer(DOCUMENT, *self._exchange("GET", DOCUMENT, None, {}))

    def create(self, path: str, **arguments: str | Sequence[str]) -> Any:
        """POST."""
        return self.call("POST", path, arguments)

    def set(self, path: str, **arguments: str | Sequence[str]) -> Any:
        """PUT."""
        return self.call("PUT", path, arguments)

    def delete(self, path: str, **arguments: str | Sequence[str]) -> Any:
        """Delete."""
        return self.call("DELETE", path, arguments)

    def call(self, method: str, path: str, arguments: Arguments) -> Any:
        """Any of them; names of `arguments` are the API's own."""
        return self.whole(method, path, arguments).get("data")

    def whole(self, method: str, path: str, arguments: Arguments) -> dict[str, Any]:
        """Likewise, with what stands beside `data`: `total`, `changes`."""
        target = PREFIX + quote("/" + path.strip("/"), safe="/:@!,=+") if path.strip("/") else PREFIX
        encoded = urlencode(arguments, doseq=True)
        body, headers = None, {}
        if method in _READS:
            target = f"{target}?{encoded}" if encoded else target
        else:
            body, headers = encoded, {"Content-Type": "application/x-www-form-urlencoded"}
        status, text = self._exchange(method, target, body, headers)
        return _answer(path, status, text)

    def _exchange(self, method: str, target: str, body: str | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = _Connection(self._path)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        except PermissionError as error:
            raise TrebolError(
                _("may not be used by this user"), where=str(self._path), hint=_("run the command as root")
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise TrebolError(
                _("the node's daemon does not answer: {reason}").format(reason=error),
                where=str(self._path),
                hint="systemctl status trebold",
            ) from error
        finally:
            connection.close()


def _answer(path: str, status: int, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise TrebolError(_("the node's daemon answered with what is no JSON object"), where=path)
    if status == 200:
        return answer
    kind = BadInput if status in _BAD_INPUT else TrebolError
    problems = [Problem(str(why), str(name)) for name, why in (answer.get("errors") or {}).items() if name != "path"]
    raise kind.of(problems or [Problem(str(answer.get("message", status)).strip(), path)])
