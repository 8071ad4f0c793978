"""A join ends with the node joined, or as before, whichever of its programs fails and whatever the member refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.test_cluster_view import membership

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import CommandFailed, CommandRunner, Completed
from trebol_node import pki
from trebol_node.cluster import join
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.diagnosis import crm_mon
from trebol_node.cluster.here import corosync
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.here.pacemaker import is_ready
from trebol_node.cluster.join import Join
from trebol_node.cluster.member import PATIENCE, Credentials
from trebol_node.cluster.steps import engine
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.token import Token
from trebol_node.cluster.voters.members import IN_SYNC
from trebol_node.cluster.waiting import Waits
from trebol_node.keys import prepare_node
from trebol_node.store import reached

LINKS = [
    {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "192.0.2.12", "prefixlen": 24, "scope": "global"}]}
]
ANEW = "systemctl try-restart --no-block trebold.service cockpit.service"
#: A fence device that runs on the node names it once more.
ONLINE = """<pacemaker-result><summary><current_dc present="true"/></summary>
<nodes><node name="n2" online="true"/></nodes>
<resources><resource id="f" active="true"><node name="n2" id="2" cached="true"/></resource></resources>
</pacemaker-result>"""


@dataclass
class Programs:
    """A node's programs: openssl is itself, the others say what they say where all is well. The one at `fails`, by
    its place among all that are run, fails."""

    fails: int | None = None
    run_so_far: list[str] = field(default_factory=list)
    #: Of trebold, while it begins anew.
    states: list[str] = field(
        default_factory=lambda: [
            "ActiveState=deactivating\nJob=7\n",
            "ActiveState=inactive\nJob=7\n",
            "ActiveState=activating\nJob=7\n",
            "ActiveState=active\nJob=7\n",
            "ActiveState=active\n",
        ]
    )
    running: set[str] = field(default_factory=lambda: {"trebol-store.service"})

    def run(self, command: Sequence[Any], *, check: bool = True, **options: Any) -> Completed:
        words = [str(word) for word in command]
        self.run_so_far.append(" ".join(words))
        if len(self.run_so_far) - 1 == self.fails:
            raise CommandFailed(words[0], 1, ["it failed"])
        if words[0] == "openssl":
            return CommandRunner().run(words, check=check)
        if words[:2] == ["systemctl", "show"]:
            return Completed(0, self.states.pop(0))
        if words[0] == "systemctl":
            change = self.running.add if words[1] in ("enable", "start", "restart") else self.running.discard
            change(words[-1])
        said = {"ip": json.dumps(LINKS), "crm_mon": ONLINE}
        return Completed(0, said.get(words[0], ""))


#: Tests put another one in its place.
MEASURE = Join._measure

CREDENTIALS = Credentials("00" * 8, SecretStr("11" * 16), "n2", "2" * 32)


@dataclass
class FakeMember:
    """A member that lets everybody in, but for what it refuses."""

    refuses: str = ""
    asked: list[str] = field(default_factory=list)
    authority: Path = Path()
    credentials: Credentials = CREDENTIALS
    patience: float = PATIENCE

    def post(self, path: str, **fields: str) -> Any:
        self.asked.append(path)
        if path == self.refuses:
            raise Refused("refuses", where=path)
        totem = Totem.first("clover", "n1", {0: "192.0.2.11"}).with_node("n2", {0: "192.0.2.12"})
        pair = pki.AUTHORITY.pair(self.authority)
        return {
            "/admit": {"cluster": {"name": "clover"}, "members": [{"name": "n1"}], "id": 2},
            "/keys": {
                "authority-key": pair.key.read_text() if pair.key.exists() else "",
                "authority": pair.certificate.read_text() if pair.certificate.exists() else "",
                "corosync-key": "Qw==",
            },
            "/store": {"votes": True, "voters": {"n1": "192.0.2.11", "n2": "192.0.2.12"}},
            "/corosync": {"text": totem.render(), "nodes": ["n1", "n2"]},
        }.get(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CA of the cluster."""
    folder = tmp_path_factory.mktemp("authority")
    pki.prepare(pki.names_of("n1", "", []), CommandRunner(), folder=folder, own=lambda path, group: None)
    return folder


