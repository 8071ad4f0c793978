"""Until when certificates are valid, and who is to be told of an end that is near.

Those that Trebol makes are valid until 2049 (`certificates`); an `api.pem` of somebody's own most often for 90
days or a year.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_node.pki.certificates import AUTHORITY, FOLDER, SIGNED

#: ASN.1 tag (X.690) of the version, which may be left out.
_VERSION = 0xA0

_DAY = 86_400


class Urgency(StrEnum):
    """How near an end is: 60, 30, 7 days, or over."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


#: Days before its end from which on a certificate is spoken of, the most urgent first.
_SPOKEN_OF = ((7, Urgency.ERROR), (30, Urgency.WARNING), (60, Urgency.INFO))


@dataclass(frozen=True)
class Ending:
    """A certificate that ends soon, or has: its file, its end, whole days until then (negative: since)."""

    path: Path
    end: datetime
    days: int
    urgency: Urgency


def endings(now: datetime, folder: Path = FOLDER) -> tuple[Ending, ...]:
    """Those of the node's certificates that are to be spoken of, the next to end first. One that is not there, or is
    none, is another's to tell of."""
    paths = [kind.pair(folder).certificate for kind in (AUTHORITY, *SIGNED)]
    return tuple(sorted(_near(paths, now), key=lambda each: each.end))


def _near(paths: Iterable[Path], now: datetime) -> Iterator[Ending]:
    for path in paths:
        try:
            end = end_of(path.read_text(encoding="ascii", errors="replace"))
        except (OSError, BadInput):
            continue
        days = int((end - now).total_seconds() // _DAY)
        urgency = next((urgency for limit, urgency in _SPOKEN_OF if days < limit), None)
        if urgency is not None:
            yield Ending(path, end, days, urgency)


def end_of(text: str) -> datetime:
    """The end (RFC 5280, notAfter) of what a PEM text holds, of a chain the first end of all. Raises BadInput."""
    ends = []
    rest = text
    try:
        while ssl.PEM_HEADER in rest:
            begin, end = rest.index(ssl.PEM_HEADER), rest.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
            ends.append(_not_after(ssl.PEM_cert_to_DER_cert(rest[begin:end])))
            rest = rest[end:]
    except (ValueError, IndexError) as error:
        raise BadInput(f"holds what is no certificate: {error}") from error
    if not ends:
        raise BadInput("holds no certificate in PEM form")
    return min(ends)


def _not_after(encoded: bytes) -> datetime:
    """Certificate → TBSCertificate → [version], serial, signature, issuer, validity → notBefore, notAfter."""
    _tag, certificate, _rest = _element(encoded)
    _tag, rest, _signature = _element(certificate)
    if rest[0] == _VERSION:
        _tag, _value, rest = _element(rest)
    for _field in ("serial", "signature", "issuer"):
        _tag, _value, rest = _element(rest)
    _tag, validity, _rest = _element(rest)
    _tag, _before, rest = _element(validity)
    tag, after, _rest = _element(rest)
    text = after.decode("ascii")
    match tag:
        case 0x17:  # UTCTime
            # RFC 5280, 4.1.2.5.1: 50 and above are of the 20th century.
            century = "19" if int(text[:2]) >= 50 else "20"
            return _moment(century + text)
        case 0x18:  # GeneralizedTime
            return _moment(text)
        case _:
            raise ValueError(f"{tag:#x} is no time")


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(encoded: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows, of DER with tags of one byte."""
    tag, length, start = encoded[0], encoded[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(encoded[2:start], "big")
    if len(encoded) < start + length:
        raise ValueError("is cut off")
    return tag, encoded[start : start + length], encoded[start + length :]
