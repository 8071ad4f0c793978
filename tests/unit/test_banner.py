"""The banner above the login prompts, and keeping it right."""

from __future__ import annotations

import gettext
import json
import select
import socket
import string
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.messages import CATALOGUE, spanish_catalogue
from tests.unit.test_node_status import FACTS, link

from trebol_common import i18n
from trebol_common.run import Argument, CommandFailed, Completed, ScriptedRunner
from trebol_common.systemd import READY, notify
from trebol_firstboot import follow
from trebol_firstboot.banner import WIDTH, Banner, banner, render
from trebol_firstboot.cluster_seen import MEMBER, ClusterSeen, look
from trebol_firstboot.follow import boot_finished, open_network_events, publish, wait_for_change
from trebol_firstboot.hostkey import fingerprint, read_fingerprint
from trebol_hardware.checks.finding import Severity
from trebol_node.client import Unreachable
from trebol_node.cockpit import Certificates
from trebol_node.hardware import Hardware
from trebol_node.status import status
from trebol_node.store import reached

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1wTM1pPXXwBPew+ZZOXo13KqmzYsdDb14bO/BLjuw3 root@node1"
#: What `ssh-keygen -l` says of it.
FINGERPRINT = "SHA256:s8OYq+9X6GYvuP6EkzFJ26esUTsIf1IokTH9+v4Ra5U (ED25519)"

#: SHA-256 of a certificate, and as the banner shows it.
SHARED, OTHER = ":".join(["AB"] * 32), ":".join(["CD"] * 32)
SHOWN = f" Certificate  SHA-256 {SHARED[:48]}\n              {SHARED[48:]}\n"

EXAMPLE = Banner(
    host="node1.example.org",
    addresses=("192.0.2.10/24", "2001:db8::10/64"),
    management_url="https://192.0.2.10:9090/",
    fingerprint="SHA256:s8OYq+9X6GYvuP6EkzFJ26esUTsIf1IokTH9+v4Ra5U (ED25519)",
    state="running",
    failed_units=(),
    version="0.1.0",
    api_url="https://192.0.2.10:8006/",
    certificates=Certificates(SHARED, SHARED),
)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "catalogue", gettext.NullTranslations)


def test_the_console_shows_who_the_node_is_and_how_to_reach_it() -> None:
    assert render(EXAMPLE) == (
        "\n"
        "-------------------------------------------------------------------------------\n"
        " Trebol 0.1.0\n"
        "-------------------------------------------------------------------------------\n"
        " Host         node1.example.org\n"
        " Addresses    192.0.2.10/24\n"
        "              2001:db8::10/64\n"
        " Management   https://192.0.2.10:9090/\n"
        f" API          https://192.0.2.10:8006/\n{SHOWN}"
        " SSH host key SHA256:s8OYq+9X6GYvuP6EkzFJ26esUTsIf1IokTH9+v4Ra5U (ED25519)\n"
        " State        running\n"
        "-------------------------------------------------------------------------------\n"
        "\n"
    )


def test_a_management_page_with_a_certificate_of_its_own_has_that_below_it() -> None:
    shown = render(replace(EXAMPLE, certificates=Certificates(SHARED, OTHER)))
    assert f" Management   https://192.0.2.10:9090/\n{SHOWN.replace('AB', 'CD')} API " in shown
    assert f"https://192.0.2.10:8006/\n{SHOWN}" in shown


def test_a_node_without_certificates_has_no_line_of_them() -> None:
    shown = render(replace(EXAMPLE, certificates=Certificates()))
    assert "Certificate" not in shown and "https://192.0.2.10:8006/" in shown


def test_a_node_without_address_says_what_it_waits_for() -> None:
    shown = render(
        replace(EXAMPLE, addresses=(), management_url=None, api_url=None, fingerprint=None, state="starting")
    )
    assert "none yet - waiting for the network" in shown
    assert "not reachable without an address" in shown
    assert "not made yet" in shown
    assert "State        starting" in shown


def test_failed_units_are_named() -> None:
    shown = render(replace(EXAMPLE, state="degraded", failed_units=("a.service", "b.service")))
    assert "running, but these units failed: a.service, b.service" in shown


def test_a_state_that_nobody_knows_is_shown_as_it_is() -> None:
    assert "State        offline" in render(replace(EXAMPLE, state="offline"))


