"""SSH keys of root that somebody has elsewhere: lists, read as the answer file's are, and those behind a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trebol_common.answers.values import ssh_key
from trebol_common.errors import BadInput, Problem
from trebol_common.i18n import _
from trebol_common.urls import without_user
from trebol_installer.sources import fetch

#: Bytes of a list, keys of all lists of one place, and seconds for a URL, names and all.
LARGEST = 64 * 1024
MOST = 20
WITHIN = 10.0

_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Keys:
    """`where` they are from; `wrong` are the lines that are none, each with its place."""

    where: str
    keys: tuple[str, ...]
    wrong: tuple[Problem, ...] = ()


def read_keys(content: bytes, where: str) -> Keys:
    """The keys of a list, each once, without comments and empty lines. Raises BadInput where there is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(_("is not UTF-8 text"), where=where) from error
    keys: list[str] = []
    wrong: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            keys += without_doubles(keys, [ssh_key(line)])
        except ValueError as error:
            wrong.append(Problem(str(error), _("{place}, line {number}").format(place=where, number=number)))
    if not keys:
        # The first line is enough of a page that is no list at all.
        raise BadInput.of(wrong[:1] or [Problem(_("holds no SSH key"), where)])
    return within_most(Keys(where, tuple(keys), tuple(wrong)))


def within_most(found: Keys) -> Keys:
    """The same. Raises BadInput where there are more keys than somebody can have meant."""
    if len(found.keys) > MOST:
        raise BadInput(_("holds more than {count} SSH keys").format(count=MOST), where=found.where)
    return found


def without_doubles(known: Sequence[str], more: Sequence[str]) -> list[str]:
    """Those of `more` that are not known yet, each once; a key is the same whatever is said behind it."""
    seen = {tuple(key.split()[:2]) for key in known}
    fresh: list[str] = []
    for key in more:
        if (same := tuple(key.split()[:2])) not in seen:
            seen.add(same)
            fresh.append(key)
    return fresh


def url_problem(url: str) -> str:
    """Why a text is no URL of a list, in words; empty for one that may be."""
    if not url:
        return _("Type the URL first.")
    if not url.lower().startswith(_SCHEMES):
        return _("The URL has to begin with https:// or http://.")
    return ""


def keys_from_url(url: str, *, within: float = WITHIN) -> Keys:
    """The keys of a list behind a URL. Raises BadInput with the reason, `within` seconds at most."""
    shown = without_user(url)
    hint = _("check the URL, the network and the server")
    return read_keys(fetch(url, most=LARGEST, hint=hint, within=within), shown)
