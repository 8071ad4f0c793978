"""A running node is kept: its packages, who gets in as its root, its report, last its name."""

from __future__ import annotations

import json

from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlUgM5ZJaRMdS1qxeE36bdHDfM8EnK8yH2vGtC/0jXQ ana@laptop"

#: A package of two versions, in a place of its own; the second restarts both daemons while it is set up, as an
#: upgrade of Trebol does.
PLACE = r"""
set -e
rm -f /etc/apt/sources.list.d/*
for version in 1 2; do
    mkdir -p /srv/toy/$version/DEBIAN
    printf 'Package: toy\nVersion: %s\nArchitecture: all\nMaintainer: X <x@example.org>\nDescription: toy\n' \
        $version > /srv/toy/$version/DEBIAN/control
done
printf '#!/bin/sh\nsystemctl restart trebol-worker trebold\nsleep 2\necho it went to its end\n' \
    > /srv/toy/2/DEBIAN/postinst
chmod 755 /srv/toy/2/DEBIAN/postinst
mkdir -p /srv/place
dpkg-deb --build /srv/toy/1 /srv/toy/toy_1.deb
dpkg-deb --build /srv/toy/2 /srv/place/toy_2.deb
dpkg -i /srv/toy/toy_1.deb
cd /srv/place
apt-ftparchive packages . > Packages
echo 'deb [trusted=yes] file:/srv/place ./' > /etc/apt/sources.list.d/toy.list
"""


def trebol(node: ContainerNode, *words: str) -> str:
    """What `trebol node WORDS` says."""
    return node.run("trebol", "node", *words)


def await_words(node: ContainerNode, command: str, words: str) -> None:
    """Wait until a command of the shell says this."""

    def said() -> str:
        text = node.run("sh", "-c", command, check=False)
        assert words in text, text
        return text

    eventually(said)


def test_a_mirror_that_does_not_answer_is_told(node: ContainerNode) -> None:
    said = node.run("trebol", "node", "update", "--refresh", check=False)
    assert "Temporary failure resolving" in said and "command 'apt-get update' failed" in said


def test_an_upgrade_outlives_the_restart_of_both_daemons(node: ContainerNode) -> None:
    node.run("sh", "-c", PLACE)
    trebol(node, "update", "--refresh")
    assert [each["Package"] for each in json.loads(trebol(node, "update", "--json"))] == ["toy"]
    said = trebol(node, "update", "--apply")
    assert "it went to its end" in said and "upgraded: toy:all 1 → 2" in said and "no reboot is due" in said
    assert json.loads(trebol(node, "update", "--json")) == []


def test_a_key_gets_root_in(node: ContainerNode) -> None:
    node.run("sh", "-c", f"echo '{KEY}' > /tmp/ana.pub")
    before = node.run("cat", "/root/.ssh/authorized_keys")
    assert trebol(node, "ssh-keys", "--add", "/tmp/ana.pub") == f"{before}{KEY}\n"
    assert node.run("cat", "/root/.ssh/authorized_keys") == f"{before}{KEY}\n"
    assert node.run("stat", "--format=%a", "/root/.ssh", "/root/.ssh/authorized_keys").split() == ["700", "600"]


def test_a_report_lies_where_its_task_says(node: ContainerNode) -> None:
    upid = node.run("trebol", "api", "create", "/nodes/localhost/report").strip()
    path = trebol(node, "tasks", upid, "--wait").splitlines()[-2]
    assert "==== status ====" in node.run("cat", path)


def test_the_node_gets_another_name_and_its_certificate_with_it(node: ContainerNode) -> None:
    assert trebol(node, "name", "alpha.example.net").strip() == "alpha.example.net"
    await_words(node, "trebol api get /nodes --json", '"node": "alpha"')
    assert f"{node.address} alpha.example.net alpha" in node.run("cat", "/etc/hosts")
    shown = f"openssl s_client -connect {node.address}:8006 </dev/null | openssl x509 -noout -ext subjectAltName"
    await_words(node, shown, "DNS:alpha.example.net")


def test_a_name_that_somebody_else_gives_is_followed(node: ContainerNode) -> None:
    node.run("hostnamectl", "set-hostname", "beta")
    await_words(node, "trebol api get /nodes --json", '"node": "beta"')
