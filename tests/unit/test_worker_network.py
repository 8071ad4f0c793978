"""A change of the network: checked, tried, confirmed or undone, whatever dies meanwhile."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.network_program import NetworkPrograms
from tests.unit.test_worker_operations import do
from tests.unit.worker_context import JumpingClock, RememberingStarter, context, write

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import CommandFailed
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Interrupted, Log
from trebol_node.worker import mtus, network, trial
from trebol_node.worker import operations as ops
from trebol_node.worker.context import Context
from trebol_node.worker.errors import Modified, NotFound
from trebol_node.worker.gateway import Gateway, answers, gateways
from trebol_node.worker.netplan import HIDDEN, hide, own_interface, parse, render, unhide, with_dns

OLD = "192.0.2.1"
NEW = "198.51.100.1"


def text(gateway: str, **more: Any) -> str:
    """A netplan whose default route goes by `gateway`."""
    bridge = {"interfaces": ["nic0"], "routes": [{"to": "default", "via": gateway}], **more}
    return render({"network": {"version": 2, "renderer": "networkd", "bridges": {"vmbr0": bridge}}})


@pytest.fixture
def programs(tmp_path: Path) -> NetworkPrograms:
    write(tmp_path, "etc/netplan/50-trebol.yaml", text(OLD))
    write(tmp_path, "etc/netplan/10-other.yaml", "network: {version: 2}\n")
    return NetworkPrograms(tmp_path, {OLD, NEW})


@pytest.fixture
def on(tmp_path: Path, programs: NetworkPrograms) -> Context:
    return context(tmp_path, programs)


class Change:
    """A candidate that is applied: `run` is its task, to its end."""

    def __init__(self, on: Context, **more: Any) -> None:
        self.on = on
        do(ops.SetNetworkCandidate.of(netplan=text(NEW, **more)), on)
        self.upid = Upid.parse(do(ops.ApplyNetwork(), on, "bob@pam"))
        self.log = io.StringIO()
        # As if the task's process lived: its folder in /proc.
        fields = " ".join("0" for _field in range(18))
        self.process = write(on.machine.root, f"proc/{self.upid.pid}/stat", f"1 (t) S {fields} {self.upid.pstart} 0")

    @property
    def clock(self) -> JumpingClock:
        assert isinstance(self.on.machine.clock, JumpingClock)
        return self.on.machine.clock

    def at(self, seconds: float, act: Callable[[], Any]) -> None:
        """Do something so many seconds after the task begins."""
        self.clock.due[self.clock.now() + seconds] = act

    def run(self) -> None:
        """Be the task."""
        network.run_apply(ops.ApplyNetwork(), self.on.machine, self.upid, Log(self.log))


@pytest.fixture
def change(on: Context) -> Change:
    return Change(on)


def state(on: Context) -> tuple[str, bool, Any]:
    """Gateway of the configuration file, whether there is a candidate, and the trial."""
    seen = do(ops.ReadNetwork(), on)
    bridge = yaml.safe_load(seen["files"]["50-trebol.yaml"])["network"]["bridges"]["vmbr0"]
    return bridge["routes"][0]["via"], seen["candidate"] is not None, seen["trial"]


def leftovers(on: Context) -> set[str]:
    """What a trial has left in /run."""
    return {path.name for path in on.machine.at("run").rglob("*") if path.is_file()} - {"lock"}


def test_a_change_is_applied_by_a_task_of_who_asked(change: Change) -> None:
    assert (change.upid.kind, change.upid.id, change.upid.user) == ("srvreload", "networking", "bob@pam")
    assert isinstance(change.on.starter, RememberingStarter)
    assert change.on.starter.started[0][3]["operation"] == "network-apply"


def test_a_confirmed_change_is_the_configuration(change: Change, programs: NetworkPrograms) -> None:
    change.at(30, lambda: do(ops.ConfirmNetwork(), change.on))
    change.run()
    assert programs.applied == [NEW]
    assert state(change.on) == (NEW, False, None)
    assert leftovers(change.on) == set()
    assert change.on.machine.at("etc/netplan/50-trebol.yaml").stat().st_mode & 0o777 == 0o600
    assert change.log.getvalue().splitlines() == [
        f"gateway {NEW} answers on vmbr0",
        "confirm within 60 s to keep it",
        "confirmed: the network stays as it is",
    ]


def test_an_unconfirmed_change_is_undone_within_its_time(change: Change, programs: NetworkPrograms) -> None:
    began = change.clock.now()
    with pytest.raises(TrebolError, match="was not confirmed: the network is as it was before"):
        change.run()
    assert 60 <= change.clock.now() - began < 61
    assert programs.applied == [NEW, OLD]
    assert state(change.on) == (OLD, True, None)
    assert leftovers(change.on) == set()


def test_an_mtu_that_nobody_confirmed_is_taken_back_which_networkd_does_not_do(
    on: Context, programs: NetworkPrograms
) -> None:
    change = Change(on, mtu=1400)
    tried: list[int] = []
    change.at(5, lambda: tried.append(programs.mtus["vmbr0"]))
    with pytest.raises(TrebolError, match="was not confirmed"):
        change.run()
    assert tried == [1400]
    assert programs.mtus == {"nic0": 1500, "vmbr0": 1500}
    assert leftovers(on) == set()


def test_a_link_that_does_not_take_its_mtu_back_is_told_and_one_that_is_gone_is_not(
    programs: NetworkPrograms,
) -> None:
    said: list[str] = []
    mtus.restore(programs, {"vmbr0": 1400, "nic0": 90000, "vlan5": 1400}, said.append)
    assert programs.mtus == {"nic0": 1500, "vmbr0": 1400}
    assert said == ["nic0 keeps an MTU of 1500: 90000 is refused"]


def test_a_change_is_undone_at_once_when_asked(change: Change, programs: NetworkPrograms) -> None:
    began = change.clock.now()
    change.at(5, lambda: do(ops.RevertNetwork(), change.on))
    with pytest.raises(TrebolError, match="was not confirmed"):
        change.run()
    assert change.clock.now() - began < 6
    assert programs.applied == [NEW, OLD]


def test_a_change_that_cuts_off_the_gateway_is_undone_early(change: Change, programs: NetworkPrograms) -> None:
    programs.reachable.remove(NEW)
    began = change.clock.now()
    with pytest.raises(TrebolError, match="no gateway answers any more"):
        change.run()
    assert change.clock.now() - began < 40
    assert programs.applied == [NEW, OLD]
    assert state(change.on) == (OLD, True, None)


def test_a_gateway_that_answered_before_neither_decides_nothing(change: Change, programs: NetworkPrograms) -> None:
    programs.reachable.clear()
    change.at(50, lambda: do(ops.ConfirmNetwork(), change.on))
    change.run()
    assert state(change.on) == (NEW, False, None)
    assert "no gateway answers; none did before" in change.log.getvalue()


@pytest.mark.parametrize("error", [CommandFailed("netplan apply", 1, ("no",)), Interrupted()])
def test_a_change_that_fails_halfway_is_undone(
    change: Change, programs: NetworkPrograms, error: BaseException
) -> None:
    programs.fails = [error]
    with pytest.raises(type(error)):
        change.run()
    assert programs.applied == [NEW, OLD]
    assert state(change.on) == (OLD, True, None)


class Killed(BaseException):
    """The task dies at once: nothing of its own runs any more."""


@pytest.fixture
def killed(change: Change, monkeypatch: pytest.MonkeyPatch) -> Change:
    """A task that was killed while it waited for the confirmation."""

    def die() -> None:
        monkeypatch.setattr(network, "_conclude", lambda machine, log: False)
        change.process.unlink()
        raise Killed

    change.at(10, die)
    with pytest.raises(Killed):
        change.run()
    monkeypatch.undo()
    return change


def test_the_worker_undoes_the_change_of_a_killed_task(killed: Change, programs: NetworkPrograms) -> None:
    assert programs.applied == [NEW]
    said: list[str] = []
    network.recover(killed.on.machine, killed.on.tasks, said.append)
    assert programs.applied == [NEW, OLD]
    assert state(killed.on) == (OLD, True, None)
    assert str(killed.upid) in said[0]
    network.recover(killed.on.machine, killed.on.tasks, said.append)
    assert programs.applied == [NEW, OLD]


def test_nobody_keeps_the_change_of_a_killed_task(killed: Change) -> None:
    for operation in (ops.ConfirmNetwork(), ops.RevertNetwork()):
        with pytest.raises(NotFound, match="does not exist"):
            do(operation, killed.on)


def test_what_could_not_be_undone_is_tried_again(killed: Change, programs: NetworkPrograms) -> None:
    programs.fails = [CommandFailed("netplan apply", 1, ("no",))]
    with pytest.raises(CommandFailed):
        network.recover(killed.on.machine, killed.on.tasks, print)
    network.recover(killed.on.machine, killed.on.tasks, print)
    assert state(killed.on) == (OLD, True, None)


def test_a_boot_in_between_brings_back_what_was_before(killed: Change) -> None:
    """All that a trial writes but /run is what was there before."""
    assert killed.on.machine.at("etc/netplan/50-trebol.yaml").read_text() == text(OLD)
    kept = [path for path in killed.on.machine.root.rglob("*") if path.is_file() and NEW in path.read_text()]
    assert {path.relative_to(killed.on.machine.root).parts[0] for path in kept} == {"etc", "run"}
    assert [path.name for path in kept if "etc/trebol" in str(path)] == ["network-candidate.yaml"]


def test_a_confirmation_that_was_given_is_kept_whatever_dies_then(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker was killed between the note that it is confirmed and the file."""

    def confirm() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(trial, "keep", lambda machine: None)
            do(ops.ConfirmNetwork(), change.on)
        change.process.unlink()
        monkeypatch.setattr(network, "_conclude", lambda machine, log: True)

    change.at(10, confirm)
    change.run()
    assert state(change.on)[0] == OLD
    network.recover(change.on.machine, change.on.tasks, print)
    assert state(change.on) == (NEW, False, None)


