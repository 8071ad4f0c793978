"""Somebody at a serial console installs with the defaults, and gets a whole node."""

from __future__ import annotations

from tests.e2e.cases import DHCP_ADDRESS, PASSWORD
from tests.e2e.typed import Typed


def test_the_screens_show_what_was_found_and_what_will_be_done(typed: Typed) -> None:
    assert "QEMU Virtual CPU" in typed.screens["hardware"]
    # The drivers that the checks try are there.
    assert "is not loaded" not in typed.screens["hardware"]
    assert "32.0 GiB" in typed.screens["disks"] and "1: GRUB for BIOS" in typed.screens["disks"]
    review = typed.screens["review"]
    assert f"node:      {typed.case.host}.example.org" in review
    assert typed.case.disk_names[0] in review
    assert "step " in typed.screens["progress"] and " so far" in typed.screens["progress"]
    # The test of the network has shown which address DHCP gives.
    assert f"https://{DHCP_ADDRESS}:9090" in typed.screens["done"]


def test_the_network_is_tried_on_the_wire(typed: Typed) -> None:
    seen = typed.screens["network"]
    assert f"{DHCP_ADDRESS}/24" in seen and f"nobody else has {DHCP_ADDRESS}" in seen
    # QEMU's network that leads nowhere gives no router out.
    assert "gateway: nobody told one" in seen


def test_no_screen_shows_a_password(typed: Typed) -> None:
    assert not any(PASSWORD in text for text in typed.screens.values())


def test_what_was_typed_is_what_the_node_is(typed: Typed) -> None:
    assert typed.ssh("hostname --fqdn").strip() in (f"{typed.case.host}.example.org", typed.case.host)
    assert "Europe/Madrid" in typed.ssh("timedatectl show --property=Timezone")
    assert 'XKBLAYOUT="es"' in typed.ssh("cat /etc/default/keyboard")


def test_the_node_runs_without_a_failed_unit(typed: Typed) -> None:
    assert typed.ssh("systemctl is-system-running").strip() == "running"


def test_the_answers_are_kept_as_a_file_that_repeats_them(typed: Typed) -> None:
    kept = typed.ssh("cat /var/log/trebol/answers.toml")
    assert typed.case.disk_names[0] in kept and 'timezone = "Europe/Madrid"' in kept
    assert PASSWORD not in kept
