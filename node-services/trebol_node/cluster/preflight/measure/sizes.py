"""Which sizes of packets are tried, so that the path MTU is known to the byte after a few rounds. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from trebol_hardware.measure.udp_link import LARGEST_PACKET

#: What paths carry most often: jumbo frames; Ethernet; PPPoE; VXLAN, WireGuard and other tunnels; what IPv6 and IPv4
#: must carry everywhere (RFC 8200, RFC 791: 576 is what every host takes).
_USUAL = (9000, 1500, 1492, 1450, 1420, 1400, 1280, 576)

#: Headers of IP and UDP, in bytes.
HEADERS = {4: 20 + 8, 6: 40 + 8}
_LEAST = {4: 576, 6: 1280}

#: Sizes of one round.
_AT_ONCE = 16


def first_sizes(own: int, version: int) -> tuple[int, ...]:
    """IP packets in bytes, ascending, up to the MTU of the own interface; `version` is IP's."""
    most = min(own, LARGEST_PACKET)
    return tuple(sorted({most, *(size for size in _USUAL if _LEAST[version] <= size < most)}))


def next_sizes(tried: Mapping[int, bool]) -> tuple[int, ...]:
    """Sizes between the largest that passed and the next that did not; none where nothing is left to be found out."""
    passed = max((size for size, through in tried.items() if through), default=None)
    if passed is None:
        return ()
    above = min((size for size in tried if size > passed), default=None)
    if above is None or above - passed < 2:
        return ()
    gap = above - passed
    steps = min(_AT_ONCE, gap - 1)
    return tuple(passed + gap * step // (steps + 1) for step in range(1, steps + 1))
