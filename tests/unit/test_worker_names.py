"""What the worker does about names: the node's own, who gets in as root, whose time it follows."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.unit.worker_context import context, write

from trebol_common.errors import BadInput, Refused
from trebol_common.run import CommandFailed, ScriptedRunner
from trebol_node.system.clock import SOURCES, time_servers
from trebol_node.system.names import full_name, read_name
from trebol_node.worker import hostname
from trebol_node.worker import operations as ops
from trebol_node.worker.context import Context
from trebol_node.worker.errors import Modified
from trebol_node.worker.handlers import perform
from trebol_node.worker.hostname import renamed
from trebol_node.worker.node import digest_of
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import Request
from trebol_node.worker.ssh_keys import FILE, keys_of, with_keys

HOSTS = "127.0.0.1 localhost\n192.0.2.10 node1.example.org node1 # by the installer\n192.0.2.11 node2\n"
SETTINGS = '# Written by Trebol.\nfqdn = "node1.example.org"\nmailto = "root@example.org"\n'
BLOB = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32))).decode()
KEY = f"ssh-ed25519 {BLOB} ana@laptop"
FORCED = f'command="echo \\"no shell\\"",no-pty ssh-ed25519 {BLOB} backup'
FILE_BEFORE = f"# Ana's\n{KEY}\n\n{FORCED}\nssh-dss AAAA old\n"

RENAME = ("hostnamectl", "set-hostname", "--static", "alpha")
RESTART = ("systemctl", "try-restart", "--no-block", "trebold.service")


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def on(tmp_path: Path, runner: ScriptedRunner) -> Context:
    made = context(tmp_path, runner)
    write(tmp_path, "proc/sys/kernel/hostname", "node1\n")
    write(tmp_path, "etc/hosts", HOSTS)
    write(tmp_path, "etc/trebol/node.toml", SETTINGS)
    return made


def do(operation: Operation, on: Context) -> object:
    return perform(Request(1, "root@pam", operation), on)


def test_a_node_gets_another_name_everywhere(on: Context, runner: ScriptedRunner) -> None:
    runner.expect(*RENAME).expect(*RESTART)
    do(ops.SetHostname.of(fqdn="Alpha.example.net"), on)
    assert on.machine.text("etc/hosts") == HOSTS.replace("node1.example.org node1", "alpha.example.net alpha")
    assert 'fqdn = "alpha.example.net"\nmailto' in on.machine.text("etc/trebol/node.toml")
    assert not runner.expected


def test_a_name_that_is_not_taken_leaves_all_as_it_was(on: Context, runner: ScriptedRunner) -> None:
    runner.expect(*RENAME, stderr="Access denied", status=1)
    with pytest.raises(CommandFailed):
        do(ops.SetHostname.of(fqdn="alpha.example.net"), on)
    assert (on.machine.text("etc/hosts"), on.machine.text("etc/trebol/node.toml")) == (HOSTS, SETTINGS)


@pytest.mark.parametrize("name", ["alpha", "alpha..example.org", "localhost.example.org", "12.example.org", "a b.c"])
def test_a_name_is_refused_by_the_rules_of_the_answer_file(name: str) -> None:
    with pytest.raises(BadInput):
        ops.SetHostname.of(fqdn=name)


def test_the_name_of_another_machine_is_refused(on: Context) -> None:
    with pytest.raises(BadInput, match=r"line 3, 192\.0\.2\.11"):
        do(ops.SetHostname.of(fqdn="node2.example.org"), on)


@pytest.mark.parametrize(("ring", "refused"), [("127.0.0.1", False), ("192.0.2.11", True)])
def test_a_node_of_a_cluster_keeps_its_name(on: Context, runner: ScriptedRunner, ring: str, refused: bool) -> None:
    write(
        on.machine.root, "etc/corosync/corosync.conf", f"nodelist {{\n  node {{\n    ring0_addr: {ring}\n  }}\n}}\n"
    )
    if refused:
        with pytest.raises(Refused, match="cluster"):
            do(ops.SetHostname.of(fqdn="alpha.example.net"), on)
    else:
        runner.expect(*RENAME).expect(*RESTART)
        do(ops.SetHostname.of(fqdn="alpha.example.net"), on)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("127.0.0.1 localhost\n", "127.0.0.1 localhost\n"),
        ("127.0.1.1\tnode1\n", "127.0.1.1 a.b a\n"),
        ("192.0.2.1 node1.x.y node1 www\n", "192.0.2.1 a.b a www\n"),
        ("192.0.2.1 www node1.x.y", "192.0.2.1 www a.b a\n"),
        ("# node1 is ours\n", "# node1 is ours\n"),
        ("192.0.2.1 Node1.x.y NODE1\n", "192.0.2.1 a.b a\n"),
        ("192.0.2.1 node1 # was\x0c192.0.2.2 db\n", "192.0.2.1 a.b a # was\x0c192.0.2.2 db\n"),
    ],
)
def test_what_else_hosts_says_stays(before: str, after: str) -> None:
    assert renamed(before, "node1", "node1.x.y", "a.b") == after


@pytest.mark.parametrize("old", ["localhost", "localhost.localdomain"])
def test_a_node_without_a_name_gets_one_and_localhost_stays(old: str) -> None:
    hosts = "127.0.0.1 localhost.localdomain localhost\n::1 localhost ip6-localhost\n"
    assert renamed(hosts, "localhost", old, "a.b") == hosts


@pytest.mark.parametrize("written", [1, 2])
def test_a_change_of_the_name_that_was_cut_short_is_done_by_asking_again(
    on: Context, runner: ScriptedRunner, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = written

    class Killed(BaseException):
        """No undoing follows."""

    def write_once(path: Path, text: str, **_options: Any) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        path.write_text(text)

    runner.expect(*RENAME, status=1)
    with monkeypatch.context() as patched:
        patched.setattr(hostname, "write_text", write_once)
        with pytest.raises((Killed, CommandFailed)):
            do(ops.SetHostname.of(fqdn="alpha.example.net"), on)
    runner.expected.clear()
    runner.expect(*RENAME).expect(*RESTART)
    do(ops.SetHostname.of(fqdn="alpha.example.net"), on)
    assert on.machine.text("etc/hosts") == HOSTS.replace("node1.example.org node1", "alpha.example.net alpha")
    assert not runner.expected


def test_changes_of_one_file_are_made_one_at_a_time(on: Context) -> None:
    # Both would do alone: whichever comes first is taken.
    keys = (KEY, FORCED.partition(",no-pty ")[2])
    with on.alone, ThreadPoolExecutor(2) as threads:
        both = [threads.submit(do, ops.SetSshKeys.of(keys=[key], digest=digest_of("")), on) for key in keys]
        assert not on.machine.at(FILE).exists()
        on.alone.release()
        failures = [each.exception() for each in both]
        on.alone.acquire()
    assert sorted(type(each).__name__ for each in failures) == ["Modified", "NoneType"]


def test_the_full_name_comes_from_hosts_or_the_installer(on: Context) -> None:
    assert read_name(on.machine.root) == {"fqdn": "node1.example.org", "hostname": "node1"}
    assert full_name("node1", "127.0.0.1 localhost\n", SETTINGS) == "node1.example.org"
    assert full_name("node1", "192.0.2.1 node10.x.y\n", 'fqdn = "from-dhcp"') == "node1"


def test_keys_are_the_lines_that_let_somebody_in() -> None:
    assert keys_of(FILE_BEFORE) == (KEY, FORCED)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (KEY.replace(" ", "\t"), KEY),
        (f"{KEY} \x1b[2J\r", f"{KEY} ?[2J"),
        (f'command="a \\\\" b",no-pty\t{KEY}', f'command="a \\\\" b",no-pty {KEY}'),
    ],
)
def test_whoever_sshd_lets_in_is_shown_and_can_be_kept_or_shut_out(line: str, shown: str) -> None:
    assert keys_of(f"{line}\n") == (shown,)
    assert with_keys(f"{line}\n", [shown]) == f"{line}\n"
    assert with_keys(line, []) == ""


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x85", "\u2028", "\r"])
def test_what_stands_in_a_comment_never_becomes_a_key(end: str) -> None:
    text = f"# gone:{end}{KEY}\n"
    assert keys_of(text) == ()
    assert with_keys(text, [FORCED.partition(",no-pty ")[2]]).split("\n")[0] + "\n" == text


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        ((KEY, FORCED), FILE_BEFORE),
        ((FORCED,), FILE_BEFORE.replace(f"{KEY}\n", "")),
        ((), "# Ana's\n\nssh-dss AAAA old\n"),
        ((KEY, FORCED, f"ssh-ed25519   {BLOB}  eva"), f"{FILE_BEFORE}ssh-ed25519 {BLOB} eva\n"),
        (("", KEY, KEY, FORCED), FILE_BEFORE),
    ],
)
def test_what_is_no_key_is_never_lost(keys: tuple[str, ...], after: str) -> None:
    assert with_keys(FILE_BEFORE, keys) == after


def test_new_keys_are_refused_by_the_rules_of_the_answer_file() -> None:
    with pytest.raises(BadInput) as caught:
        with_keys("", (KEY, "ssh-ed25519 AAAA", f'from="192.0.2.1" {KEY}'))
    assert [problem.what.split()[1] for problem in caught.value.problems] == ["2", "3"]


def test_keys_are_for_root_alone_and_replaced_as_they_were_read(on: Context) -> None:
    read = do(ops.ReadSshKeys(), on)
    assert isinstance(read, dict) and read["keys"] == []
    do(ops.SetSshKeys.of(keys=[KEY], digest=read["digest"]), on)
    path = on.machine.at(FILE)
    assert path.read_text() == f"{KEY}\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with pytest.raises(Modified):
        do(ops.SetSshKeys.of(keys=[], digest=read["digest"]), on)


def test_a_file_that_is_kept_elsewhere_stays_there(on: Context) -> None:
    write(on.machine.root, "srv/keys", f"{KEY}\n")
    on.machine.at(FILE).parent.mkdir(parents=True)
    on.machine.at(FILE).symlink_to(on.machine.at("srv/keys"))
    do(ops.SetSshKeys.of(keys=[]), on)
    assert on.machine.at(FILE).is_symlink() and on.machine.text("srv/keys") == ""


def test_the_clock_follows_servers_without_a_restart(on: Context, runner: ScriptedRunner) -> None:
    write(on.machine.root, "etc/chrony/sources.d/README", "")
    runner.expect("systemctl", "is-active", "--", "chrony.service", stdout="active\n")
    runner.expect("chronyc", "reload", "sources")
    do(ops.SetTimeServers.of(servers=["192.0.2.123", "ntp.example.org"]), on)
    assert on.machine.text(SOURCES).splitlines()[1:] == [
        "server 192.0.2.123 iburst prefer trust",
        "server ntp.example.org iburst prefer trust",
    ]
    assert time_servers(on.machine.root) == ["192.0.2.123", "ntp.example.org"]
    runner.expect("systemctl", "is-active", "--", "chrony.service", stdout="inactive\n", status=3)
    do(ops.SetTimeServers.of(servers=[]), on)
    assert time_servers(on.machine.root) == [] and not on.machine.at(SOURCES).exists()


def test_servers_that_chrony_refuses_are_not_kept(on: Context, runner: ScriptedRunner) -> None:
    write(on.machine.root, SOURCES, "server 192.0.2.1 iburst\nserver \n")
    runner.expect("systemctl", "is-active", "--", "chrony.service", stdout="active\n")
    runner.expect("chronyc", "reload", "sources", status=1)
    with pytest.raises(CommandFailed):
        do(ops.SetTimeServers.of(servers=["192.0.2.2"]), on)
    assert time_servers(on.machine.root) == ["192.0.2.1"]


def test_without_chrony_there_are_no_servers(on: Context) -> None:
    assert time_servers(on.machine.root) is None
    with pytest.raises(Refused, match="not installed"):
        do(ops.SetTimeServers.of(servers=["192.0.2.2"]), on)


@pytest.mark.parametrize("server", ["192.0.2.1 iburst\ncommandkey", "2001:db8::1%x\nserver\tevil", "fe80::1%eth0"])
def test_a_server_is_a_machine(server: str) -> None:
    with pytest.raises(BadInput):
        ops.SetTimeServers.of(servers=[server])
