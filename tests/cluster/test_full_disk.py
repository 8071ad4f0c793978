"""A disk that is full: whatever cannot be written says so, nothing is spoiled, and all goes on once there is room.

Records, the copy of them and tasks lie together on a small file system, as on a node whose root file system is full.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode

#: What a node writes while it runs.
WRITTEN = ("/var/lib/etcd", "/var/lib/trebold", "/var/log/trebol-tasks")
SMALL = "/mnt/small"
#: MiB: etcd alone takes its log twice in advance, 64 MiB each, and wants as much again.
SIZE = 320
DAEMONS = ("trebold.service", "trebol-worker.service", "trebol-store.service")
#: Writes of 48 KiB after which a store has met the end of its file system, or never will.
WRITES = 5000
LARGE = 48 * 1024
#: Seconds that a service needs to start again, during which its task runs.
LONG = 12


@pytest.fixture(scope="module")
def small(node: ContainerNode) -> Iterator[ContainerNode]:
    """The node with everything that it writes on a file system of SIZE."""
    node.run("systemctl", "stop", *DAEMONS, "trebold.socket")
    node.run("mkdir", SMALL)
    node.run("mount", "--types=tmpfs", f"--options=size={SIZE}m", "small", SMALL)
    for folder in WRITTEN:
        beside = f"{SMALL}/{folder.rpartition('/')[2]}"
        node.run("cp", "--archive", folder, beside)
        node.run("mount", "--bind", beside, folder)
    node.run("systemctl", "start", "trebold.socket", *DAEMONS)
    for unit in DAEMONS:
        node.await_state(unit)
    yield node


@pytest.fixture(scope="module")
def root(small: ContainerNode) -> ProxmoxAPI:
    """proxmoxer with a token of root: it needs no record to be written."""
    made = json.loads(
        small.run("trebol", "api", "create", "/access/users/root@pam/token/tests", "privsep=0", "--json")
    )
    return ProxmoxAPI(
        small.address, user="root@pam", token_name="tests", token_value=made["value"], verify_ssl=False, timeout=60
    )


@contextmanager
def filled(node: ContainerNode) -> Iterator[None]:
    """Not a byte is free while the block runs."""
    node.run("dd", "if=/dev/zero", f"of={SMALL}/filler", "bs=64K", check=False)
    node.run("dd", "if=/dev/zero", f"of={SMALL}/rest", "bs=1", "count=8192", check=False)
    try:
        yield
    finally:
        node.run("rm", "--force", f"{SMALL}/filler", f"{SMALL}/rest")


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and message of what is refused; (200, "") for what is not."""
    try:
        call()
    except ResourceException as error:
        return error.status_code, f"{error.status_message} {error.content}"
    return 200, ""


def describe(root: ProxmoxAPI, number: int) -> Callable[[], None]:
    """A large write that its number tells from others."""
    return lambda: root.cluster.options.put(description=f"{number} ".ljust(LARGE, "x"))


def test_a_store_without_room_says_so_and_keeps_every_write_that_it_took(
    root: ProxmoxAPI, small: ContainerNode
) -> None:
    assert refusal(describe(root, 0)) == (200, "")
    taken = 0
    with filled(small):
        for number in range(1, WRITES):
            status, message = refusal(describe(root, number))
            if status != 200:
                break
            taken = number
        assert status in (503, 507), message
        # The rest of the node shows what it knows.
        assert root("nodes").get() and root("access/users").get() and root("nodes/node1/status").get()
        assert "too little" in small.run("trebol", "node", "store", "status", check=False)
    eventually(lambda: root("cluster/status").get()[0]["quorate"] == 1)
    # The one that was refused may have been written: nobody could know.
    assert int(root.cluster.options.get()["description"].split()[0]) in (taken, taken + 1)
    eventually(lambda: refusal(describe(root, WRITES)) == (200, ""))
    assert int(root.cluster.options.get()["description"].split()[0]) == WRITES
    assert "too little" not in small.run("trebol", "node", "store", "status")


def test_a_task_that_cannot_begin_leaves_nothing_and_says_why(root: ProxmoxAPI, small: ContainerNode) -> None:
    before = {task["upid"] for task in root("nodes/node1/tasks").get()}
    with filled(small):
        status, message = refusal(lambda: root.nodes("node1").services("cron").restart.post())
        assert (status, "No space left on device" in message) == (507, True), message
        assert {task["upid"] for task in root("nodes/node1/tasks").get()} == before
    task = root.nodes("node1").services("cron").restart.post()
    assert end_of(root, task) == "OK"


def test_a_task_whose_disk_fills_up_meanwhile_says_how_it_ended(root: ProxmoxAPI, small: ContainerNode) -> None:
    folder = "/run/systemd/system/cron.service.d"
    small.run("mkdir", "--parents", folder)
    small.run("sh", "-c", f"printf '[Service]\\nExecStartPre=/usr/bin/sleep {LONG}\\n' > {folder}/long.conf")
    small.run("systemctl", "daemon-reload")
    try:
        task = root.nodes("node1").services("cron").restart.post()
        with filled(small):
            assert root.nodes("node1").tasks(task).status.get()["status"] == "running"
            assert end_of(root, task) == "OK"
    finally:
        small.run("rm", "--recursive", folder)
        small.run("systemctl", "daemon-reload")


def test_nothing_was_spoiled(root: ProxmoxAPI, small: ContainerNode) -> None:
    small.run("systemctl", "restart", *DAEMONS)
    for unit in DAEMONS:
        small.await_state(unit)
    eventually(lambda: root("cluster/status").get()[0]["quorate"] == 1)
    small.run("trebol", "node", "store", "snapshot")
    # What trebold keeps for boots without a store is whole, and up to date.
    assert json.loads(small.run("cat", "/var/lib/trebold/records.json"))
    assert all(task["status"] == "OK" for task in root("nodes/node1/tasks").get())


def end_of(root: ProxmoxAPI, task: str) -> Any:
    """How a task ended."""

    def ended() -> Any:
        seen = root.nodes("node1").tasks(task).status.get()
        return seen["status"] == "stopped" and seen["exitstatus"]

    return eventually(ended)
