"""The webhook of the answers is told of the node, in the words of Proxmox VE's installer, and fails nothing."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import DHCP, answers, made_machine, manifest
from tests.unit.test_configure import Target, make_target

from trebol_common.errors import BadInput
from trebol_installer.execute.webhook import gather_news, tell_webhook
from trebol_installer.news import Made, news
from trebol_installer.plan import plan
from trebol_installer.render import render, to_json
from trebol_installer.sources import send
from trebol_installer.steps import GatherNews, TellWebhook, step_name

MADE = Made("13.1", "0123456789abcdef0123456789abcdef", {"ed25519": "ssh-ed25519 AAAA root@node1"})


def told(*changes: tuple[str, Any]) -> dict[str, Any]:
    wanted = answers(*changes)
    made = plan(made_machine(), wanted, manifest())
    return news(made_machine(), wanted, manifest(), made.steps, MADE, "#1 SMP")


def test_the_node_is_described_in_the_words_of_the_form() -> None:
    members = told()

    assert members["$schema"] == {"version": "1.2"}
    assert members["fqdn"] == "node1.example.org"
    assert members["machine-id"] == MADE.machine_id
    assert members["ssh-public-host-keys"] == {"ed25519": "ssh-ed25519 AAAA root@node1"}
    assert members["filesystem"] == "ext4"
    assert members["reboot-mode"] == "reboot"
    assert [disk["is-bootdisk"] for disk in members["disks"]].count(True) == 1
    (managed,) = (each for each in members["network-interfaces"] if each["is-management"])
    assert managed["address"] == "192.0.2.10/24"
    json.dumps(members)


def test_an_address_that_is_not_known_is_left_out() -> None:
    assert not [each for each in told(*DHCP)["network-interfaces"] if "address" in each]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ((("disk-setup.filesystem", "xfs"),), "xfs"),
        ((("disk-setup.filesystem", "btrfs"), ("disk-setup.btrfs", {"raid": "raid0"})), "btrfs (RAID0)"),
    ],
)
def test_the_file_system_is_told_with_its_level(changes: tuple[tuple[str, Any], ...], shown: str) -> None:
    assert told(*changes)["filesystem"] == shown


@dataclass
class Heard:
    """A server on loopback: what was posted to it, and what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    found = Heard()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(found.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        found.url = f"http://127.0.0.1:{serving.server_port}"
        yield found
        serving.shutdown()
        thread.join()


def target_of(folder: Path, url: str) -> Target:
    table = {"url": f"{url}/hook?key=hunter2", "auth-token": "hunter2-token"}
    target = make_target(folder, answers(("post-installation-webhook", table)))
    for kind in ("ed25519", "ecdsa"):
        target.run.inside(f"/etc/ssh/ssh_host_{kind}_key.pub").write_text(f"{kind} AAAA\n")
    target.run.inside("/etc/debian_version").write_text("13.1\n")
    target.run.inside("/etc/machine-id").write_text("0123\n")
    target.runner.expect("systemctl", "start", "trebol-live-network.service")
    return target


def tell(target: Target) -> None:
    gather_news(GatherNews(), target.run)
    tell_webhook(TellWebhook(""), target.run)


def test_the_webhook_gets_the_news_and_its_token(tmp_path: Path, heard: Heard) -> None:
    target = target_of(tmp_path, heard.url)
    tell(target)

    (body,) = heard.bodies
    assert body["token"] == "hunter2-token"
    assert (body["debian-version"], body["machine-id"]) == ("13.1", "0123")
    assert body["ssh-public-host-keys"] == {"ed25519": "ed25519 AAAA", "ecdsa": "ecdsa AAAA"}
    assert not target.events


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_cannot_be_told_is_named_in_the_log_and_fails_nothing(
    tmp_path: Path, heard: Heard, status: int
) -> None:
    heard.status = status
    target = target_of(tmp_path, heard.url)
    tell(target)

    (event,) = target.events
    assert f"{heard.url}: the server says {status}" in event.text
    assert "hunter2" not in event.text
    assert len(heard.bodies) == 1, "it is led nowhere else"


def test_a_webhook_that_is_not_there_is_told_without_its_secrets() -> None:
    with pytest.raises(BadInput) as caught:
        send("http://me:hunter2@127.0.0.1:1/hunter2", {})
    assert "hunter2" not in str(caught.value)


def test_the_plan_ends_with_the_webhook_and_holds_no_secret() -> None:
    table = {"url": "https://hook.example.org/hunter2", "auth-token": "hunter2"}
    made = plan(made_machine(), answers(("post-installation-webhook", table)), manifest())

    names = [step_name(step) for step in made.steps]
    assert names[-5:] == ["write-report", "gather-news", "close-target", "mark-finished", "tell-webhook"]
    text = render(made)
    assert "Tell the webhook at https://hook.example.org" in text
    assert "hunter2" not in text + to_json(made) + repr(made)
