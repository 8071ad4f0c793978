"""Whoever looks at the cluster is told of a certificate that ends soon, their own too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner
from trebol_node import pki
from trebol_node.cluster.view import with_warnings
from trebol_node.commands import cluster as cluster_commands
from trebol_node.pki.validity import Ending, Urgency, end_of, endings

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Trebol makes."""
    found = tmp_path_factory.mktemp("pki")
    pki.prepare(
        pki.names_of("node1", "127.0.1.1 node1", ()), CommandRunner(), folder=found, own=lambda path, group: None
    )
    return found


def own(folder: Path, end: str) -> str:
    """A certificate of somebody's own that ends then."""
    key, request = folder / "own.key", folder / "own.pem"
    runner = CommandRunner()
    runner.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key])
    runner.run(["openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=n1", "-days", end, "-out", request])
    return request.read_text()


def test_what_trebol_makes_is_spoken_of_in_2049_at_last(folder: Path) -> None:
    assert endings(NOW, folder) == ()
    found = endings(datetime(2049, 12, 1, tzinfo=UTC), folder)
    assert {each.path.name for each in found} == {"ca.pem", "api.pem", "store.pem", "client.pem"}
    assert {each.end for each in found} == {datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)}


def test_an_end_is_read_as_openssl_wrote_it(tmp_path: Path) -> None:
    for days in (1, 90, 36500):
        expected = datetime.now(UTC) + timedelta(days=days)
        assert abs(end_of(own(tmp_path, str(days))) - expected) < timedelta(minutes=5)


def test_of_a_chain_the_first_end_counts(tmp_path: Path) -> None:
    long, short = own(tmp_path, "90"), own(tmp_path, "10")
    assert end_of(long + short) == end_of(short) == end_of("Bag Attributes\n" + short + "\n" + long)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    ],
)
def test_what_is_no_certificate_is_called_so(text: str) -> None:
    with pytest.raises(BadInput):
        end_of(text)


@pytest.mark.parametrize(
    ("days", "urgency"),
    [
        (-1, "error"),
        (0, "error"),
        (6, "error"),
        (7, "warning"),
        (29, "warning"),
        (30, "info"),
        (59, "info"),
        (60, None),
    ],
)
def test_the_nearer_the_end_the_more_urgent(folder: Path, tmp_path: Path, days: int, urgency: str | None) -> None:
    (tmp_path / "api.pem").write_text((folder / "api.pem").read_text())
    now = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC) - timedelta(days=days)
    assert [(each.days, each.urgency.value) for each in endings(now, tmp_path)] == (
        [(days, urgency)] if urgency else []
    )


def test_warnings_stand_at_the_entry_of_this_node() -> None:
    shown: list[dict[str, Any]] = [{"type": "cluster"}, {"name": "n1", "local": 1}, {"name": "n2", "local": 0}]
    assert with_warnings(shown, ()) == shown
    head, mine, other = with_warnings(shown, [Ending(Path("/etc/trebol/pki/api.pem"), NOW, 6, Urgency.ERROR)])
    assert (head, other) == (shown[0], shown[2])
    assert mine["warnings"] == [
        {
            "code": "certificate-ends",
            "severity": "error",
            "path": "/etc/trebol/pki/api.pem",
            "end": "2026-11-28T12:00:00+00:00",
            "days": 6,
        }
    ]


class Answer:
    """A node that stands alone, with one certificate that has ended and one that will."""

    def __init__(self, socket: Path) -> None:
        pass

    def get(self, path: str) -> list[dict[str, Any]]:
        assert path == "/cluster/status"
        ends = [
            Ending(Path("/etc/trebol/pki/api.pem"), NOW, -1, Urgency.ERROR),
            Ending(Path("/etc/trebol/pki/ca.pem"), NOW + timedelta(days=20), 20, Urgency.WARNING),
        ]
        return with_warnings([{"type": "node", "name": "n1", "local": 1}], ends)


def test_people_are_told_which_certificate_ends_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_commands, "Api", Answer)
    told = CliRunner().invoke(cluster_commands.app, ["status"])
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "this node stands alone",
        "/etc/trebol/pki/api.pem has ended, on 2026-11-28: clients refuse it",
        "/etc/trebol/pki/ca.pem ends on 2026-12-18, in 20 days",
    ]
