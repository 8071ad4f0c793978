"""Where packages come from: the host's own apt sources, turned to the release that Trebol is made of.

No mirror's name stands in the project: a machine that can `apt-get install` can build. Entries are taken over whole
(URI, key), only suite and components are ours. Format: sources.list(5), both styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput

#: Debian 13, and the components that hold everything a node gets; ZFS, which is optional, comes from contrib.
RELEASE = "trixie"
COMPONENTS = ("main", "non-free-firmware")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
#: Releases whose entries in the host's sources show where a mirror of Debian is.
HOST_RELEASES = ("bookworm", "trixie", "stable", "testing", "sid", "forky")
#: What apt takes for "no" (StringToBool in apt-pkg/contrib/strutl.cc).
_OFF = frozenset({"no", "false", "without", "off", "disable"})


@dataclass(frozen=True)
class Source:
    """One archive: base URI and its suites."""

    uri: str
    suites: tuple[str, ...]


def host_sources(root: Path = Path("/etc/apt")) -> tuple[Source, ...]:
    """The archives to build from, as the machine at hand reaches them.

    Raises BadInput when its apt sources name no mirror of Debian.
    """
    found = _mirrors(_entries(root))
    if not found.main:
        raise BadInput(
            "no entry for a Debian mirror",
            where=str(root),
            hint="build on Debian 12 or 13, with a deb entry for the main archive in its apt sources",
        )
    sources = [Source(found.main, (RELEASE, f"{RELEASE}-updates"))]
    if found.security:
        sources.append(Source(found.security, (f"{RELEASE}-security",)))
    return tuple(sources)


def render_sources(sources: Iterable[Source], components: Iterable[str] = COMPONENTS) -> str:
    """The sources in deb822 style, with these components of each."""
    return "\n".join(
        f"Types: deb\nURIs: {source.uri}\nSuites: {' '.join(source.suites)}\n"
        f"Components: {' '.join(components)}\nSigned-By: {KEYRING}\n"
        for source in sources
    )


@dataclass(frozen=True)
class _Mirrors:
    main: str = ""
    security: str = ""


def _mirrors(entries: Iterable[Source]) -> _Mirrors:
    """The first entry that has updates beside its release: archives of others (`stable main` of a browser) have none.
    Where no entry has, the first one of a release."""
    uris: dict[str, list[str]] = {"": [], "updates": [], "security": []}
    for entry in entries:
        for suite in entry.suites:
            release, _, pocket = suite.replace("/updates", "-security").partition("-")
            if release in HOST_RELEASES and pocket in uris:
                uris[pocket].append(entry.uri)
    releases = sorted(uris[""], key=lambda uri: uri not in uris["updates"]) or uris["updates"]
    return _Mirrors(*(next(iter(found), "") for found in (releases, uris["security"])))


def _entries(root: Path) -> Iterator[Source]:
    """The entries with component main, as apt reads them: comments may be in any encoding."""
    parts = root / "sources.list.d"
    for path in sorted(parts.glob("*.sources")) if parts.is_dir() else ():
        yield from _deb822(path.read_text(encoding="utf-8", errors="replace"))
    lists = [root / "sources.list", *(sorted(parts.glob("*.list")) if parts.is_dir() else ())]
    for path in lists:
        if path.is_file():
            yield from _one_line(path.read_text(encoding="utf-8", errors="replace"))


def _deb822(text: str) -> Iterator[Source]:
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                fields[name] += " " + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes") in _OFF or "deb" not in fields.get("types", "").split():
            continue
        if "main" in fields.get("components", "").split():
            for uri in fields.get("uris", "").split():
                yield Source(uri.rstrip("/"), tuple(fields.get("suites", "").split()))


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] != ["deb"]:
            continue
        rest = words[1:]
        if rest and rest[0].startswith("["):
            while rest and not rest.pop(0).endswith("]"):
                pass
        if "main" in rest[2:]:
            yield Source(rest[0].rstrip("/"), (rest[1],))
