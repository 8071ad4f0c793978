"""What is personal to a node is made on it: two nodes from one medium have nothing of it in common."""

from __future__ import annotations

import pytest
from tests.e2e.lab import Farm
from tests.e2e.nodes import Identity, Node

PAIR = ("bios", "uefi")


@pytest.fixture(scope="module")
def identities(farm: Farm) -> tuple[Identity, Identity]:
    """Those of two nodes; each is let go at once, because the other may need its place."""
    found = []
    for name in PAIR:
        node = farm.get(name)
        assert isinstance(node, Node)
        found.append(node.identity)
        farm.let_go(name)
    one, other = found
    return one, other


@pytest.mark.machines(*PAIR)
def test_each_node_has_its_own_machine_id(identities: tuple[Identity, Identity]) -> None:
    one, other = identities
    assert len(one.machine_id) == len(other.machine_id) == 32
    assert one.machine_id != other.machine_id


@pytest.mark.machines(*PAIR)
def test_each_node_has_its_own_ssh_host_keys(identities: tuple[Identity, Identity]) -> None:
    one, other = identities
    assert {key.split()[0] for key in one.host_keys} >= {"ssh-ed25519", "ecdsa-sha2-nistp256"}
    assert one.host_keys.isdisjoint(other.host_keys)


@pytest.mark.machines(*PAIR)
def test_no_disk_partition_or_file_system_has_the_uuid_of_another_nodes(
    identities: tuple[Identity, Identity],
) -> None:
    one, other = identities
    assert len(one.uuids) >= 6  # partition table, three partitions, ESP, LVM, root, swap
    assert one.uuids.isdisjoint(other.uuids)
