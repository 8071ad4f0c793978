"""Requests to etcd's JSON gateway: of several members the one that answers gets them.

One that cannot be reached or has no leader is left for the next; a write whose answer was lost is never repeated.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

import httpx

from trebol_common.errors import Problem
from trebol_node.store.answers import UNKNOWN, Failure, answer, parsed, refusal
from trebol_node.store.endpoints import Endpoints
from trebol_node.store.errors import NotBegun

#: etcd itself gives up after 7 s (its election timeout twice, and 5 s).
_SECONDS = httpx.Timeout(10, connect=3)

#: A member that has lost the quorum says so at once, and ends a watch; else it would think for seconds about a write,
#: after which nobody knows whether that was made, and a watch would stay silent.
_NEEDS_LEADER = {"Grpc-Metadata-hasleader": "true"}

#: A node whose power is cut answers nothing, not even that it is gone: an open connection to it is lost after 5 s
#: without a sign of life, of TCP's own; tcp(7).
_SIGNS_OF_LIFE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000),
)

# Each request would be a line in the journal.
logging.getLogger("httpx").setLevel(logging.WARNING)

_Answer = TypeVar("_Answer")


class Connection:
    """Connections to the members behind `endpoints`. `tls` makes their context when it is first needed.

    Methods raise Unavailable where no member answers, and Failure where one refuses for a reason of its own.
    """

    def __init__(
        self, endpoints: Endpoints, tls: Callable[[], ssl.SSLContext] | None, clock: Callable[[], float]
    ) -> None:
        self._endpoints = endpoints
        self._tls = tls
        self._clock = clock
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._followed: httpx.Response | None = None

    def request(self, path: str, body: Mapping[str, Any], *, writes: bool) -> dict[str, Any]:
        """One request, such as "kv/range", and its answer."""
        # What a member says of itself needs no leader.
        headers = {} if path.startswith("maintenance/") else _NEEDS_LEADER

        def ask(url: str) -> dict[str, Any]:
            with _errors(url, writes=writes):
                response = self._connected().post(f"{url}/v3/{path}", json=body, headers=headers)
            return answer(response.status_code, response.text, url, writes=writes)

        return self._first(ask, writes=writes)

    def download(self, path: str, timeout: httpx.Timeout) -> Iterator[dict[str, Any]]:
        """The messages of a stream, up to its end."""
        with self._stream(path, {}, timeout, {}) as (url, response):
            yield from self._messages(path, url, response)

    def follow(self, path: str, body: Mapping[str, Any], timeout: httpx.Timeout) -> Iterator[dict[str, Any]]:
        """The messages of a stream that has no end: raises Unavailable where it is lost, also to `interrupt`."""
        with self._stream(path, body, timeout, _NEEDS_LEADER) as (url, response):
            self._followed = response
            try:
                yield from self._messages(path, url, response)
            finally:
                self._followed = None
            self._endpoints.failed(url, 0.0)
            raise _ended(path, url)

    def interrupt(self) -> None:
        """Let what another thread follows end at once."""
        response = self._followed
        stream = response.extensions.get("network_stream") if response is not None else None
        if stream is not None:
            # It may have ended by itself in this very moment.
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                # Without a context of its own no server is trusted.
                verify = self._tls() if self._tls is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                transport = httpx.HTTPTransport(verify=verify, trust_env=False, socket_options=_SIGNS_OF_LIFE)
                # Never through a proxy: the store is this cluster's.
                self._client = httpx.Client(transport=transport, timeout=_SECONDS, trust_env=False)
            return self._client

    def _first(self, ask: Callable[[str], _Answer], *, writes: bool = False) -> _Answer:
        """What the first member answers that can; what each said where none does."""
        problems: list[Problem] = []
        for url in self._endpoints.order():
            begun = self._clock()
            try:
                found = ask(url)
            except Failure as error:
                if not error.elsewhere:
                    raise
                self._endpoints.failed(url, self._clock() - begun)
                if writes and not error.untouched:
                    raise
                problems += error.problems
            else:
                self._endpoints.works(url)
                return found
        # A write comes here only where each refused it before it began.
        raise NotBegun.of(problems)

    @contextmanager
    def _stream(
        self, path: str, body: Mapping[str, Any], timeout: httpx.Timeout, headers: Mapping[str, str]
    ) -> Iterator[tuple[str, httpx.Response]]:
        """A stream of the first member that begins one, and that member's URL."""
        with ExitStack() as stack:

            def begin(url: str) -> tuple[str, httpx.Response]:
                with ExitStack() as attempt, _errors(url):
                    client = self._connected()
                    asking = client.stream("POST", f"{url}/v3/{path}", json=body, headers=headers, timeout=timeout)
                    response = attempt.enter_context(asking)
                    if response.status_code != httpx.codes.OK:
                        raise refusal(response.status_code, response.read().decode(errors="replace"), url)
                    stack.enter_context(attempt.pop_all())
                return url, response

            yield self._first(begin)

    def _messages(self, path: str, url: str, response: httpx.Response) -> Iterator[dict[str, Any]]:
        heard = self._clock()
        try:
            with _errors(url):
                for line in response.iter_lines():
                    message = parsed(line, url)
                    if "error" in message:
                        raise _ended(path, url, f": {message['error'].get('message')}")
                    yield message
                    heard = self._clock()
        except Failure:
            self._endpoints.failed(url, self._clock() - heard)
            raise


@contextmanager
def _errors(url: str, *, writes: bool = False) -> Iterator[None]:
    """Makes Failure of what goes wrong with the connection to `url`."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Failure(f"cannot be reached: {_told(error)}", where=url, untouched=True) from error
    except httpx.HTTPError as error:
        raise Failure(f"did not answer: {_told(error)}{UNKNOWN if writes else ''}", where=url) from error


def _ended(path: str, url: str, why: str = "") -> Failure:
    return Failure(f"the {path.rpartition('/')[2]} has ended{why}", where=url)


def _told(error: httpx.HTTPError) -> str:
    """Its words; some have none."""
    return str(error) or type(error).__name__
