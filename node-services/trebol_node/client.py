"""The node's API as root's commands and the wizard call it: over its unix socket, as root or whoever logged in."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from trebol_common.errors import BadInput, Problem, Refused, TrebolError
from trebol_common.i18n import _

API_SOCKET = Path("/run/trebol/api.sock")
#: This node, whatever it is called; its path.
LOCALHOST = "localhost"
NODE = f"/nodes/{LOCALHOST}"

DOCUMENT = "/api2/openapi.json"
PREFIX = "/api2/json"

_NONE: Mapping[str, Any] = MappingProxyType({})

#: Seconds that an answer may take; long work answers with a task at once.
PATIENCE = 60.0

#: What is wrong with what was asked for, and not with the node.
_BAD_INPUT = frozenset({400, 404, 405, 413, 415, 501})

#: It is right, and stands against what is so: "refused for safety" (docs/architecture.md).
_REFUSED = 409

_READS = frozenset({"GET", "DELETE"})

#: A label of a host name (RFC 1123).
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)

#: Nobody is let in, or not for this.
_NOT_ALLOWED = frozenset({401, 403})

#: Bytes of an answer, at most.
LARGEST = 16 * 2**20

#: Arguments by name; a list is one that is given more than once, None one that is not given.
Arguments = Mapping[str, str | int | Sequence[str] | None]


def path_of(node: str, *, where: str = "--node") -> str:
    """The path of a node of the cluster. Raises BadInput for what cannot be the name of one."""
    if not _NAME.fullmatch(node):
        raise BadInput(_("is no name of a node"), where=where)
    return f"/nodes/{node}"


class Unreachable(TrebolError):
    """The node's daemon does not answer."""


class NotAllowed(TrebolError):
    """The daemon does not let in whoever asks, or not do that (401, 403)."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Api:
    """The API at a socket. Paths are those of the tree ("/nodes/node1/status"); values are what is in `data`.

    All raise BadInput for what the node refuses as wrong, NotAllowed, Unreachable, and TrebolError for whatever else
    fails; with the API's own words.
    """

    def __init__(self, path: Path = API_SOCKET, *, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience

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

    def call(
        self, method: str, path: str, arguments: Arguments = _NONE, *, headers: Mapping[str, str] = _NONE
    ) -> Any:
        """Any of them; names of `arguments` are the API's own. `headers` may say for whom root asks: a ticket."""
        return self.whole(method, path, arguments, headers=headers).get("data")

    def whole(
        self, method: str, path: str, arguments: Arguments, *, headers: Mapping[str, str] = _NONE
    ) -> dict[str, Any]:
        """Likewise, with what stands beside `data`: `total`, `changes`."""
        target = PREFIX + quote("/" + path.strip("/"), safe="/:@!,=+") if path.strip("/") else PREFIX
        encoded = urlencode({name: value for name, value in arguments.items() if value is not None}, doseq=True)
        body, sent = None, dict(headers)
        if method in _READS:
            target = f"{target}?{encoded}" if encoded else target
        else:
            body, sent["Content-Type"] = encoded, "application/x-www-form-urlencoded"
        return _answer(path, *self._exchange(method, target, body, sent))

    def _exchange(
        self, method: str, target: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, str, bytes]:
        connection = _Connection(self._path, self._patience)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.reason, response.read(LARGEST)
        except PermissionError as error:
            raise TrebolError(
                _("may not be used by this user"), where=str(self._path), hint=_("run the command as root")
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                _("the node's daemon does not answer: {reason}").format(reason=str(error) or type(error).__name__),
                where=str(self._path),
                hint="systemctl status trebold",
            ) from error
        finally:
            connection.close()


def _answer(path: str, status: int, reason: str, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable(_("the node's daemon answered with what is no JSON object"), where=path)
    if status == 200:
        return answer
    kinds = {**dict.fromkeys(_NOT_ALLOWED, NotAllowed), **dict.fromkeys(_BAD_INPUT, BadInput), _REFUSED: Refused}
    kind: type[TrebolError] = kinds.get(status, TrebolError)
    errors = answer.get("errors")
    named = errors.items() if isinstance(errors, dict) else ()
    problems = [Problem(str(why), str(name)) for name, why in named if name != "path"]
    # The words say what they are about; the path is the API's own, and on a screen nobody has typed it.
    raise kind.of(problems or [Problem(str(answer.get("message") or reason).strip())])
