"""The probe: real packets over loopback, and what of them is believed."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trebol_common.errors import TrebolError
from trebol_node.cluster.preflight.facts import (
    AddressFacts,
    ClockFacts,
    HostFacts,
    InterfaceFacts,
    PortFacts,
    Protocol,
    Reach,
    Size,
    Way,
)
from trebol_node.cluster.preflight.measure import Pace, Responder, arp, links, measure, responding
from trebol_node.cluster.preflight.measure.conversation import Exchange
from trebol_node.cluster.preflight.measure.packets import LEAST, Kind, Packet, answer, decode, encode
from trebol_node.cluster.preflight.measure.sizes import first_sizes, next_sizes
from trebol_node.cluster.preflight.program import QUIET

KEY = b"k" * 32
QUICK = Pace(echoes=20, interval=0.005, patience=0.3, tries=2, retry=0.1, connect=0.3, arp=0.1, whole=5)
OWN = HostFacts(
    "a",
    "1",
    ClockFacts(0),
    addresses=(AddressFacts("lo", "127.0.0.1/8"), AddressFacts("lo", "::1/128")),
    interfaces=(InterfaceFacts("lo", mtu=65536),),
)
HERE, HERE_6 = Way("a", "b", 0, "127.0.0.1", "127.0.0.1"), Way("a", "b", 0, "::1", "::1")


def free_port() -> int:
    """A UDP port that nobody has; nor has anybody the TCP one, most likely."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


@pytest.mark.parametrize("way", [HERE, HERE_6], ids=["IPv4", "IPv6"])
def test_a_way_is_measured_in_times_sizes_and_clocks(way: Way) -> None:
    with responding([way.target_address], KEY, port=0) as responder:
        ((_address, port),) = responder.ports
        (found,) = measure([way], KEY, own=OWN, port=port, tcp=(), pace=QUICK)
    assert (found.sent, len(found.round_trips), found.problem) == (20, 20, "")
    assert found.mtu == 65535 and all(size.passed for size in found.sizes)
    assert found.offset is not None and abs(found.offset) <= found.offset_error + 1


def test_many_ways_are_measured_at_once_and_come_in_their_order() -> None:
    ways = [HERE, HERE_6, replace(HERE, link=1)]
    with responding(["127.0.0.1"], KEY, port=0) as responder:
        ((_address, port),) = responder.ports
        found = measure(ways, KEY, own=OWN, port=port, tcp=(), pace=QUICK)
    assert [each.way for each in found] == ways
    assert [bool(each.round_trips) for each in found] == [True, False, True]


def test_nobody_without_the_key_gets_an_answer() -> None:
    with responding(["127.0.0.1"], KEY, port=0) as responder:
        ((_address, port),) = responder.ports
        (found,) = measure([HERE], b"another", own=OWN, port=port, tcp=(), pace=QUICK)
    assert (found.sent, found.round_trips, found.sizes, found.offset) == (20, (), (), None)
    assert found.problem == f"nothing comes back from UDP port {port}"


def test_a_responder_that_is_not_there_is_told() -> None:
    port = free_port()
    (found,) = measure([HERE], KEY, own=OWN, port=port, tcp=(), pace=QUICK)
    assert (found.round_trips, found.problem) == ((), f"nothing comes back from UDP port {port}")


def test_an_address_that_this_host_does_not_have_is_told() -> None:
    (found,) = measure([replace(HERE, source_address="192.0.2.99")], KEY, own=OWN, pace=QUICK)
    assert (found.sent, found.problem) == (0, "Cannot assign requested address")


def test_what_hangs_ends_in_time_and_keeps_what_was_measured_before() -> None:
    slow = replace(QUICK, echoes=1000, interval=0.01, whole=0.3)
    with responding(["127.0.0.1"], KEY, port=0) as responder:
        ((_address, port),) = responder.ports
        (found,) = measure([HERE], KEY, own=OWN, port=port, tcp=(), pace=slow)
    assert 0 < len(found.round_trips) < 1000
    # What was cut off is not lost.
    assert (found.problem, found.lost) == ("the measurement did not end in time", 0)


