"""Where the live system gets its answers from: a word on the kernel's command line, else the slot on the medium."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from trebol_common.answer_slot import answer_in
from trebol_common.answers.parse import MAXIMUM_SIZE, decode, read_text
from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.medium import SLOT
from trebol_common.run import redact
from trebol_common.urls import place, without_user
from trebol_installer.describe import listing

if TYPE_CHECKING:  # Takes long to load, and not every installation needs it.
    from requests import Response

COMMAND_LINE = Path("/proc/cmdline")

#: The kernel word that names the answers: a path on the medium, an absolute path, an http(s) URL, or "slot".
WORD = "trebol.answer"

#: What stands for the slot: where that is empty, nobody is asked.
THE_SLOT = "slot"

#: Characters of a reason that are told.
REASON = 200

#: Seconds to wait for a server: to connect, and between two pieces of its reply; and for all of it.
TIMEOUT = (10, 30)
WITHIN = 300.0

#: What follows the server's name in a URL.
_BEHIND = re.compile(r"(?<=://)([^\s/?#'\"]+)[^\s'\"]*")


@dataclass(frozen=True)
class Found:
    """The text of an answer file, and the place it came from, as the user knows it."""

    text: str
    where: str


Fetch = Callable[[str], bytes]
Given = TypeVar("Given")


def fetch(
    url: str,
    *,
    most: int = MAXIMUM_SIZE,
    hint: str = "",
    fingerprint: str | None = None,
    secret: bool = False,
    within: float = WITHIN,
) -> bytes:
    """Get a file of `most` bytes over HTTP, `within` seconds at most. Raises BadInput with the reason: name,
    connection, certificate, status, time, size; `hint` is by default for whoever gave the URL as a kernel word.

    `fingerprint` is the SHA-256 (hexadecimal) of the only certificate that the server may show. Of a URL that is
    `secret`, errors tell the server alone.
    """
    import requests

    from trebol_installer.pinned import session

    shown = place(url) if secret else without_user(url)
    secrets = _parts(url) if secret else ()
    hint = hint or _("check the URL after {word}=, the network and the server; then start again").format(word=WORD)

    def get() -> bytes:
        with session(fingerprint) as client, client.get(url, timeout=TIMEOUT, stream=True) as reply:
            if reply.status_code != requests.codes.ok:
                raise _said(reply, shown, secrets, hint)
            content = b""
            for piece in reply.iter_content(65536):
                content += piece
                if len(content) > most:
                    large = _("is larger than {size} bytes").format(size=most)
                    raise BadInput(large, where=shown, hint=hint)
            return content

    with _explained(shown, secrets, hint):
        return _in_time(get, within)


def send(url: str, members: Mapping[str, Any], *, fingerprint: str | None = None, within: float = WITHIN) -> None:
    """POST JSON to a URL that is a secret. Raises BadInput as `fetch` does, and where the server leads elsewhere:
    what is sent is for it alone.
    """
    from trebol_installer.pinned import session

    shown, secrets = place(url), _parts(url)

    def post() -> None:
        with (
            session(fingerprint) as client,
            client.post(url, json=members, timeout=TIMEOUT, stream=True, allow_redirects=False) as reply,
        ):
            if not 200 <= reply.status_code < 300:
                raise _said(reply, shown, secrets, "")

    with _explained(shown, secrets, ""):
        _in_time(post, within)


def _in_time(work: Callable[[], Given], seconds: float) -> Given:
    """What `work` gives. Raises TimeoutError where that takes longer: a server that sends a byte now and then, or a
    name that nobody resolves, keeps within every time limit of the libraries."""
    done: Future[Given] = Future()

    def do() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001
            done.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return done.result(timeout=seconds)


def _said(reply: Response, shown: str, secrets: Sequence[str], hint: str) -> BadInput:
    reason = _short(reply.reason, secrets)
    said = _("the server says {status} {reason}").format(status=reply.status_code, reason=reason)
    return BadInput(said, where=shown, hint=hint)


@contextmanager
def _explained(shown: str, secrets: Sequence[str], hint: str) -> Iterator[None]:
    """Raise BadInput for what keeps a connection from being made or used."""
    import requests

    try:
        yield
    except (requests.Timeout, TimeoutError) as error:
        raise BadInput(_("the server does not answer in time"), where=shown, hint=hint) from error
    except (requests.RequestException, ValueError) as error:
        # A name with a label that is too long is a ValueError of the library below.
        failed = _("cannot be fetched: {reason}").format(reason=_reason(error, secrets))
        raise BadInput(failed, where=shown, hint=hint) from error


def _parts(url: str) -> tuple[str, ...]:
    """What of a URL is not to be told, the longest first: all of it, what is asked of the server, the user."""
    parts = urlsplit(url)
    asked = parts._replace(scheme="", netloc="", fragment="").geturl()
    found = (url, asked, parts.path, parts.query, parts.netloc.rpartition("@")[0])
    return tuple(sorted((part for part in found if len(part) > 1), key=len, reverse=True))


def _reason(error: Exception, secrets: Sequence[str]) -> str:
    """The innermost reason that requests tells, without the connection's name in Python."""
    inner = error.args[0] if error.args else error
    return _short(str(getattr(inner, "reason", None) or error).rpartition(">: ")[2], secrets)


