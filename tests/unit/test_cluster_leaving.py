"""A node leaves where the others do without it, and leaves nothing behind; cut short, it goes on or goes back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest
from tests.unit.cluster_of_three import NAMES, address, records_of, seen, totem_of
from tests.unit.cluster_tokens import NOW

from trebol_common.errors import Refused, TrebolError
from trebol_common.run import Argument, CommandRunner, Completed
from trebol_node.cluster import leave
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.here import certificates, store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.leave import How, Leave
from trebol_node.cluster.records import State
from trebol_node.cluster.steps import disk, engine
from trebol_node.cluster.voters.members import Member as Voter
from trebol_node.facts import ADDRESSES
from trebol_node.keys import names_now
from trebol_node.pki import API, AUTHORITY, FOLDER, prepare
from trebol_node.store import reached
from trebol_node.store.configuration import PATH, Configuration, of_cluster, parse, render
from trebol_node.store.errors import Unavailable
from trebol_node.store.records import MemoryRecords

#: Of which nodes n1 leaves, which are online, and what is said against it.
SPARES: Mapping[str, tuple[Collection[str], Collection[str], str]] = {
    "of two": (("n1", "n2"), ("n1", "n2"), ""),
    "of two, the other is dead": (("n1", "n2"), ("n1",), "0 of 1 votes"),
    "of three": (NAMES, NAMES, ""),
    "of three, one is dead": (NAMES, ("n1", "n2"), "1 of 2 votes"),
    "of four, one is dead": ((*NAMES, "n4"), NAMES, "2 of 3 votes"),
    "of five, one is dead": ((*NAMES, "n4", "n5"), (*NAMES, "n4"), ""),
}


@pytest.mark.parametrize("case", SPARES)
def test_a_node_stays_that_the_others_need_for_their_quorum(case: str) -> None:
    names, online, says = SPARES[case]
    if not says:
        leave.require_spare(totem_of(names), "n1", seen(names, online))
        return
    with pytest.raises(Refused) as caught:
        leave.require_spare(totem_of(names), "n1", seen(names, online))
    assert says in str(caught.value) and "trebol cluster remove NODE --dead" in str(caught.value)


ALONE = MemoryRecords()

#: What is asked of which records, and what is said.
LEAVES: Mapping[str, tuple[Callable[[], object], str]] = {
    "alone": (lambda: leave.require_member(ALONE, "n1"), "is of no cluster"),
    "alone, as the last": (lambda: leave.require_last(ALONE, "n1"), "is of no cluster"),
    "the last": (lambda: leave.require_member(records_of("n1"), "n1"), "trebol cluster leave --last"),
    "as the last, which it is not": (lambda: leave.require_last(records_of(*NAMES), "n1"), "there is n2, n3"),
    "removed": (lambda: leave.require_member(records_of(*NAMES), "n4"), "trebol cluster leave --forced"),
}


@pytest.mark.parametrize("case", LEAVES)
def test_who_cannot_leave_is_told_what_to_do_instead(case: str) -> None:
    ask, says = LEAVES[case]
    with pytest.raises(Refused) as caught:
        ask()
    assert says in str(caught.value)


class Machine:
    """Runs openssl; systemctl does nothing; `ip` tells of one address. `ran` has all but openssl."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []

    def run(self, command: list[Argument], **how: object) -> Completed:
        arguments = tuple(map(str, command))
        if arguments[0] == "openssl":
            return CommandRunner().run(command)
        self.ran.append(arguments)
        link = {
            "ifname": "vmbr0",
            "addr_info": [{"family": "inet", "local": address("n1"), "prefixlen": 24, "scope": "global"}],
        }
        return Completed(0, json.dumps([link]) if arguments == tuple(ADDRESSES) else "", "")


def member(folder: Path) -> tuple[Here, Machine]:
    """A node of a cluster, n1, below a folder: what is on its disk."""
    machine = Machine()
    here = Here(folder, machine, own=nobody)  # type: ignore[arg-type]
    for path, text in (
        ("/proc/sys/kernel/hostname", "n1\n"),
        ("/etc/hosts", "127.0.0.1 localhost\n"),
        ("/var/lib/etcd/trebol/member", "of the cluster"),
        ("/var/lib/etcd/trebol.stand-alone/member", "of long ago"),
        (str(PATH), render(of_cluster("n1", {name: address(name) for name in NAMES}))),
        (str(store.ASIDE), render(Configuration("n1"))),
        ("/etc/corosync/corosync.conf", totem_of(NAMES).render()),
        ("/etc/corosync/corosync.conf.stand-alone", "of Debian"),
        ("/etc/corosync/authkey", "key"),
        ("/var/lib/corosync/ringid_1", "ring"),
        ("/var/lib/pacemaker/cib/cib.xml", "<cib/>"),
    ):
        at = here.at(Path(path))
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text, encoding="utf-8")
    reached.write(["https://127.0.0.1:2379"], here.at(reached.PATH))
    prepare(
        names_now(folder, machine),  # type: ignore[arg-type]
        CommandRunner(),
        folder=here.at(FOLDER),
        own=nobody,
    )
    return here, machine


