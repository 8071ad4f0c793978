"""iperf3(1): throughput by TCP, loss and jitter by UDP, from its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import TrebolError
from trebol_common.i18n import _

#: bit/s of the UDP test: far below any link, so that what is lost is lost by the network and not by the sender.
UDP_RATE = 10_000_000
#: Bytes of its packets: they pass where 1280 (IPv6's least) do.
UDP_LENGTH = 1200


@dataclass(frozen=True)
class Throughput:
    """What TCP carried in one direction, in bit/s as received, and how many segments were sent again."""

    rate: int
    retransmits: int


@dataclass(frozen=True)
class Stream:
    """What became of a stream of UDP: packets, of which lost; jitter (RFC 3550) in microseconds."""

    packets: int
    lost: int
    jitter: int


def server_command(address: str, port: int) -> list[str]:
    """A server for one test."""
    return ["iperf3", "--server", "--one-off", "--json", "--bind", address, "--port", str(port)]


def client_command(address: str, port: int, local: str, seconds: int, *, reverse: bool, udp: bool) -> list[str]:
    """One test against it; `reverse` lets the server send."""
    command = ["iperf3", "--client", address, "--port", str(port), "--bind", local, "--json"]
    command += ["--connect-timeout", "5000", "--time", str(seconds), "--interval", "0"]
    if reverse:
        command.append("--reverse")
    if udp:
        command += ["--udp", "--bitrate", str(UDP_RATE), "--length", str(UDP_LENGTH)]
    return command


def parse_tcp(text: str) -> Throughput:
    """From a client's JSON, either direction. Raises TrebolError with iperf3's own words where it failed."""
    end = _end(text)
    try:
        return Throughput(
            rate=round(end["sum_received"]["bits_per_second"]), retransmits=int(end["sum_sent"].get("retransmits", 0))
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _failed(_("its report lacks {what}").format(what=error)) from error


def parse_udp(text: str) -> Stream:
    """The same for UDP: the receiver's view."""
    end = _end(text)
    try:
        received = end.get("sum_received") or end["sum"]
        return Stream(
            packets=int(received["packets"]),
            lost=max(int(received["lost_packets"]), 0),  # Duplicates make it negative.
            jitter=round(received["jitter_ms"] * 1000),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _failed(_("its report lacks {what}").format(what=error)) from error


def _end(text: str) -> Mapping[str, Any]:
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _failed(_("its report is not JSON: {error}").format(error=error)) from error
    if not isinstance(report, Mapping):
        raise _failed(_("its report is not a table"))
    if "error" in report:
        raise _failed(str(report["error"]))
    end = report.get("end")
    return end if isinstance(end, Mapping) else {}


def _failed(what: str) -> TrebolError:
    return TrebolError(what, where="iperf3", hint=_("is it installed on both nodes, and its port open between them?"))