def _short(said: str, secrets: Sequence[str]) -> str:
    """What a server said or led to, which may be long, and have a password of its own; and what a secret URL asks
    for may stand in another, in another order."""
    told = without_user(redact(said, secrets))
    if secrets:
        told = _BEHIND.sub(r"\1", told)
    return told if len(told) <= REASON else f"{told[:REASON]}…"


def words(command_line: str, key: str) -> tuple[str, ...]:
    """Values of `key=VALUE` words on a kernel command line, in order; quotes are taken off."""
    try:
        split = shlex.split(command_line)
    except ValueError:
        split = command_line.split()
    return tuple(word.removeprefix(f"{key}=") for word in split if word.startswith(f"{key}="))


def console_words(command_line: str) -> tuple[str, ...]:
    """The console= words, for the installed system's command line."""
    return tuple(f"console={value}" for value in dict.fromkeys(words(command_line, "console")))


def find_answers(command_line: str, medium: Path, *, get: Fetch = fetch) -> Found:
    """The answers that the live system was given.

    The last `trebol.answer=` word counts, and what it names must be there: falling back to other answers could wipe
    the wrong disk. Raises BadInput, naming every place looked at where there are none.
    """
    named = words(command_line, WORD)
    if named and named[-1] != THE_SLOT:
        return _named(named[-1], medium, get)
    slot = medium / SLOT
    try:
        # Up to the first NUL: seeding that was interrupted leaves one in front, which makes the slot empty.
        content = answer_in(slot.read_bytes())
    except OSError as error:
        looked = _("{file}: cannot be read ({reason})").format(file=slot, reason=error.strerror)
    else:
        if content.strip():
            where = _("the medium's answer slot ({file})").format(file=slot)
            return Found(decode(content, where=where), _("the medium's answer slot"))
        looked = _("{file}: empty").format(file=slot)
    places = [looked] if named else [_("kernel command line: no {word}=").format(word=WORD), looked]
    hint = _("seed the medium (trebol image seed ISO answer.toml), or boot with {word}=PATH-OR-URL")
    raise BadInput(
        _("no answers were found; looked at:") + listing(places),
        hint=hint.format(word=WORD),
    )


def _named(value: str, medium: Path, get: Fetch) -> Found:
    if value.startswith(("http://", "https://")):
        return Found(decode(get(value), where=without_user(value)), without_user(value))
    path = medium / value  # An absolute path stays itself.
    hint = _("{word}= takes a path on the medium, an absolute path, or an http(s) URL").format(word=WORD)
    return Found(read_text(path, hint=hint), str(path))
