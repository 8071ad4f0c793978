"""`trebol check network PEER`: measuring the way to a peer that runs `trebol check network --serve`."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from trebol_common.errors import BadInput, TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_hardware.measure import iperf
from trebol_hardware.measure.control import PROTOCOL, Reply, Request, Wish, parse, receive_line, send
from trebol_hardware.measure.interface_mtu import interface_mtu
from trebol_hardware.measure.network_rating import NetworkMeasurement
from trebol_hardware.measure.udp_link import (
    PathMtu,
    RoundTrips,
    measure_path_mtu,
    measure_round_trips,
    numeric,
    open_link,
    serve_packet,
)
from trebol_hardware.probe.programs import TIMED_OUT

#: Seconds for the peer to answer; finding a path MTU takes the most.
_PATIENCE = 30.0

#: Seconds between echoes: faster than tokens of corosync pass, slow enough for any link.
_INTERVAL = 0.01

#: Seconds that iperf3 may take beyond its test.
_SLACK = 15

_Result = TypeVar("_Result")


def measure(peer: str, port: int, seconds: int, *, runner: Runner, tell: Callable[[str], None]) -> NetworkMeasurement:
    """Round trips, path MTU in both directions, TCP in both, a stream of UDP; each takes about `seconds`.

    What cannot be measured is None with its reason. Raises TrebolError where the peer does not answer at all.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(_connect(peer, port))
        connection.settimeout(_PATIENCE)
        address, local = numeric(connection.getpeername()), numeric(connection.getsockname())
        link = stack.enter_context(open_link(local, 0))
        link.connect(connection.getpeername())
        other = _Peer(connection, link, address)
        other.ask(Wish.HELLO, udp_port=link.getsockname()[1])
        return _Client(other, local, port, seconds, runner, tell).run(peer)


def _connect(peer: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((peer, port), timeout=5)
    except (socket.gaierror, UnicodeError) as error:
        # Of names with an empty or too long part Python makes a UnicodeError.
        raise BadInput(
            _("is no address, and no name that can be resolved: {error}").format(
                error=error.strerror if isinstance(error, OSError) else error
            ),
            where=ascii(peer)[1:-1],
            hint=_("name the other node by its address"),
        ) from error
    except OSError as error:
        raise TrebolError(
            _("does not answer on TCP port {port}: {error}").format(port=port, error=error.strerror or error),
            where=peer,
            hint=_("run there: trebol check network --serve"),
        ) from error


@dataclass(frozen=True)
class _Peer:
    """The other end: its control connection and the UDP socket towards it."""

    connection: socket.socket
    link: socket.socket
    address: str

    def ask(self, wish: Wish, *, udp_port: int = 0) -> Reply:
        """Ask, and answer the peer's probes until its reply is there. Raises TrebolError with its reason, if any."""
        try:
            send(self.connection, Request(PROTOCOL, wish, udp_port))
            with selectors.DefaultSelector() as selector:
                selector.register(self.connection, selectors.EVENT_READ)
                selector.register(self.link, selectors.EVENT_READ)
                while True:
                    ready = {key.fileobj for key, _events in selector.select(_PATIENCE)}
                    if not ready:
                        raise TrebolError(_("does not answer any more"), where=self.address)
                    if self.link in ready:
                        serve_packet(self.link)
                    if self.connection in ready:
                        break
            reply = parse(Reply, receive_line(self.connection, self.address), self.address)
        except OSError as error:
            raise TrebolError(
                _("the connection broke: {error}").format(error=error.strerror or error), where=self.address
            ) from error
        if reply.error:
            raise TrebolError(reply.error, where=self.address)
        return reply


class _Client:
    """One measurement after the other; those that fail leave their reason."""

    def __init__(
        self, peer: _Peer, local: str, port: int, seconds: int, runner: Runner, tell: Callable[[str], None]
    ) -> None:
        self._peer = peer
        self._local = local
        self._port = port
        self._seconds = seconds
        self._runner = runner
        self._tell = tell
        self._failures: list[tuple[str, str]] = []

    def run(self, name: str) -> NetworkMeasurement:
        """All of them."""
        self._tell(_("round trips, {seconds} s").format(seconds=self._seconds))
        trips = self._try("round_trips", self._round_trips)
        self._tell(_("path MTU"))
        to_mtu = self._try("to_mtu", self._to_mtu)
        from_mtu = self._try("from_mtu", self._from_mtu)
        self._tell(_("throughput, 3 × {seconds} s").format(seconds=self._seconds))
        to_tcp = self._try("to_tcp", lambda: iperf.parse_tcp(self._iperf(reverse=False, udp=False)))
        from_tcp = self._try("from_tcp", lambda: iperf.parse_tcp(self._iperf(reverse=True, udp=False)))
        udp = self._try("udp", lambda: iperf.parse_udp(self._iperf(reverse=False, udp=True)))
        return NetworkMeasurement(name, trips, to_mtu, from_mtu, to_tcp, from_tcp, udp, tuple(self._failures))

    def _try(self, name: str, measure: Callable[[], _Result]) -> _Result | None:
        try:
            return measure()
        except TrebolError as error:
            self._failures.append((name, str(error)))
        except OSError as error:
            self._failures.append((name, error.strerror or str(error)))
        return None

    def _round_trips(self) -> RoundTrips:
        found = measure_round_trips(self._peer.link, count=round(self._seconds / _INTERVAL), interval=_INTERVAL)
        if found is None:
            raise TrebolError(
                _("no packet came back"),
                where=self._peer.address,
                hint=_("does a firewall drop UDP port {port}?").format(port=self._port),
            )
        return found

    def _to_mtu(self) -> PathMtu:
        found = measure_path_mtu(self._peer.link, interface_mtu(self._local, self._runner))
        if found is None:
            raise TrebolError(_("no packet came back"), where=self._peer.address)
        return found

    def _from_mtu(self) -> PathMtu:
        reply = self._peer.ask(Wish.MTU)
        if reply.path_mtu is None or reply.link_mtu is None:
            raise TrebolError(_("did not say its path MTU"), where=self._peer.address)
        return PathMtu(reply.path_mtu, reply.link_mtu)

    def _iperf(self, *, reverse: bool, udp: bool) -> str:
        self._peer.ask(Wish.IPERF)
        command = iperf.client_command(
            self._peer.address, self._port + 1, self._local, self._seconds, reverse=reverse, udp=udp
        )
        # iperf3 itself waits for a peer that is gone until TCP gives it up, which takes a quarter of an hour.
        completed = self._runner.run(
            ["timeout", "--kill-after=1", str(self._seconds + _SLACK), *command], check=False
        )
        if completed.status in TIMED_OUT:
            raise TrebolError(_("did not come to an end: nothing gets through any more"), where="iperf3")
        if completed.status == 127:
            raise TrebolError(_("is not installed"), where="iperf3", hint="apt install iperf3")
        return completed.stdout