def test_the_trial_of_a_living_task_is_left_to_it(change: Change, programs: NetworkPrograms) -> None:
    change.at(10, lambda: network.recover(change.on.machine, change.on.tasks, print))
    change.at(20, lambda: do(ops.ConfirmNetwork(), change.on))
    change.run()
    assert programs.applied == [NEW]


def test_one_change_at_a_time(change: Change) -> None:
    refused: list[str] = []

    def others() -> None:
        for operation in (
            ops.SetNetworkCandidate.of(netplan=text(OLD)),
            ops.DropNetworkCandidate(),
            ops.ApplyNetwork(),
            ops.SetDns.of(servers=["192.0.2.53"]),
        ):
            with pytest.raises(Refused, match="waits to be confirmed"):
                do(operation, change.on)
            refused.append(operation.name)
        do(ops.ConfirmNetwork(), change.on)

    change.at(10, others)
    change.run()
    assert len(refused) == 4
    assert state(change.on) == (NEW, False, None)


def test_a_change_is_confirmed_only_once_it_is_in_force(change: Change, programs: NetworkPrograms) -> None:
    programs.reachable.remove(NEW)

    def early() -> None:
        with pytest.raises(Refused, match="not to be confirmed: applying"):
            do(ops.ConfirmNetwork(), change.on)
        programs.reachable.add(NEW)

    change.at(10, early)
    change.at(20, lambda: do(ops.ConfirmNetwork(), change.on))
    change.run()
    assert state(change.on) == (NEW, False, None)


