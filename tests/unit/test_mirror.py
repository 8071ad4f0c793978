"""The build finds the host's mirror in whatever style its apt sources are written."""

from pathlib import Path

import pytest

from trebol_common.errors import BadInput
from trebol_image.mirror import Source, host_sources, render_sources

MAIN = "http://mirror.example.org/debian"
SECURITY = "http://mirror.example.org/debian-security"
BOTH = (
    Source(MAIN, ("trixie", "trixie-updates")),
    Source(SECURITY, ("trixie-security",)),
)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "sources.list.d/debian.sources",
            f"Types: deb\n# note\nURIs: {MAIN}\nSuites: bookworm bookworm-updates\nComponents: main\n\n"
            f"Types: deb\nURIs: {SECURITY}/\nSuites: bookworm-security\nComponents: main\n",
            BOTH,
        ),
        (
            "sources.list",
            f"# old style\ndeb [arch=amd64 signed-by=/x.gpg] {MAIN} trixie main\n"
            f"deb-src {MAIN} trixie main\ndeb {SECURITY} trixie-security main # tail\n",
            BOTH,
        ),
        (
            "sources.list",
            f"deb https://example.com/other nodistro main\ndeb {MAIN} bookworm main\n",
            BOTH[:1],
        ),
        (
            "sources.list.d/off.sources",
            f"Types: deb\nEnabled: no\nURIs: {SECURITY}\nSuites: trixie-security\nComponents: main\n\n"
            f"Types: deb\nURIs:\n {MAIN}\nSuites: trixie\nComponents: main\n",
            BOTH[:1],
        ),
    ],
)
def test_the_hosts_mirror_is_used_for_trixie(
    tmp_path: Path, name: str, text: str, expected: tuple[Source, ...]
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert host_sources(tmp_path) == expected


@pytest.mark.parametrize(
    "other",
    ["deb https://example.com/browser stable main", "deb https://example.com/containers trixie stable"],
)
def test_an_archive_of_others_is_never_taken_for_debian(tmp_path: Path, other: str) -> None:
    (tmp_path / "sources.list").write_text(
        f"{other}\ndeb {MAIN} trixie main\ndeb {MAIN} trixie-updates main\ndeb {SECURITY} trixie-security main\n"
    )
    assert host_sources(tmp_path) == BOTH


def test_a_comment_in_another_encoding_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_bytes(f"# espa\u00f1ol\ndeb {MAIN} trixie main\n".encode("latin-1"))
    assert host_sources(tmp_path) == BOTH[:1]


def test_a_host_without_a_debian_mirror_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb https://example.com/ubuntu noble main\n")
    with pytest.raises(BadInput, match="no entry for a Debian mirror"):
        host_sources(tmp_path)


def test_sources_are_rendered_with_debians_key() -> None:
    text = render_sources(BOTH)
    assert "Suites: trixie trixie-updates" in text
    assert text.count("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg") == 2


def test_zfs_comes_from_contrib_and_nothing_else_does() -> None:
    assert "contrib" not in render_sources(BOTH)
    assert render_sources(BOTH, ("main", "contrib")).count("Components: main contrib\n") == 2