def nobody(_path: Path, _group: str) -> None:
    """Files stay whose they are."""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_node_stands_alone_as_when_it_was_installed_whatever_cut_it_short(tmp_path: Path) -> None:
    here, _machine = member(tmp_path)
    before = AUTHORITY.pair(here.at(FOLDER)).certificate.read_bytes()
    api = API.pair(here.at(FOLDER)).certificate
    api.write_bytes(before)
    steps = Leave(here, lambda urls: pytest.fail("nobody is asked")).steps(How.FORCED)
    for each in steps:
        for _twice in range(2):
            each.do(None)  # type: ignore[arg-type]

    assert AUTHORITY.pair(here.at(FOLDER)).certificate.read_bytes() != before
    assert api.read_bytes() == before, "somebody's own stays"
    assert parse(here.at(PATH).read_text("utf-8")) == Configuration("n1")
    assert (here.at(store.LEFT) / "member").read_text("utf-8") == "of the cluster"
    assert here.at(Path("/etc/corosync/corosync.conf")).read_text("utf-8") == "of Debian"
    for gone in (
        *(
            certificates.ASIDE,
            certificates.GONE,
            certificates.FRESH,
            store.ASIDE,
            store.DATA_ASIDE,
            Configuration.data,
        ),
        *(reached.PATH, Path("/etc/corosync/authkey"), Path("/var/lib/pacemaker/cib/cib.xml")),
    ):
        assert not here.is_there(gone), gone


class Voters:
    """The store's members, by the names of nodes; `refuses` how many times it has no leader."""

    def __init__(self, refuses: int = 0) -> None:
        self.names = set(NAMES)
        self.refuses = refuses

    def at(self, url: str) -> Voter | None:
        return next((Voter(0, name, (url,), (), False) for name in self.names if address(name) in url), None)

    def require_dispensable(self, url: str) -> None:
        """They do without it."""

    def remove(self, number: int) -> None:
        if self.refuses:
            self.refuses -= 1
            raise Unavailable("has no leader", where="store")
        self.names.remove("n1")


class Time:
    """Passes when somebody waits; `while_waiting` is called then."""

    def __init__(self, while_waiting: Callable[[], object]) -> None:
        self.seconds = 0.0
        self.while_waiting = while_waiting

    def pause(self, seconds: float) -> None:
        self.seconds += seconds
        self.while_waiting()


#: What `Leave.prepared` gives for n1 of three.
ARGUMENTS = {
    "how": "leave",
    "id": 1,
    "addresses": {"0": address("n1")},
    "urls": ["https://192.0.2.12:2379"],
    "online": ["n2", "n3"],
}