def test_without_a_change_there_is_nothing_to_apply_confirm_or_revert(on: Context) -> None:
    for operation in (ops.ApplyNetwork(), ops.ConfirmNetwork(), ops.RevertNetwork()):
        with pytest.raises(NotFound, match="does not exist"):
            do(operation, on)
    do(ops.DropNetworkCandidate(), on)


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        ("network: {nonsense: 1}", "^netplan: /etc/netplan/50-trebol.yaml:3:1: .* unknown key 'nonsense'$"),
        ("[", "is not YAML"),
        ("a: &a [x]\nnetwork: {b: *a}", "references"),
        ("bridges: {}", "no section 'network'"),
        ("- a", "no section 'network'"),
        ("network: 7", "no section 'network'"),
        ("network: {renderer: NetworkManager}", "another renderer"),
        ("network: !!python/object/apply:os.system [id]", "is not YAML"),
        ("[" * 2**16, "too deep"),
        ("- " * 2**13, "is not YAML"),
    ],
    ids=lambda value: value[:30],
)
def test_what_netplan_does_not_take_is_told_and_the_candidate_stays(on: Context, candidate: str, words: str) -> None:
    do(ops.SetNetworkCandidate.of(netplan=text(NEW)), on)
    before = do(ops.ReadNetwork(), on)
    with pytest.raises(BadInput, match=words) as caught:
        do(ops.SetNetworkCandidate.of(netplan=candidate), on)
    assert str(on.machine.root) not in str(caught.value)
    assert do(ops.ReadNetwork(), on) == before
    assert leftovers(on) == set()


