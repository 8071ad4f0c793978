"""Virtual machines by the tools that people have: virsh over SSH (virt-manager's way), cockpit in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.browser import browser
from tests.cluster.eventually import eventually
from tests.cluster.guests import LOG, SAYS, Virsh, guest, virsh_over_ssh
from tests.cluster.nodes import OUT, PASSWORD, ContainerNode

#: What a browser showed last is kept there, to be looked at where a test fails.
PICTURE = OUT / "cluster/machines.png"
#: What cockpit's page asks first; where that does not pass, as without KVM, it has to be told to go on.
HARDWARE = "virt-host-validate qemu | grep 'Checking for hardware virtualization'"


@pytest.fixture(scope="module")
def virsh(node: ContainerNode, tmp_path_factory: pytest.TempPathFactory) -> Virsh:
    return virsh_over_ssh(node.address, node.key, tmp_path_factory.mktemp("virsh"))


@pytest.fixture(scope="module")
def tiny(virsh: Virsh) -> Iterator[str]:
    with guest(virsh) as name:
        yield name


def test_a_virtual_machine_is_made_over_ssh_and_runs(virsh: Virsh, node: ContainerNode, tiny: str) -> None:
    assert virsh("list", "--name") == tiny
    assert virsh("domstate", tiny) == "running"
    assert eventually(lambda: SAYS in node.run("cat", LOG))


def test_root_sees_it_in_a_browser(node: ContainerNode, tiny: str, tmp_path: Path) -> None:
    with browser(tmp_path) as page:
        page.open(f"https://{node.address}:9090/machines")
        try:
            page.see("#login-user-input").send_keys("root")
            page.see("#login-password-input").send_keys(PASSWORD)
            page.see("#login-button").click()
            page.into_frame("iframe[name='cockpit1:localhost/machines']")
            if "PASS" not in node.run("sh", "-c", HARDWARE, check=False):
                page.see("#ignore-hw-virtualization-disabled-btn").click()
            assert page.see(f"#vm-{tiny}-system-name").text == tiny
            assert page.see(f"#vm-{tiny}-system-state").text == "Running"
            # Whatever else it needs is installed too: virt-install, the list of operating systems.
            page.see("#create-new-vm:not([disabled])")
        finally:
            page.picture(PICTURE)


def test_it_is_ended_over_ssh(virsh: Virsh, tiny: str) -> None:
    virsh("destroy", tiny)
    assert virsh("domstate", tiny) == "shut off"