@settings(deadline=None)
@given(st.text(max_size=200), st.lists(st.text(alphabet=string.printable, max_size=120), max_size=40).map(tuple))
def test_nothing_in_a_name_breaks_the_screen(name: str, units: tuple[str, ...]) -> None:
    """No line wraps, nothing moves the cursor, and agetty finds no escape."""
    shown = render(replace(EXAMPLE, host=name, state="degraded", failed_units=units))
    for line in shown.split("\n"):
        assert len(line.replace("\\\\", "\\")) <= WIDTH
        assert line.isprintable()
        assert "\\" not in line.replace("\\\\", "")


def test_what_went_wrong_with_the_first_boot_stands_on_the_console() -> None:
    told = "failed: executable - see: trebol firstboot status"
    assert f"\n First boot   {told}\n" in render(replace(EXAMPLE, first_boot=told))
    assert "First boot" not in render(EXAMPLE)


def test_the_banner_follows_from_the_status() -> None:
    found = banner(status(replace(FACTS, links=(link("vmbr0", "192.0.2.10/24"),), state="starting")), "SHA256:x")
    assert json.loads(found.to_json()) == {
        "host": "node1",
        "addresses": ["192.0.2.10/24"],
        "management_url": "https://192.0.2.10:9090/",
        "fingerprint": "SHA256:x",
        "state": "starting",
        "failed_units": [],
        "version": "0.1.0",
        "hardware": None,
        "api_url": "https://192.0.2.10:8006/",
        "certificates": {"api": None, "management": None},
        "first_boot": None,
        "cluster": None,
    }


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (ClusterSeen("clover", 3, 3, quorate=True), " Cluster      clover: 3 of 3 nodes, quorate\n"),
        (ClusterSeen("clover", 3, 1, quorate=False), " Cluster      clover: 1 of 3 nodes, NO QUORUM\n"),
        (
            ClusterSeen("clover", 3, 1, quorate=False, silent=True),
            " Cluster      clover: corosync is silent on this node\n",
        ),
    ],
)
def test_a_cluster_has_a_line_with_its_members_and_quorum(seen: ClusterSeen, told: str) -> None:
    assert told in render(replace(EXAMPLE, cluster=seen))
    assert "Cluster" not in render(EXAMPLE)


class Answering:
    """An API with two members, one of them away, and a node that joins."""

    def get(self, path: str) -> list[dict[str, object]]:
        assert path == "/cluster/status"
        nodes = [("n1", {"online": 1}), ("n2", {"online": 0}), ("n3", {"online": 0, "joining": 1})]
        return [
            {"type": "cluster", "name": "clover", "quorate": 1},
            *({"type": "node", "name": name, **how} for name, how in nodes),
        ]


class Silent:
    """An API that does not answer."""

    def get(self, path: str) -> None:
        raise Unreachable("the node's daemon does not answer")


def test_the_cluster_is_asked_for_by_its_members_alone_and_a_silent_daemon_tells_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, Answering()) is None  # type: ignore[arg-type]
    (tmp_path / MEMBER).parent.mkdir(parents=True)
    (tmp_path / MEMBER).write_text("{}")
    assert look(tmp_path, Answering()) == ClusterSeen("clover", 2, 1, quorate=True)  # type: ignore[arg-type]
    assert look(tmp_path, Silent()) is None  # type: ignore[arg-type]
    assert str(reached.PATH).removeprefix("/") == MEMBER


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (Severity.FAIL, " Hardware     failed: KVM - see: trebol check\n"),
        (Severity.WARN, " Hardware     warning: KVM - see: trebol check\n"),
        (Severity.UNKNOWN, ""),
        (Severity.PASS, ""),
    ],
)
def test_what_the_hardware_checks_found_has_a_line_where_there_is_something_to_do(
    severity: Severity, expected: str
) -> None:
    shown = render(replace(EXAMPLE, hardware=Hardware(severity, "kvm-usable", "KVM", 2)))
    assert shown.replace(expected, "") == render(EXAMPLE)
    assert expected in shown


def test_fingerprints_are_those_of_ssh_keygen() -> None:
    assert fingerprint(KEY) == FINGERPRINT