@pytest.fixture(scope="module")
def token() -> str:
    """One that looks like one."""
    made = Token("clover", "c1", (Address("192.0.2.11"),), "ab" * 32, "00" * 8, SecretStr("11" * 16), 2_000_000_000)
    return made.reveal()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node that stands alone, to be copied."""
    root = tmp_path_factory.mktemp("alone")
    texts = {
        "proc/sys/kernel/hostname": "n2\n",
        "etc/machine-id": "2" * 32 + "\n",
        "etc/hosts": "127.0.0.1 localhost\n192.0.2.12 n2\n",
        "etc/corosync/corosync.conf": "# Debian's\n",
        "var/lib/etcd/trebol/member/db": "its own records",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("etc/cockpit/ws-certs.d", "var/lib/corosync", "var/lib/pacemaker/cib"):
        (root / name).mkdir(parents=True)
    prepare_node(root, Programs(), own=lambda path, group: None)
    return root


@pytest.fixture
def node(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a node of that name."""
    monkeypatch.setattr(corosync, "read", lambda runner: membership(1, 2))
    # What is measured, and what follows, has tests of its own.
    monkeypatch.setattr(Join, "_measure", lambda join, work: None)
    return lambda name: Path(shutil.copytree(alone, tmp_path / name, symlinks=True))


