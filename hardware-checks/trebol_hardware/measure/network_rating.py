"""What the way between two nodes is good for: corosync, Ceph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trebol_common.i18n import _
from trebol_hardware.checks.finding import Detail, Finding, Requirement, Severity, worst
from trebol_hardware.measure.iperf import Stream, Throughput
from trebol_hardware.measure.udp_link import PathMtu, RoundTrips

#: pvecm(1), Network Requirements: below 5 ms between all nodes; above about 10 ms, more than three nodes rarely work.
GOOD_RTT, BAD_RTT = 5_000, 10_000

#: Share of lost packets in per cent above which the brief's time (omping before a cluster was made) called it unfit.
BAD_LOSS = 1.0

#: 94 % of the line rate: TCP's payload of a frame of 1500 bytes with its gap on the wire (1448 / 1538).
_PAYLOAD = 0.94
GOOD_RATE = round(10_000_000_000 * _PAYLOAD)
LEAST_RATE = round(1_000_000_000 * _PAYLOAD)


@dataclass(frozen=True)
class NetworkMeasurement:
    """All that was measured; None is what could not be, for the reason in `failures` under the same name.

    `to_…` is from here to the peer, `from_…` the other way.
    """

    peer: str
    round_trips: RoundTrips | None = None
    to_mtu: PathMtu | None = None
    from_mtu: PathMtu | None = None
    to_tcp: Throughput | None = None
    from_tcp: Throughput | None = None
    udp: Stream | None = None
    failures: tuple[tuple[str, str], ...] = ()

    def why(self, *names: str) -> str:
        """The reasons why these are missing."""
        return "; ".join(dict.fromkeys(reason for name, reason in self.failures if name in names))

    def to_members(self) -> dict[str, Any]:
        """The JSON form: µs, bytes, bit/s."""
        return {**asdict(self), "failures": dict(self.failures)}


def rate(measured: NetworkMeasurement) -> tuple[Finding, ...]:
    """Latency and loss for corosync, throughput and path MTU for Ceph."""
    return _latency(measured), _loss(measured), _throughput(measured), _mtu(measured)


def _unknown(code: str, title: str, requirement: Requirement, why: str) -> Finding:
    return Finding(
        code=code,
        title=title,
        severity=Severity.UNKNOWN,
        requirement=requirement,
        reason=why or _("it was not measured"),
        remedy=_("put that right and measure again"),
    )


def _latency(measured: NetworkMeasurement) -> Finding:
    code, title = "network-latency", _("Latency, for corosync")
    requirement = Requirement(
        minimum=_("99 % of round trips within 10 ms"),
        recommended=_("99 % within 5 ms"),
        source="pvecm(1): Network Requirements; corosync.conf(5): token",
    )
    times = measured.round_trips
    if times is None:
        return _unknown(code, title, requirement, measured.why("round_trips"))
    severity = Severity.PASS if times.p99 < GOOD_RTT else Severity.WARN if times.p99 <= BAD_RTT else Severity.FAIL
    bad = severity is not Severity.PASS
    return Finding(
        code=code,
        title=title,
        severity=severity,
        measured=_("median {median:.3f} ms, 99 % within {p99:.3f} ms, at most {largest:.3f} ms").format(
            median=times.median / 1000, p99=times.p99 / 1000, largest=times.largest / 1000
        ),
        requirement=requirement,
        reason=_("the token goes round all nodes; where it is late, nodes are thrown out and fenced") if bad else "",
        remedy=_("give corosync a link of its own, without Ceph and backups on it, in the same building")
        if bad
        else "",
    )


def _loss(measured: NetworkMeasurement) -> Finding:
    code, title = "network-loss", _("Packet loss, for corosync")
    requirement = Requirement(
        minimum=_("below {loss:g} %").format(loss=BAD_LOSS),
        recommended=_("none"),
        source="pvecm(1): Network Requirements",
    )
    details = tuple(_losses(measured))
    if not details:
        return _unknown(code, title, requirement, measured.why("round_trips", "udp"))
    severity = worst(detail.severity for detail in details)
    bad = severity is not Severity.PASS
    return Finding(
        code=code,
        title=title,
        severity=severity,
        measured="; ".join(f"{detail.subject}: {detail.measured}" for detail in details),
        requirement=requirement,
        reason=_("lost tokens are sent again, until the time for that is over") if bad else "",
        remedy=_("look for errors: ethtool -S on both nodes, counters of the switch; cables, duplex, full links")
        if bad
        else "",
        details=details,
    )


def _losses(measured: NetworkMeasurement) -> Iterator[Detail]:
    def detail(subject: str, lost: int, sent: int, jitter: int) -> Detail:
        share = 100 * lost / sent
        severity = Severity.PASS if not lost else Severity.WARN if share < BAD_LOSS else Severity.FAIL
        text = _("{lost} of {sent} lost ({share:.2f} %), jitter {jitter:.3f} ms")
        return Detail(subject, severity, text.format(lost=lost, sent=sent, share=share, jitter=jitter / 1000))

    times, stream = measured.round_trips, measured.udp
    if times is not None:
        yield detail(_("there and back"), times.sent - times.received, times.sent, times.jitter)
    if stream is not None and stream.packets:
        yield detail(_("stream to the peer"), stream.lost, stream.packets, stream.jitter)


def _throughput(measured: NetworkMeasurement) -> Finding:
    code, title = "network-throughput", _("Throughput, for Ceph")
    requirement = Requirement(
        minimum=_("1 Gbit/s"),
        recommended=_("10 Gbit/s"),
        source=_("the brief; docs.ceph.com: Hardware Recommendations"),
    )
    details = tuple(
        Detail(subject, _rate_severity(tcp.rate), _("{rate:.2f} Gbit/s").format(rate=tcp.rate / 10**9))
        for subject, tcp in ((_("to the peer"), measured.to_tcp), (_("from the peer"), measured.from_tcp))
        if tcp is not None
    )
    if len(details) < 2:
        return _unknown(code, title, requirement, measured.why("to_tcp", "from_tcp"))
    severity = worst(detail.severity for detail in details)
    bad = severity is not Severity.PASS
    return Finding(
        code=code,
        title=title,
        severity=severity,
        measured="; ".join(f"{detail.subject} {detail.measured}" for detail in details),
        requirement=requirement,
        reason=_("it bounds writes, and how long lost copies stay lost: trebol size") if bad else "",
        remedy=_("10 Gbit/s or more for Ceph; where the link is that fast: duplex, cables, MTU, errors of the ports")
        if bad
        else "",
        details=details,
    )


def _rate_severity(rate: int) -> Severity:
    if rate >= GOOD_RATE:
        return Severity.PASS
    return Severity.WARN if rate >= LEAST_RATE else Severity.FAIL


def _mtu(measured: NetworkMeasurement) -> Finding:
    code, title = "network-path-mtu", _("Path MTU, for Ceph and corosync")
    requirement = Requirement(
        minimum=_("the MTU of both interfaces, in both directions"),
        source="docs.ceph.com: Troubleshooting OSDs, networking; RFC 4821",
    )
    there, back = measured.to_mtu, measured.from_mtu
    if there is None or back is None:
        return _unknown(code, title, requirement, measured.why("to_mtu", "from_mtu"))
    text = _("to the peer {there} of {own} bytes, from the peer {back} of {peer} bytes")
    severity, reason, remedy = Severity.PASS, "", ""
    if there.path < there.link or back.path < back.link:
        severity = Severity.FAIL
        reason = _("larger packets vanish on the way: connections open, and hang with the first full packet")
        remedy = _("give all ports of nodes and switches between them the same MTU")
    elif there.link != back.link:
        severity = Severity.WARN
        reason = _("the two nodes have different MTUs; what one sends, another node may not take")
        remedy = _("give both interfaces the same MTU")
    return Finding(
        code=code,
        title=title,
        severity=severity,
        measured=text.format(there=there.path, own=there.link, back=back.path, peer=back.link),
        requirement=requirement,
        reason=reason,
        remedy=remedy,
    )