def test_the_best_host_key_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "etc/ssh"
    folder.mkdir(parents=True)
    assert read_fingerprint(tmp_path) is None
    (folder / "ssh_host_rsa_key.pub").write_text("ssh-rsa AAAA\n")
    assert str(read_fingerprint(tmp_path)).endswith("(RSA)")
    (folder / "ssh_host_ed25519_key.pub").write_text(KEY)
    assert read_fingerprint(tmp_path) == FINGERPRINT
    (folder / "ssh_host_ed25519_key.pub").write_text("damaged")
    assert str(read_fingerprint(tmp_path)).endswith("(RSA)")


def test_login_prompts_are_redrawn_only_when_the_banner_changed(tmp_path: Path) -> None:
    issue = tmp_path / "issue.d/trebol.issue"
    runner = ScriptedRunner().expect("agetty", "--reload").expect("agetty", "--reload")
    assert publish("one\n", issue, runner)
    assert not publish("one\n", issue, runner)
    assert publish("two\n", issue, runner)
    assert issue.read_text() == "two\n"
    assert issue.stat().st_mode & 0o777 == 0o644
    assert runner.expected == []


def test_a_burst_of_events_is_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "QUIET", 0.1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.setblocking(False)
        for _ in range(10):
            theirs.send(b"event")
        started = time.monotonic()
        wait_for_change([ours], 30)
        assert time.monotonic() - started < 10
        with pytest.raises(BlockingIOError):
            ours.recv(100)


def test_events_that_never_end_do_not_hold_the_banner_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "LONGEST_BURST", 0.2)
    monkeypatch.setattr(follow, "_drain", lambda event: None)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        theirs.send(b"event")
        wait_for_change([ours], 30)


@pytest.mark.parametrize("abstract", [False, True])
def test_login_prompts_wait_for_the_first_banner(tmp_path: Path, abstract: bool) -> None:
    address = f"@trebol-test-{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address.replace("@", "\0", 1) if abstract else address)
        notify(READY, address)
        assert systemd.recv(100) == b"READY=1"


def test_outside_of_systemd_nobody_is_told() -> None:
    notify(READY, "")


def test_the_end_of_the_boot_is_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "QUIET", 0.1)
    runner = ScriptedRunner().expect("systemctl", "is-system-running", "--wait", stdout="degraded\n", status=1)
    with boot_finished(runner) as event:
        assert select.select([event], [], [], 10)[0] == [event]
        wait_for_change([event], 0)
        assert select.select([event], [], [], 0)[0] == []


def test_a_system_without_systemd_never_finishes_to_boot() -> None:
    class NoPrograms(ScriptedRunner):
        def run(self, command: Sequence[Argument], **options: Any) -> Completed:
            raise CommandFailed("systemctl", 127, ())

    with boot_finished(NoPrograms()) as event:
        assert select.select([event], [], [], 0.2)[0] == []


def test_without_events_the_state_is_looked_at_after_a_while() -> None:
    with open_network_events() as events:
        wait_for_change([events], 0)


@pytest.fixture
def spanish(tmp_path: Path) -> gettext.NullTranslations:
    return spanish_catalogue(tmp_path)


def test_the_banner_speaks_spanish(spanish: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "catalogue", lambda: spanish)
    shown = render(replace(EXAMPLE, state="degraded", failed_units=("a.service",)))
    assert " Direcciones  192.0.2.10/24" in shown
    assert " Gestión      https" in shown
    assert "en marcha, pero fallaron estas unidades: a.service" in shown


def test_every_text_of_the_banner_is_translated(
    spanish: gettext.NullTranslations, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Recorder(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            asked.append(message)
            return message

    monkeypatch.setattr(i18n, "catalogue", Recorder)
    render(EXAMPLE)
    render(replace(EXAMPLE, addresses=(), management_url=None, fingerprint=None))
    for severity in (Severity.WARN, Severity.FAIL):
        render(replace(EXAMPLE, hardware=Hardware(severity, "kvm-usable", "KVM")))
    assert len(asked) > 10
    same = {"Hardware"}
    assert [message for message in asked if spanish.gettext(message) == message and message not in same] == []


def test_languages_without_catalogue_stay_english() -> None:
    assert CATALOGUE(language="tlh").gettext("running") == "running"
