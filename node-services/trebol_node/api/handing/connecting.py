"""A connection to another member's daemon: to whichever of its addresses answers first, by the cluster's CA.

A certificate of somebody's own, which that CA has not signed, is taken where it is the one that the member wrote into
the store. Nothing is sent before either is so.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trebol_node.api.errors import ApiError
from trebol_node.api.handing.members import Member
from trebol_node.cluster.tokens.addresses import PORT
from trebol_node.pki import AUTHORITY, FOLDER

#: Proxmox VE's (that of AnyEvent::HTTP): there was no connection; there was one, and no answer came by it.
UNREACHABLE, NO_ANSWER = 595, 596

#: Seconds for a connection, TLS too.
CONNECT = 2.0

#: Seconds until the next address is tried beside one that does not answer (RFC 8305, 5).
_STAGGER = 0.25

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Connector:
    """Connects to members by the CA in the folder `certificates`, on `port`."""

    certificates: Path = FOLDER
    port: int = PORT

    async def connect(self, member: Member) -> Streams:
        """A connection to `member` alone, within `CONNECT` seconds. Raises ApiError, 595.

        At once for one that corosync does not see.
        """
        if member.seen is False:
            raise unreachable(member, "it is offline: corosync does not see it")
        try:
            async with asyncio.timeout(CONNECT):
                return await self._connect(member)
        except TimeoutError:
            raise unreachable(member, f"it does not answer within {CONNECT:.0f} s") from None
        except ssl.SSLError as error:
            raise _untrusted(member, str(getattr(error, "verify_message", "") or error.reason or error)) from error
        except OSError as error:
            # asyncio's own words are longer, and say no more.
            raise unreachable(member, os.strerror(error.errno) if error.errno else str(error)) from error

    async def _connect(self, member: Member) -> Streams:
        authority = AUTHORITY.pair(self.certificates).certificate
        signed = await asyncio.to_thread(_trusting, authority)
        try:
            return await self._first(member, signed)
        except ssl.SSLCertVerificationError:
            if not member.fingerprint:
                raise
        pinned = ssl.create_default_context(cafile=authority)
        pinned.check_hostname = False
        pinned.verify_mode = ssl.CERT_NONE
        reader, writer = await self._first(member, pinned)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(hashlib.sha256(shown).hexdigest(), member.fingerprint.replace(":", "").lower()):
            writer.close()
            raise _untrusted(member, "it is neither of the cluster's CA nor the one that it wrote into the store")
        return reader, writer

    async def _first(self, member: Member, context: ssl.SSLContext) -> Streams:
        """By the first address that answers; the others begin one after the other, and are let go."""
        pending = {
            asyncio.create_task(self._one(address, member.name, context, number * _STAGGER))
            for number, address in enumerate(member.addresses)
        }
        errors: list[BaseException] = []
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                fine = [each for each in done if each.exception() is None]
                errors += [error for each in done if (error := each.exception()) is not None]
                pending |= set(fine[1:])
                if fine:
                    return fine[0].result()
        finally:
            for each in pending:
                each.add_done_callback(_let_go)
                each.cancel()
        # What may still be mended comes first: by the certificate that the member wrote into the store.
        raise min(errors, key=lambda error: not isinstance(error, ssl.SSLCertVerificationError))

    async def _one(self, address: str, name: str, context: ssl.SSLContext, after: float) -> Streams:
        await asyncio.sleep(after)
        return await asyncio.open_connection(address, self.port, ssl=context, server_hostname=name)


def _trusting(authority: Path) -> ssl.SSLContext:
    """What trusts this CA alone; its file is another one after the node has joined."""
    return _context(authority.read_text(encoding="ascii", errors="replace"))


@lru_cache(maxsize=2)
def _context(certificate: str) -> ssl.SSLContext:
    """Made once: that takes longer than the connection."""
    if not certificate:
        # Without one, it would trust whomever Debian trusts.
        raise OSError("the certificate of the cluster's CA is empty")
    return ssl.create_default_context(cadata=certificate)


def unreachable(member: Member, why: str) -> ApiError:
    """595: nothing was asked of it."""
    return ApiError(UNREACHABLE, f"node '{member.name}' is not reached: {why}")


def _untrusted(member: Member, why: str) -> ApiError:
    return unreachable(member, f"what answers shows no certificate of its own ({why})")


def _let_go(task: asyncio.Task[Streams]) -> None:
    """Close what came all the same."""
    if not task.cancelled() and task.exception() is None:
        task.result()[1].close()