def everything(root: Path) -> dict[str, bytes]:
    """All files of the node, but for its journal's lock."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(root)): path.read_bytes() for path in files if path.name != "lock"}


def run(root: Path, programs: Programs, member: FakeMember, token: str) -> list[str]:
    """Join; the lines of its log."""
    seconds = iter(range(10**6))
    here = Here(
        root, programs, own=lambda path, group: None, pause=lambda _seconds: None, clock=lambda: float(next(seconds))
    )
    said: list[str] = []
    steps = Join(here, lambda addresses, credentials: member).steps()  # type: ignore[arg-type, return-value]
    engine.start(
        root / "var/lib/trebol/cluster",
        join.KIND,
        steps,
        arguments={"links": {"0": "192.0.2.12"}, "peer": None, "patience": 3},
        secrets={"token": token},
        say=said.append,
    )
    return said


def test_a_node_that_joined_has_the_clusters_keys_store_and_corosync(
    node: Callable[[str], Path], authority: Path, token: str
) -> None:
    root = node("n2")
    programs, member = Programs(), FakeMember(authority=authority)

    said = run(root, programs, member, token)

    assert said == [
        *(
            "1/8 admit",
            "2/8 preflight",
            "3/8 keys",
            "4/8 store",
            "5/8 corosync",
            "6/8 pacemaker",
            "7/8 vote",
            "8/8 end",
        ),
    ]
    assert member.asked == ["/admit", "/keys", "/store", "/corosync", "/vote", "/end"]
    assert (root / "etc/trebol/pki/ca.pem").read_text() == (authority / "ca.pem").read_text()
    assert "cluster_name: clover" in (root / "etc/corosync/corosync.conf").read_text()
    assert "initial-cluster-state: existing" in (root / "etc/trebol/store.yaml").read_text()
    assert reached.read(root / "etc/trebol/store-urls.json")[0] == "https://127.0.0.1:2379"
    assert (root / "etc/corosync/authkey").stat().st_mode & 0o777 == 0o400
    assert programs.running >= {"trebol-store.service", "corosync.service", "pacemaker.service"}
    # The daemons begin anew while pacemaker comes online, and are waited for.
    assert programs.run_so_far.index(ANEW) < programs.run_so_far.index("crm_mon --one-shot --output-as=xml")
    assert programs.states == []
    assert not list((root / "var/lib/trebol/cluster").glob("*.json"))


@pytest.mark.parametrize("refuses", ["/admit", "/keys", "/store", "/corosync"])
def test_what_the_member_refuses_leaves_the_node_as_before(
    node: Callable[[str], Path], authority: Path, token: str, refuses: str
) -> None:
    root = node("n2")
    before, programs = everything(root), Programs()

    with pytest.raises(Refused, match="refuses"):
        run(root, programs, FakeMember(refuses, authority=authority), token)

    assert everything(root) == before
    assert programs.running == {"trebol-store.service"}
    # Those that have the cluster's certificates have their own again.
    assert (ANEW in programs.run_so_far) == (refuses in ("/store", "/corosync"))


def test_whichever_program_fails_the_node_is_as_before_or_has_joined(
    node: Callable[[str], Path], authority: Path, token: str
) -> None:
    """Each program that a join runs fails in turn."""
    outcomes = []
    for number in range(100):
        root = node(str(number))
        before, programs = everything(root), Programs(fails=number)
        try:
            run(root, programs, FakeMember(authority=authority), token)
        except TrebolError:
            asked = programs.run_so_far[number]
            beyond = "systemctl show" in asked
            if not beyond:
                assert everything(root) == before, asked
                assert programs.running == {"trebol-store.service"}, asked
            outcomes.append(beyond)
        else:
            if number >= len(programs.run_so_far):
                break
    assert len(outcomes) > 15 and sum(outcomes) == len(Programs().states)


def test_a_busy_member_is_waited_for_and_not_for_ever(
    node: Callable[[str], Path], authority: Path, token: str
) -> None:
    class Busy(FakeMember):
        def post(self, path: str, **fields: str) -> Any:
            if path == "/admit" and self.asked.count("/admit") < turns:
                self.asked.append(path)
                raise Waits("joins at the moment, since now: one change at a time", where="n9")
            return super().post(path, **fields)

    for turns, joined in ((2, True), (9, False)):
        root = node(str(turns))
        member = Busy(authority=authority)
        if joined:
            said = run(root, Programs(), member, token)
            assert [line for line in said if line.startswith("waiting: n9: joins at the moment")]
        else:
            with pytest.raises(Refused, match="joins at the moment"):
                run(root, Programs(), member, token)


def test_a_vote_is_waited_for_longer_than_the_member_waits_for_it(
    node: Callable[[str], Path], authority: Path, token: str
) -> None:
    class Slow(FakeMember):
        def post(self, path: str, **fields: str) -> Any:
            if path == "/vote":
                assert self.patience > IN_SYNC, "else the answer, or the reason, is lost"
            return super().post(path, **fields)

    member = Slow(authority=authority)
    run(node("n"), Programs(), member, token)
    assert "/vote" in member.asked


def test_a_join_that_meets_anothers_preflight_waits(
    node: Callable[[str], Path], authority: Path, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def ask(*_given: Any, **_how: Any) -> Any:
        measured.append(1)
        if len(measured) < 3:
            raise Waits("is measured at the moment: one node at a time", where="n9")
        raise BadInput("its turn came", where="n2")

    root = node("n")
    monkeypatch.setattr(Join, "_measure", MEASURE)
    monkeypatch.setattr(join, "introduction", lambda member, here: "")
    monkeypatch.setattr(join, "ask", ask)
    with pytest.raises(BadInput, match="its turn came"):
        run(root, Programs(), FakeMember(authority=authority), token)
    assert len(measured) == 3


def test_pacemaker_is_ready_on_a_node_once_that_is_no_longer_pending() -> None:
    assert is_ready(crm_mon.parse(ONLINE), "n2")
    pending = ONLINE.replace("/></nodes>", ' standby="true" pending="true"/></nodes>')
    assert not is_ready(crm_mon.parse(pending), "n2")
