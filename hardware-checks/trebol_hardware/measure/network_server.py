"""`trebol check network --serve`: the other end. One client, for a bounded time."""

from __future__ import annotations

import selectors
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner, spawn
from trebol_hardware.measure import iperf
from trebol_hardware.measure.control import PROTOCOL, Reply, Request, Wish, parse, receive_line, send
from trebol_hardware.measure.interface_mtu import interface_mtu
from trebol_hardware.measure.udp_link import measure_path_mtu, numeric, open_link, serve_packet

#: proc(5): state of a listening socket in /proc/net/tcp.
_LISTENING = "0A"

#: Seconds for a client to finish a line, and for iperf3 to listen.
_PATIENCE = 10.0


def serve(bind: str, port: int, lifetime: float, *, runner: Runner, tell: Callable[[str], None]) -> str:
    """Listen on `bind` (empty: every address), serve the first client until it hangs up, and return its address.

    `tell` gets what it listens on. Raises TrebolError when nobody came, or one stayed, longer than `lifetime` s.
    """
    deadline = time.monotonic() + lifetime
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(bind, port))
        tell(
            _("listening on {address}, TCP and UDP ports {port} and {next} (iperf3), for {lifetime:.0f} s").format(
                address=bind or _("all addresses"), port=port, next=port + 1, lifetime=lifetime
            )
        )
        listener.settimeout(lifetime)
        try:
            connection, peer = listener.accept()
        except TimeoutError as error:
            raise TrebolError(
                _("nobody came within {lifetime:.0f} s").format(lifetime=lifetime),
                where=f"{bind or '*'}:{port}",
                hint=_("run on the other node: trebol check network ADDRESS"),
            ) from error
        listener.close()
        stack.enter_context(connection)
        try:
            client = _unmapped(numeric(connection.getpeername()))
            tell(_("serving {client}").format(client=client))
            _Session(connection, port, deadline, runner, stack).run()
        except OSError as error:
            raise TrebolError(
                _("the connection broke: {error}").format(error=error.strerror or error), where=str(peer[0])
            ) from error
        return client


def _listen(bind: str, port: int) -> socket.socket:
    try:
        if bind:
            family = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((bind, port), family=family)
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", port))
    except (OSError, UnicodeError) as error:
        raise TrebolError(
            _("cannot listen: {error}").format(
                error=error.strerror or error if isinstance(error, OSError) else error
            ),
            where=f"{ascii(bind)[1:-1] or '*'}:{port}",
            hint=_("another address by --bind, or another port by --port"),
        ) from error


class _Session:
    """One client. Echoes are answered all the time, also while iperf3 runs."""

    def __init__(
        self, connection: socket.socket, port: int, deadline: float, runner: Runner, stack: ExitStack
    ) -> None:
        self._local = _unmapped(numeric(connection.getsockname()))
        self._client = _unmapped(numeric(connection.getpeername()))
        self._connection = connection
        self._port = port
        self._deadline = deadline
        self._runner = runner
        self._link = stack.enter_context(open_link(self._local, port))
        self._iperf = stack.enter_context(ExitStack())
        self._logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trebol-network-")))

    def run(self) -> None:
        """Until the client hangs up. Raises TrebolError at the deadline."""
        self._connection.settimeout(_PATIENCE)
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(self._link, selectors.EVENT_READ)
            while (left := self._deadline - time.monotonic()) > 0:
                ready = {key.fileobj for key, _events in selector.select(left)}
                if self._link in ready:
                    serve_packet(self._link)
                if self._connection in ready:
                    if not self._connection.recv(1, socket.MSG_PEEK):
                        return
                    line = receive_line(self._connection, self._client)
                    send(self._connection, self._reply(parse(Request, line, self._client)))
        raise TrebolError(_("the time is over"), where=self._client, hint=_("more by --lifetime"))

    def _reply(self, request: Request) -> Reply:
        try:
            match request.wish:
                case Wish.HELLO:
                    address = socket.getaddrinfo(self._client, request.udp_port, self._link.family)[0][4]
                    # From now on the kernel drops packets of everybody else.
                    self._link.connect(address)
                    return Reply(PROTOCOL, link_mtu=interface_mtu(self._local, self._runner))
                case Wish.MTU:
                    found = measure_path_mtu(self._link, interface_mtu(self._local, self._runner))
                    if found is None:
                        return Reply(PROTOCOL, error=_("no packet came back"))
                    return Reply(PROTOCOL, path_mtu=found.path, link_mtu=found.link)
                case Wish.IPERF:
                    self._start_iperf()
                    return Reply(PROTOCOL)
        except (TrebolError, OSError) as error:
            return Reply(PROTOCOL, error=str(error))

    def _start_iperf(self) -> None:
        self._iperf.close()
        log = self._logs / "iperf3.log"
        process = self._iperf.enter_context(spawn(iperf.server_command(self._local, self._port + 1), log=log))
        end = time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as selector:
            # Whether a port is listened on can only be looked at again and again; echoes come in meanwhile.
            selector.register(self._link, selectors.EVENT_READ)
            while not _is_listening(self._port + 1):
                if process.poll() is not None or time.monotonic() > end:
                    said = log.read_text(errors="replace").strip()
                    raise TrebolError(_("did not start: {said}").format(said=said), where="iperf3")
                if selector.select(0.02):
                    serve_packet(self._link)


def _unmapped(address: str) -> str:
    """An address of IPv4 as such: on a socket of both kinds it shows as ::ffff:192.0.2.1."""
    return address.removeprefix("::ffff:")


def _is_listening(port: int) -> bool:
    """Whether this host listens on a TCP port, by /proc/net/tcp and tcp6 (a connection would be the one test)."""
    for name in ("tcp", "tcp6"):
        try:
            rows = Path("/proc/net", name).read_text().splitlines()[1:]
        except OSError:
            continue  # Without IPv6 there is no tcp6.
        if any(int(row[1].rpartition(":")[2], 16) == port and row[3] == _LISTENING for row in map(str.split, rows)):
            return True
    return False