def leaving(folder: Path, records: MemoryRecords, voters: Voters, while_waiting: Callable[[], object]) -> Leave:
    here, machine = member(folder)
    time = Time(while_waiting)
    here = Here(folder, machine, own=nobody, pause=time.pause, clock=lambda: time.seconds)  # type: ignore[arg-type]
    return Leave(here, lambda urls: leave.Store(records, voters), now=lambda: NOW)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def corosync_sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody says otherwise."""
    monkeypatch.setattr(leave, "read", lambda _runner: seen(NAMES, NAMES))


def began(found: Leave, folder: Path) -> engine.Outcome:
    return engine.start(
        folder / "journal",
        leave.KIND,
        found.steps(How.LEAVE),
        arguments=ARGUMENTS,
        secrets={},
        say=lambda line: None,
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_node_leaves_once_the_others_have_what_is_without_it_and_elections_are_waited_out(tmp_path: Path) -> None:
    records, voters = records_of(*NAMES), Voters(refuses=3)

    def follow() -> None:
        totem = cluster.totem(records)
        assert totem is not None
        for name in ("n2", "n3"):
            cluster.edit(records, f"cluster/applied/{name}", lambda before: {"corosync": totem.digest})

    assert began(leaving(tmp_path, records, voters, follow), tmp_path) is engine.Outcome.DONE
    assert voters.names == {"n2", "n3"}
    assert [each.name for each in cluster.members(records)] == ["n2", "n3"]
    assert cluster.removed(records) == {"n1": NOW}
    assert not (tmp_path / "journal/journal.json").exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_leave_that_others_do_not_follow_is_taken_back_whole(tmp_path: Path) -> None:
    records, voters = records_of(*NAMES), Voters()
    told: list[bool] = []

    def follow_back() -> None:
        totem = cluster.totem(records)
        assert totem is not None
        told.append(totem.has("n1"))
        if totem.has("n1"):
            for name in ("n2", "n3"):
                cluster.edit(records, f"cluster/applied/{name}", lambda before: {"corosync": totem.digest})

    found = leaving(tmp_path, records, voters, follow_back)
    with pytest.raises(TrebolError, match="n2, n3 has not got the new configuration"):
        began(found, tmp_path)
    assert told.count(False) and told[-1]
    assert voters.names == set(NAMES)
    assert {each.state for each in cluster.members(records)} == {State.MEMBER}
    totem = cluster.totem(records)
    assert totem is not None and totem.nodes == totem_of(NAMES).nodes
    # What it starts with is what the others have.
    assert found.here.at(Path("/etc/corosync/corosync.conf")).read_text("utf-8") == totem.render()
    assert found.here.is_there(reached.PATH)
    starts = [command[-1] for command in found.here.runner.ran if "enable" in command]  # type: ignore[attr-defined]
    assert starts == ["corosync.service", "pacemaker.service"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_keys_whose_change_was_cut_between_two_renames_are_there_after_all(tmp_path: Path) -> None:
    here, _machine = member(tmp_path)
    folder = here.at(FOLDER)
    shutil.copytree(folder, here.at(certificates.FRESH))
    (here.at(certificates.FRESH) / "new").touch()
    folder.rename(here.at(certificates.GONE))
    certificates.begin_anew(here)
    assert (folder / "new").exists() and not here.is_there(certificates.GONE)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_node_that_was_removed_in_the_middle_of_its_join_stands_alone_after_all(tmp_path: Path) -> None:
    """Beyond the point of no return, it can neither go on nor go back."""
    here, _machine = member(tmp_path)

    def refuse(_work: object) -> None:
        raise Refused("does not join at the moment", where="n1")

    steps = (engine.Step("vote", refuse, point_of_no_return=True),)
    folder = here.at(disk.FOLDER)
    with pytest.raises(engine.Unfinished, match="does not join") as caught:
        engine.start(folder, "join", steps, arguments={}, secrets={"token": "t"}, say=lambda line: None)
    assert "where the others removed this node: trebol cluster leave --forced" in str(caught.value)
    with pytest.raises(Refused, match="an earlier one was not ended") as caught_again:
        engine.start(folder, "join", steps, arguments={}, secrets={}, say=lambda line: None)
    assert "trebol cluster leave --forced" in str(caught_again.value)

    forced = Leave(here, lambda urls: pytest.fail("nobody is asked")).steps(How.FORCED)
    given = {"arguments": {"how": "forced"}, "secrets": {}, "say": lambda line: None}
    engine.start(folder, leave.KIND, forced, supersedes=True, **given)  # type: ignore[arg-type]
    assert disk.look(folder) is None and not (folder / "secrets.json").exists()
    assert parse(here.at(PATH).read_text("utf-8")) == Configuration("n1")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize("then", ["joins", "leaves"])
def test_somebodys_own_certificate_outlives_a_join_that_was_cut_between_two_renames(
    tmp_path: Path, then: str
) -> None:
    here, _machine = member(tmp_path)
    folder, theirs = here.at(FOLDER), tmp_path / "theirs"
    prepare(names_now(tmp_path, here.runner), CommandRunner(), folder=theirs, own=nobody)
    own = AUTHORITY.pair(theirs).certificate.read_bytes()
    API.pair(folder).certificate.write_bytes(own)
    shutil.copytree(theirs, here.at(certificates.FRESH))
    folder.rename(here.at(certificates.ASIDE))
    before = AUTHORITY.pair(theirs)

    if then == "joins":
        key, certificate = (path.read_text("ascii") for path in (before.key, before.certificate))
        certificates.enter(here, key=key, certificate=certificate)
    else:
        certificates.begin_anew(here)
    assert API.pair(folder).certificate.read_bytes() == own
    is_theirs = AUTHORITY.pair(folder).certificate.read_bytes() == before.certificate.read_bytes()
    assert is_theirs is (then == "joins"), "who leaves keeps no key of the cluster's"


def test_a_node_that_works_together_with_others_is_not_torn_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Here(tmp_path, own=nobody)
    with pytest.raises(Refused, match="is of no cluster"):
        leave.require_nobody(here)
    here.at(reached.PATH).parent.mkdir(parents=True)
    here.at(reached.PATH).touch()
    here.at(Path("/proc/sys/kernel")).mkdir(parents=True)
    here.at(Path("/proc/sys/kernel/hostname")).write_text("n1\n", encoding="utf-8")

    def told(membership: Membership | TrebolError) -> None:
        def read(_runner: object) -> Membership:
            if isinstance(membership, TrebolError):
                raise membership
            return membership

        monkeypatch.setattr(leave, "read", read)

    told(seen(NAMES, NAMES))
    with pytest.raises(Refused, match="works together with n2, n3"):
        leave.require_nobody(here)
    for fine in (seen(NAMES, ("n1",), quorate=False), seen(("n1",), ("n1",)), TrebolError("does not run")):
        told(fine)
        leave.require_nobody(here)