def test_two_who_change_at_once_hear_of_each_other(on: Context) -> None:
    first = do(ops.SetNetworkCandidate.of(netplan=text(NEW), digest=""), on)
    assert do(ops.ReadNetwork(), on)["digest"] == first
    with pytest.raises(Modified):
        do(ops.SetNetworkCandidate.of(netplan=text(OLD), digest=""), on)
    second = do(ops.SetNetworkCandidate.of(netplan=text(OLD), digest=first), on)
    assert second != first
    do(ops.DropNetworkCandidate(), on)
    assert do(ops.ReadNetwork(), on)["digest"] == ""


def test_the_candidate_is_no_file_of_netplans_and_roots_alone(on: Context) -> None:
    do(ops.SetNetworkCandidate.of(netplan=text(NEW)), on)
    path = on.machine.at("etc/trebol/network-candidate.yaml")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in on.machine.root.rglob("netplan/*.yaml") if NEW in each.read_text()] == []


def test_secrets_are_not_shown_and_not_lost(on: Context) -> None:
    auth = {"auth": {"key-management": "802.1x", "password": "hunter2"}}
    write(on.machine.root, "etc/netplan/50-trebol.yaml", text(OLD, **auth))
    seen = do(ops.ReadNetwork(), on)
    assert "hunter2" not in str(seen)
    do(ops.SetNetworkCandidate.of(netplan=seen["files"]["50-trebol.yaml"].replace(OLD, NEW)), on)
    assert "hunter2" not in str(do(ops.ReadNetwork(), on))
    candidate = yaml.safe_load(on.machine.at("etc/trebol/network-candidate.yaml").read_text())
    assert candidate["network"]["bridges"]["vmbr0"]["auth"]["password"] == "hunter2"


def test_a_secret_that_nobody_knows_is_told() -> None:
    tree = {"a": [{"password": "x"}, {"keys": {"private": "y"}, "key": 7}]}
    hidden = {"a": [{"password": HIDDEN}, {"keys": {"private": HIDDEN}, "key": 7}]}
    assert hide(tree) == hidden
    assert unhide(hidden, tree) == tree
    with pytest.raises(BadInput, match="is not known"):
        unhide(hidden, {"a": []})


