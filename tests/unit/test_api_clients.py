"""What existing clients of Proxmox VE get of a node: proxmoxer and plain HTTP against a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import proxmoxer
import pytest
from tests.unit.api_node import NODE, ROOT_PASSWORD, LiveNode, context, serving


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveNode]:
    folder = tmp_path_factory.mktemp("node")
    with serving(context(folder), folder) as found:
        yield found


def by_password(node: LiveNode, user: str = "root@pam", password: str = ROOT_PASSWORD) -> Any:
    return proxmoxer.ProxmoxAPI(
        "127.0.0.1", port=node.port, user=user, password=password, verify_ssl=str(node.certificate)
    )


def test_proxmoxer_signs_in_and_reads(node: LiveNode) -> None:
    api = by_password(node)
    assert api.version.get()["version"]
    assert [each["name"] for each in api.cluster.status.get()] == [NODE]
    assert api.cluster.resources.get(type="node")[0]["maxcpu"] == 4
    assert api.cluster.resources.get(type="vm") == []
    assert api.cluster.nextid.get() == "100"
    assert {"subdir": "status", "name": "status"} in api.cluster.get()


def test_proxmoxer_shows_why_something_went_wrong(node: LiveNode) -> None:
    api = by_password(node)
    with pytest.raises(proxmoxer.ResourceException) as caught:
        api.cluster.resources.get(type="nonsense")
    assert caught.value.status_code == 400
    assert "Parameter verification failed." in str(caught.value)
    assert "type" in caught.value.errors
    with pytest.raises(proxmoxer.ResourceException, match="Method 'GET /storage' not implemented"):
        api.storage.get()


def test_a_wrong_password_is_no_ticket(node: LiveNode) -> None:
    with pytest.raises(proxmoxer.AuthenticationError):
        by_password(node, password="wrong")