def test_a_measurement_takes_no_longer_than_fifteen_seconds_and_fifty_packets_three() -> None:
    pace = Pace()
    assert pace.whole <= 15
    assert pace.echoes >= 50 and pace.echoes * pace.interval + pace.patience <= 3


def test_who_answers_ends_once_all_who_asked_say_that_they_are_done() -> None:
    patient = replace(QUICK, patience=20, retry=5, whole=60)
    asking = ["127.0.0.1", "127.0.0.2"]
    with responding(["127.0.0.1"], KEY, port=0) as responder:
        ((_address, port),) = responder.ports
        ways = [replace(HERE, source=each, source_address=each) for each in asking]
        measure(ways, KEY, own=OWN, port=port, tcp=(), pace=patient)
        assert responder.await_done(ways, quiet=60, end=time.monotonic() + 60)
        # Of one who says nothing it is enough that nobody asks any more.
        other = replace(HERE, source="c", source_address="127.0.0.3")
        assert not responder.await_done([*ways, other], quiet=0.2, end=time.monotonic() + 60)


def test_who_says_nothing_at_its_end_is_waited_for_longer_than_anybody_pauses() -> None:
    pace = Pace()
    pauses = (pace.interval, pace.patience, pace.retry * pace.tries, pace.udp, pace.arp, pace.connect)
    assert max(pauses) < QUIET


def test_ports_answer_are_refused_or_are_silent() -> None:
    closed = free_port()
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as listener,
        responding(["127.0.0.1"], KEY, port=0, also=[5405]) as responder,
    ):
        (_address, port), *_more = responder.ports
        listening = int(listener.getsockname()[1])
        (found,) = measure([HERE], KEY, own=OWN, port=port, tcp=(closed, listening), pace=QUICK)
    assert set(found.ports) == {
        PortFacts(Protocol.TCP, closed, Reach.REFUSED),
        PortFacts(Protocol.TCP, listening, Reach.ANSWERS),
        PortFacts(Protocol.UDP, 5405, Reach.ANSWERS),
    }
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as mute:
        mute.bind(("127.0.0.1", 5406))
        (found,) = measure([replace(HERE, link=1)], KEY, own=OWN, port=closed, tcp=(), pace=QUICK)
    assert found.ports == (PortFacts(Protocol.UDP, 5406, Reach.SILENT),)


def test_a_port_that_somebody_has_is_named_and_one_that_is_only_wished_for_is_left() -> None:
    with responding(["127.0.0.1"], KEY, port=0) as first:
        ((_address, port),) = first.ports
        with pytest.raises(TrebolError, match=f"UDP port {port} cannot be had"):
            Responder(["127.0.0.1"], KEY, port=port)
        with responding(["127.0.0.1"], KEY, port=0, also=[port]) as second:
            assert len(second.ports) == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"TPF1",
        bytes(LEAST),
        encode(Packet(Kind.ECHO, 1, 2), KEY)[:-1],
        encode(Packet(Kind.ECHO, 1, 2), b"another"),
        encode(Packet(Kind.ECHO, 1, 2), KEY) + b"\0",
        encode(Packet(Kind.ECHO_ANSWER, 1, 2), KEY),
    ],
)
def test_a_responder_is_silent_to_all_but_questions_under_its_key(payload: bytes) -> None:
    with (
        responding(["127.0.0.1"], KEY, port=0) as responder,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link,
    ):
        link.connect(responder.ports[0])
        link.settimeout(5)
        link.send(payload)
        link.send(encode(Packet(Kind.ECHO, 77, 2), KEY))
        answered = decode(link.recv(65535), KEY)
    assert answered is not None and answered.number == 77


@given(
    kind=st.sampled_from(Kind),
    number=st.integers(0, 2**64 - 1),
    size=st.integers(LEAST, 9000),
    key=st.binary(min_size=16, max_size=64),
)
def test_packets_come_out_as_they_went_in_and_no_answer_is_longer_than_its_question(
    kind: Kind, number: int, size: int, key: bytes
) -> None:
    packet = Packet(kind, number, 1, sent=2, size=size)
    sealed = encode(packet, key)
    assert len(sealed) == size and decode(sealed, key) == packet
    reply = answer(packet, received=3)
    if reply is None:
        assert kind in (Kind.ECHO_ANSWER, Kind.SIZE_ANSWER, Kind.DONE_ANSWER)
        return
    assert len(encode(reply, key)) <= len(sealed)
    assert answer(reply, received=5) is None