def test_a_password_of_digits_is_a_secret_too() -> None:
    tree = {"auth": {"password": 12345678}, "modem": {"pin": 1234}, "wg0": {"keys": "private"}}
    hidden = {"auth": {"password": HIDDEN}, "modem": {"pin": HIDDEN}, "wg0": {"keys": HIDDEN}}
    assert hide(tree) == hidden
    assert unhide(hidden, tree) == tree


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ({}, None),
        ({"ethernets": {"nic0": {"dhcp4": False}}}, None),
        ({"ethernets": {"nic0": {"dhcp4": True}}}, ("ethernets", "nic0")),
        ({"ethernets": {"a": {"dhcp4": True}}, "bridges": {"vmbr0": {"dhcp4": True}}}, ("bridges", "vmbr0")),
        ({"bridges": {"a": {"dhcp4": True}, "vmbr0": {"dhcp4": True}}}, ("bridges", "vmbr0")),
        (
            {"bridges": {"vmbr0": {}}, "vlans": {"v": {"routes": [{"to": "default", "via": OLD}]}}},
            ("vlans", "v"),
        ),
        ({"bridges": {"vmbr0": {"routes": [{"to": "10.0.0.0/8"}]}}}, None),
        ({"bridges": None, "ethernets": {"nic0": None}}, None),
    ],
)
def test_the_interface_with_the_nodes_address_is_found(
    network: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    assert own_interface({"network": network}) == expected


def test_name_servers_are_those_of_the_nodes_interface(on: Context, programs: NetworkPrograms) -> None:
    do(ops.SetDns.of(servers=["192.0.2.53", "2001:db8::53"], search=["example.org"]), on)
    path = on.machine.at("etc/netplan/50-trebol.yaml")
    bridge = parse(path.read_text())["network"]["bridges"]["vmbr0"]
    assert bridge["nameservers"] == {"addresses": ["192.0.2.53", "2001:db8::53"], "search": ["example.org"]}
    assert programs.seen == [("netplan", "generate"), ("networkctl", "reload")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_change_that_waits_does_not_bring_the_old_name_servers_back(on: Context) -> None:
    do(ops.SetNetworkCandidate.of(netplan=text(NEW)), on)
    do(ops.SetDns.of(servers=["192.0.2.53"]), on)
    candidate = parse(do(ops.ReadNetwork(), on)["candidate"])["network"]["bridges"]["vmbr0"]
    assert candidate["nameservers"] == {"addresses": ["192.0.2.53"]}
    assert candidate["routes"] == [{"to": "default", "via": NEW}]


def test_name_servers_that_netplan_does_not_take_leave_it_as_it_was(on: Context, programs: NetworkPrograms) -> None:
    programs.fails = [CommandFailed("netplan generate", 1, ("no",))]
    with pytest.raises(CommandFailed):
        do(ops.SetDns.of(servers=["192.0.2.53"]), on)
    assert on.machine.at("etc/netplan/50-trebol.yaml").read_text() == text(OLD)


def test_with_dhcp_the_name_servers_that_were_set_are_asked_alone() -> None:
    tree = {"network": {"bridges": {"vmbr0": {"dhcp4": True, "dhcp4-overrides": {"use-domains": True}}}}}
    changed = with_dns(tree, ["192.0.2.53"], [])
    assert changed == {
        "network": {
            "bridges": {
                "vmbr0": {
                    "dhcp4": True,
                    "dhcp4-overrides": {"use-domains": True, "use-dns": False},
                    "nameservers": {"addresses": ["192.0.2.53"]},
                }
            }
        }
    }


def test_where_trebol_has_no_netplan_resolved_is_told(on: Context, programs: NetworkPrograms) -> None:
    on.machine.at("etc/netplan/50-trebol.yaml").unlink()
    do(ops.SetDns.of(servers=["192.0.2.53"], search=["example.org"]), on)
    assert on.machine.at("etc/systemd/resolved.conf.d/60-trebol.conf").read_text() == (
        "# Written by Trebol.\n[Resolve]\nDNS=192.0.2.53\nDomains=example.org\n"
    )
    assert programs.seen == [("systemctl", "reload-or-restart", "systemd-resolved.service")]


def test_every_wrong_name_server_and_domain_is_told(on: Context) -> None:
    with pytest.raises(BadInput) as caught:
        do(ops.SetDns.of(servers=["192.0.2.53", "x", "fe80::1%eth0"], search=["a b", "-x"]), on)
    assert [(each.where, each.what) for each in caught.value.problems] == [
        ("dns2", "'x' is no address"),
        ("dns3", "'fe80::1%eth0' is no address"),
        ("search", "'a b' is no domain"),
        ("search", "'-x' is no domain"),
    ]


def test_gateways_are_those_of_the_default_routes(programs: NetworkPrograms) -> None:
    assert gateways(programs) == (Gateway(OLD, "vmbr0"),)
    assert answers(Gateway(OLD, "vmbr0"), programs)
    assert not answers(Gateway("203.0.113.1", "vmbr0"), programs)
