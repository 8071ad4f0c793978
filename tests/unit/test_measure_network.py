"""`trebol check network`."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import Argument, CommandFailed, Completed, ScriptedRunner
from trebol_hardware.checks.finding import Severity
from trebol_hardware.measure import commands, control, iperf, network, network_rating, network_server, render
from trebol_hardware.measure.interface_mtu import interface_mtu
from trebol_hardware.measure.network_rating import NetworkMeasurement
from trebol_hardware.measure.percentiles import percentile
from trebol_hardware.measure.udp_link import PathMtu, RoundTrips, answer, largest_passing, numeric, round_trips

GOLDEN = Path(__file__).parent / "golden"
TCP = (GOLDEN / "iperf3-tcp.json").read_text()
UDP = (GOLDEN / "iperf3-udp.json").read_text()
LOOPBACK = json.dumps([{}, {"ifname": "lo", "mtu": 65536}])
GBIT = 10**9


def test_iperfs_reports_are_read() -> None:
    assert iperf.parse_tcp(TCP) == iperf.Throughput(rate=1998427382, retransmits=0)
    assert iperf.parse_udp(UDP) == iperf.Stream(packets=382, lost=0, jitter=10)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"error": "unable to connect to server: Connection refused"}', "Connection refused"),
        ("", "not JSON"),
        ("[]", "no table|not a table"),
        ("{}", "lacks"),
        ('{"end": {"sum_received": {"bits_per_second": "fast"}}}', "lacks"),
        ('{"end": {"sum_received": {"bits_per_second": 1e999}, "sum": {"packets": 1e999}}}', "lacks"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_report_without_result_is_an_error(text: str, words: str) -> None:
    with pytest.raises(TrebolError, match=words):
        iperf.parse_tcp(text)
    with pytest.raises(TrebolError):
        iperf.parse_udp(text)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300).map(sorted), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed(ascending: list[int], share: float) -> None:
    found = percentile(ascending, share)
    assert found in ascending
    within = sum(sample <= found for sample in ascending)
    assert within * 100 >= round(share * 100) * len(ascending)
    below = sum(sample < found for sample in ascending)
    assert below * 100 < round(share * 100) * len(ascending)


def test_round_trips_count_what_was_lost() -> None:
    times = [1_000_000, None, 3_000_000, 2_000_000]
    assert round_trips(list(times)) == RoundTrips(
        sent=4, received=3, least=1000, median=2000, p90=3000, p99=3000, largest=3000, jitter=1500
    )
    assert round_trips([None, None]) is None
    lost = round_trips(list(times))
    assert lost is not None and lost.loss == 25


@given(st.integers(68, 9216), st.integers(68, 9216))
def test_bisection_finds_the_largest_packet(link: int, path: int) -> None:
    tried: list[int] = []

    def passes(size: int) -> bool:
        tried.append(size)
        return size <= path

    assert largest_passing(passes, 68, link) == min(link, path)
    assert len(tried) <= 16


def test_nothing_passes() -> None:
    assert largest_passing(lambda _size: False, 68, 1500) is None


def test_echoes_come_back_whole_and_probes_without_padding() -> None:
    number = (7).to_bytes(8, "big")
    assert answer(b"E" + number + b"padding") == b"e" + number + b"padding"
    assert answer(b"P" + number + b"\0" * 1000) == b"p" + number
    for ignored in (b"", b"P", b"e" + number, b"p" + number, b"\xff" * 100):
        assert answer(ignored) is None


def test_the_mtu_is_that_of_the_interface_with_the_address() -> None:
    runner = ScriptedRunner().expect("ip", "-json", "address", "show", "to", "fe80::1", stdout=LOOPBACK)
    assert interface_mtu("fe80::1%eno1", runner) == 65536
    runner.expect("ip", "-json", "address", "show", "to", "192.0.2.1", stdout="[{},{}]")
    with pytest.raises(TrebolError, match="no interface"):
        interface_mtu("192.0.2.1", runner)
    runner.expect("ip", "-json", "address", "show", "to", "192.0.2.1", stdout="2: eth0")
    with pytest.raises(TrebolError, match="not JSON"):
        interface_mtu("192.0.2.1", runner)


GOOD = NetworkMeasurement(
    peer="node2",
    round_trips=RoundTrips(500, 500, 80, 120, 200, 400, 900, 30),
    to_mtu=PathMtu(9000, 9000),
    from_mtu=PathMtu(9000, 9000),
    to_tcp=iperf.Throughput(9_410_000_000, 0),
    from_tcp=iperf.Throughput(9_410_000_000, 3),
    udp=iperf.Stream(4000, 0, 20),
)


def _trips(p99: int = 400, received: int = 500) -> RoundTrips:
    assert GOOD.round_trips is not None
    return replace(GOOD.round_trips, p99=p99, received=received)


RATED: list[tuple[str, NetworkMeasurement, str, Severity]] = [
    ("5 ms", replace(GOOD, round_trips=_trips(p99=5_000)), "network-latency", Severity.WARN),
    ("just below 5 ms", replace(GOOD, round_trips=_trips(p99=4_999)), "network-latency", Severity.PASS),
    ("above 10 ms", replace(GOOD, round_trips=_trips(p99=10_001)), "network-latency", Severity.FAIL),
    ("no echoes", replace(GOOD, round_trips=None), "network-latency", Severity.UNKNOWN),
    ("one lost", replace(GOOD, round_trips=_trips(received=499)), "network-loss", Severity.WARN),
    ("1 % lost", replace(GOOD, round_trips=_trips(received=495)), "network-loss", Severity.FAIL),
    ("stream loses", replace(GOOD, udp=iperf.Stream(1000, 1, 5)), "network-loss", Severity.WARN),
    ("nothing sent", replace(GOOD, round_trips=None, udp=None), "network-loss", Severity.UNKNOWN),
    ("1 Gbit/s", replace(GOOD, to_tcp=iperf.Throughput(941_000_000, 0)), "network-throughput", Severity.WARN),
    ("100 Mbit/s", replace(GOOD, from_tcp=iperf.Throughput(94_100_000, 0)), "network-throughput", Severity.FAIL),
    ("one way only", replace(GOOD, from_tcp=None), "network-throughput", Severity.UNKNOWN),
    ("switch at 1500", replace(GOOD, to_mtu=PathMtu(1500, 9000)), "network-path-mtu", Severity.FAIL),
    ("way back", replace(GOOD, from_mtu=PathMtu(1500, 9000)), "network-path-mtu", Severity.FAIL),
    ("MTUs differ", replace(GOOD, from_mtu=PathMtu(1500, 1500)), "network-path-mtu", Severity.WARN),
    ("no probes", replace(GOOD, from_mtu=None), "network-path-mtu", Severity.UNKNOWN),
]


@pytest.mark.parametrize(
    ("what", "measured", "code", "severity"), RATED, ids=[what for what, _made, _code, _severity in RATED]
)
def test_what_is_wrong_is_rated_and_what_is_missing_is_unknown(
    what: str, measured: NetworkMeasurement, code: str, severity: Severity
) -> None:
    finding = {finding.code: finding for finding in network_rating.rate(measured)}[code]
    assert finding.severity is severity
    assert bool(finding.reason) is (severity is not Severity.PASS)
    assert finding.requirement.source


def test_a_good_network_passes_everything() -> None:
    findings = network_rating.rate(GOOD)
    assert {finding.severity for finding in findings} == {Severity.PASS}
    assert render.status(findings) == 0


def test_the_reason_of_what_is_missing_is_told() -> None:
    measured = replace(GOOD, to_tcp=None, failures=(("to_tcp", "iperf3: is not installed"), ("udp", "other")))
    finding = network_rating.rate(measured)[2]
    assert finding.reason == "iperf3: is not installed"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"protocol": 1}',
        b'{"protocol": 1, "wish": "rm"}',
        b'{"protocol": 2, "wish": "mtu"}',
        b'{"protocol": 1, "wish": "mtu", "udp_port": -1}',
        b"\xff\xfe",
        b"[" * 4000,
    ],
)
def test_requests_that_are_none_are_refused(line: bytes) -> None:
    with pytest.raises(TrebolError):
        control.parse(control.Request, line, "192.0.2.1")


def test_a_line_without_end_is_not_read_for_ever() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 10_000)
        with pytest.raises(TrebolError, match="no lines"):
            control.receive_line(ours, "peer")


class NodeRunner(ScriptedRunner):
    """A node whose addresses are all on the loopback interface; its iperf3 says what was recorded."""

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        match command:
            case ["ip", *_rest]:
                return Completed(0, LOOPBACK)
            case ["timeout", _kill, _seconds, "iperf3", "--client", *rest]:
                return Completed(0, UDP if "--udp" in rest else TCP)
            case _:
                raise AssertionError(command)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _serving(port: int) -> Iterator[list[str]]:
    told: list[str] = []
    listening = threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        listening.set()

    server = threading.Thread(
        target=lambda: network_server.serve("127.0.0.1", port, 30, runner=NodeRunner(), tell=tell), daemon=True
    )
    server.start()
    assert listening.wait(10)
    yield told
    server.join(10)
    assert not server.is_alive(), "the server serves one client and ends"


def test_two_ends_measure_each_other_and_say_what_could_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_command: Sequence[Argument], **_options: object) -> None:
        raise CommandFailed("iperf3 --server", 127, ("iperf3: not found",))

    monkeypatch.setattr(network_server, "spawn", missing)
    port = _free_port()
    with _serving(port) as told:
        measured = network.measure("127.0.0.1", port, 1, runner=NodeRunner(), tell=lambda _line: None)
    assert f"ports {port} and {port + 1}" in told[0]
    assert measured.round_trips is not None
    assert measured.round_trips.sent == 100
    assert measured.to_mtu == PathMtu(65535, 65535) == measured.from_mtu
    assert measured.to_tcp is None and "iperf3: not found" in measured.why("to_tcp")
    severities = {finding.code: finding.severity for finding in network_rating.rate(measured)}
    assert severities["network-throughput"] is Severity.UNKNOWN
    assert severities["network-path-mtu"] is Severity.PASS
    json.dumps(measured.to_members())


def test_a_peer_that_does_not_serve_is_told_apart_from_a_bad_network() -> None:
    with pytest.raises(TrebolError, match="does not answer") as error:
        network.measure("127.0.0.1", _free_port(), 1, runner=NodeRunner(), tell=lambda _line: None)
    assert "--serve" in str(error.value)


@pytest.mark.parametrize("peer", ["a..b", "a" * 70, "\udcff"])
def test_what_can_be_no_name_is_bad_input(peer: str) -> None:
    with pytest.raises(BadInput, match="no name that can be resolved"):
        network.measure(peer, 1, 1, runner=NodeRunner(), tell=lambda _line: None)
    with pytest.raises(TrebolError, match="cannot listen"):
        network_server.serve(peer, 1, 1, runner=NodeRunner(), tell=lambda _line: None)


def test_a_test_that_hangs_is_told_and_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(NodeRunner):
        def run(self, command: Sequence[Argument], **options: Any) -> Completed:
            if command[0] == "timeout" and "--udp" not in command:
                return Completed(124, '{"start": {}}')
            return super().run(command, **options)

    monkeypatch.setattr(network_server, "spawn", lambda *_arguments, **_options: nullcontext())
    monkeypatch.setattr(network_server, "_is_listening", lambda _port: True)
    port = _free_port()
    with _serving(port):
        measured = network.measure("127.0.0.1", port, 1, runner=Hanging(), tell=lambda _line: None)
    assert measured.to_tcp is None
    assert "nothing gets through" in measured.why("to_tcp")
    assert measured.udp is not None


def test_a_link_local_address_keeps_its_interface() -> None:
    assert numeric(("fe80::1", 7, 0, 1)) == "fe80::1%lo"
    assert numeric(("192.0.2.1", 7)) == "192.0.2.1"


def test_a_client_whose_connection_breaks_is_named() -> None:
    def break_off(client: socket.socket) -> None:
        # Closing sends a reset instead of a farewell.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    assert _failure_of_server(break_off).startswith("127.0.0.1: the connection broke: ")


def test_a_server_that_nobody_comes_to_gives_up() -> None:
    with pytest.raises(TrebolError, match="nobody came"):
        network_server.serve("127.0.0.1", _free_port(), 0.05, runner=NodeRunner(), tell=lambda _line: None)


def test_a_client_that_speaks_something_else_ends_the_server_with_an_error() -> None:
    assert "not understood" in _failure_of_server(lambda client: client.sendall(b"GET / HTTP/1.1\r\n\r\n"))


def _failure_of_server(act: Callable[[socket.socket], None]) -> str:
    """What the server says when a client connects and does this."""
    port = _free_port()
    failed: list[str] = []
    listening = threading.Event()

    def serve() -> None:
        try:
            network_server.serve("127.0.0.1", port, 30, runner=NodeRunner(), tell=lambda _line: listening.set())
        except TrebolError as error:
            failed.append(str(error))

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    assert listening.wait(10)
    with socket.create_connection(("127.0.0.1", port)) as client:
        act(client)
        server.join(10)
    return failed[0]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["node2", "--serve"],
        ["node2", "--port", "0"],
        ["node2", "--port", "65535"],
        ["--serve", "--lifetime", "0"],
        ["--serve", "--lifetime", "99999999999999"],
        [""],
        ["node2", "--seconds", "601"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    app = typer.Typer()
    app.command()(commands.network_command)
    assert isinstance(CliRunner().invoke(app, arguments).exception, BadInput)