@given(st.binary(max_size=200))
def test_noise_is_no_packet(noise: bytes) -> None:
    assert decode(noise, KEY) is None


@pytest.mark.parametrize(
    ("exchange", "round_trip", "offset"),
    [
        # The other clock is 1000 ahead; the way takes 10 each, the other host 5, and this one 3 to look.
        (Exchange(sent=0, received=1010, answered=1015, came=25, took=28), 20, 1000),
        # The own clock was set by a second between.
        (Exchange(sent=0, received=1010, answered=1015, came=10**9, took=28), 28, None),
        (Exchange(sent=0, received=1010, answered=1015, came=-(10**9), took=28), 28, None),
    ],
)
def test_a_clock_that_is_set_meanwhile_spoils_no_time(
    exchange: Exchange, round_trip: int, offset: int | None
) -> None:
    assert exchange.round_trip == round_trip
    assert (exchange.travelled is None) == (offset is None)
    assert offset is None or exchange.offset == offset


@given(path=st.integers(576, 9216), own=st.integers(1280, 9216))
def test_the_path_mtu_is_known_to_the_byte_after_four_rounds(path: int, own: int) -> None:
    tried: dict[int, bool] = {}
    sizes, rounds = first_sizes(own, 4), 0
    while sizes:
        tried |= {size: size <= path for size in sizes}
        sizes, rounds = next_sizes(tried), rounds + 1
    assert max(size for size, passed in tried.items() if passed) == min(path, own)
    assert rounds <= 5
    assert max(tried) == own


def test_nothing_is_looked_for_below_what_every_path_carries() -> None:
    assert next_sizes({1280: False, 1500: False}) == ()
    assert first_sizes(1500, 6)[0] == 1280
    assert first_sizes(65536, 4)[-1] == 65535


def test_answers_of_arp_are_told_from_questions_and_other_addresses() -> None:
    own, target = IPv4Address("192.0.2.4"), IPv4Address("192.0.2.1")
    question = arp.request(bytes.fromhex("525400000004"), own, target)
    assert arp.answered(question, target) is None
    reply = bytearray(question)
    reply[20:22] = b"\0\2"
    assert arp.answered(bytes(reply), own) == "52:54:00:00:00:04"
    assert arp.answered(bytes(reply), target) is None
    assert arp.answered(bytes(reply)[:30], own) is None


def test_what_passed_is_the_largest_that_did() -> None:
    with responding(["127.0.0.1"], KEY, port=0) as responder:
        ((_address, port),) = responder.ports
        small = replace(OWN, interfaces=(InterfaceFacts("lo", mtu=1500),))
        (found,) = measure([HERE], KEY, own=small, port=port, tcp=(), pace=QUICK)
    assert found.mtu == 1500 and found.sizes[-1] == Size(1500, True)


def test_a_host_whose_clock_is_two_seconds_ahead_is_seen_so() -> None:
    """A responder that says other times, as the other host's clock would."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
        link.bind(("127.0.0.1", 0))
        link.settimeout(5)

        def answer_all() -> None:
            while (came := link.recvfrom(65535))[0]:
                question = decode(came[0], KEY)
                assert question is not None
                ahead = time.time_ns() + 2 * 10**9
                reply = answer(question, received=ahead)
                assert reply is not None
                link.sendto(encode(replace(reply, answered=ahead), KEY), came[1])

        thread = threading.Thread(target=answer_all)
        thread.start()
        (found,) = measure([HERE], KEY, own=OWN, port=int(link.getsockname()[1]), tcp=(), pace=QUICK)
        link.sendto(b"", link.getsockname())
        thread.join()
    assert found.offset is not None and abs(found.offset - 2_000_000) <= found.offset_error + 1


def test_a_packet_that_had_to_wait_says_when_it_is_really_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 5_000_000, 6_000_000, 6_000_010])
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    assert links.stamped(lambda now: str(now).encode()) == b"6000000"
