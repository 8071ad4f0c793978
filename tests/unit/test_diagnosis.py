"""What is wrong with a cluster: facts in, findings with what to do out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.cluster_of_three import NAMES, address, records_of, seen
from tests.unit.cluster_tokens import NOW

from trebol_common.errors import TrebolError
from trebol_common.run import ScriptedRunner
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync import status as corosync
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.diagnosis import crm_mon, report, told
from trebol_node.cluster.diagnosis.asking import Bounded, Silent, ask_all
from trebol_node.cluster.diagnosis.facts import (
    Daemon,
    Facts,
    FailedAction,
    FailedFencing,
    Pacemaker,
    PacemakerNode,
    Source,
    Unit,
    Voter,
)
from trebol_node.cluster.diagnosis.finding import Finding, has_error
from trebol_node.cluster.diagnosis.findings import evaluate, of_itself
from trebol_node.cluster.maintenance.records import MAINTENANCE, Maintenance
from trebol_node.cluster.maintenance.records import begin as take_out
from trebol_node.cluster.power.records import Shutdown
from trebol_node.cluster.power.records import begin as shut_down
from trebol_node.cluster.preflight.facts import ClockFacts
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.cluster.steps.journal import Journal
from trebol_node.cluster.tokens.record import TokenRecord
from trebol_node.cluster.voters.members import Member
from trebol_node.cluster.witness.record import KEY as WITNESS
from trebol_node.cluster.witness.record import Witness
from trebol_node.pki.validity import Ending, Urgency
from trebol_node.store.configuration import peer_url
from trebol_node.store.limits import QUOTA
from trebol_node.store.records import MemoryRecords

ONLINE = tuple(PacemakerNode(name, online=True) for name in NAMES)
VOTERS = tuple(Voter(name, leader=7, version="3.5.16", size=2**20) for name in NAMES)


def membership(*online: str, quorate: bool = True, links: dict[int, bool] | None = None) -> corosync.Membership:
    found = seen(NAMES, online or NAMES, quorate=quorate)
    version = well_totem().version
    members = tuple(
        replace(each, links={} if each.local else (links or {0: True, 1: True})) for each in found.members
    )
    return replace(found, members=members, version=version)


def well_totem() -> Totem:
    totem = cluster.totem(records_of(*NAMES))
    assert totem is not None
    return totem


def member(name: str, *, learner: bool = False) -> Member:
    return Member(int(name[1:]), name, (peer_url(address(name)),), (), learner)


def well(records: MemoryRecords | None = None) -> Facts:
    """Of a cluster with which nothing is wrong but that nothing is fenced."""
    return Facts(
        node="n1",
        now=NOW,
        records=records or records_of(*NAMES),
        membership=membership(),
        digest=well_totem().digest,
        pacemaker=Pacemaker(True, ONLINE),
        members=tuple(map(member, NAMES)),
        voters=VOTERS,
        units=(Unit("corosync.service", "active"), Unit("trebol-store.service", "inactive", wanted=False)),
        clock=ClockFacts(0, "chronyd", True, 10),
        daemons=(Daemon("n2", days=300), Daemon("n3", days=300)),
    )


def recorded(key: str, value: dict[str, object]) -> MemoryRecords:
    made = records_of(*NAMES)
    record = made.get(key)
    made.put(key, value, expected=record.revision if record else 0)
    return made


def out(node: str) -> MemoryRecords:
    made = records_of(*NAMES)
    take_out(made, Maintenance(node, "root@pam", "2026-11-29", "new memory"))
    return made


def test_the_witness_is_no_stranger_in_the_store() -> None:
    third = Witness("w", address("n9"), "0", "0", 0, "n1", store=True, voter=True)
    found = evaluate(replace(well(recorded(WITNESS, third.to_members())), members=(*map(member, (*NAMES, "n9")),)))
    assert not [each for each in found if each.code == "store-stranger"]


def test_a_second_unit_that_fails_is_news_and_a_figure_is_none() -> None:
    records, first = records_of(*NAMES), Finding("unit-down", Severity.ERROR, "n1", "a is failed", "journalctl -u a")
    for found in ([first], [first, replace(first, measured="b is failed", remedy="journalctl -u b")]):
        told.say(records, "n1", found)
        assert told.by(records, "n1") == tuple(found)
    drift = Finding("clock-offset", Severity.WARNING, "n1", "the clock is 0.120 s off", "chronyc")
    told.say(records, "n1", [drift])
    told.say(records, "n1", [replace(drift, measured="the clock is 0.133 s off")])
    assert told.by(records, "n1") == (drift,)


def held() -> MemoryRecords:
    made = records_of(*NAMES)
    shut_down(made, Shutdown("1", "root@pam", "n1", "2026-11-29", NAMES))
    return made


def with_token(age: int) -> MemoryRecords:
    value = TokenRecord(hash="0" * 64, end=NOW + 9000, when=NOW - age, made_by="n1").value()
    return recorded("cluster/tokens/0123456789abcdef", value)


def ending(days: int, urgency: Urgency) -> Ending:
    return Ending(Path("/etc/trebol/pki/api.pem"), datetime(2026, 12, 1, tzinfo=UTC), days, urgency)


ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

#: Name → what is so, and the finding that is to come of it: code, severity, where, a part of what to do.
CASES: dict[str, tuple[Callable[[], Facts], tuple[str, Severity, str, str]]] = {
    "corosync is silent": (
        lambda: replace(well(), membership=None, silent={Source.COROSYNC: "does not answer"}),
        ("corosync-silent", ERROR, "n1", "systemctl status corosync"),
    ),
    "the clock's source is silent": (
        lambda: replace(well(), clock=None, silent={Source.CLOCK: "no answer within 2 s"}),
        ("clock-silent", WARNING, "n1", "chronyc"),
    ),
    "no quorum": (
        lambda: replace(well(), membership=membership("n1", quorate=False)),
        ("no-quorum", ERROR, "", "start the nodes"),
    ),
    "one node more would be too many": (
        lambda: replace(well(), membership=membership("n1", "n2")),
        ("quorum-thin", WARNING, "", "bring back"),
    ),
    "a node is lost": (
        lambda: replace(well(), membership=membership("n1", "n2")),
        ("node-lost", ERROR, "n3", "trebol cluster remove n3"),
    ),
    "one of two links is down": (
        lambda: replace(well(), membership=membership(links={0: True, 1: False})),
        ("link-down", WARNING, "n1 - n2", "corosync-cfgtool"),
    ),
    "the only link is down": (
        lambda: replace(well(), membership=membership(links={0: False})),
        ("link-down", ERROR, "n1 - n3", "cable"),
    ),
    "corosync.conf of this node is another": (
        lambda: replace(well(), digest="0" * 64),
        ("configuration-differs", ERROR, "n1", "trebol-worker"),
    ),
    "corosync.conf of another node is another": (
        lambda: well(recorded("cluster/applied/n2", {"corosync": "old"})),
        ("configuration-differs", ERROR, "n2", "trebold"),
    ),
    "corosync has not loaded it": (
        lambda: replace(well(), membership=replace(membership(), version=1)),
        ("configuration-not-loaded", WARNING, "n1", "corosync-cfgtool -R"),
    ),
    "pacemaker is off on a node that is there": (
        lambda: replace(well(), pacemaker=Pacemaker(True, (*ONLINE[:2], PacemakerNode("n3", online=False)))),
        ("pacemaker-offline", ERROR, "n3", "systemctl status pacemaker"),
    ),
    "nobody coordinates": (
        lambda: replace(well(), pacemaker=Pacemaker(False, ONLINE)),
        ("pacemaker-leaderless", ERROR, "", "journalctl"),
    ),
    "pacemaker is not ready on a node": (
        lambda: replace(well(), pacemaker=Pacemaker(True, (PacemakerNode("n2", online=True, pending=True),))),
        ("pacemaker-pending", ERROR, "n2", "systemctl status pacemaker"),
    ),
    "a node is in standby and nobody says why": (
        lambda: replace(well(), pacemaker=Pacemaker(True, (PacemakerNode("n2", online=True, standby=True),))),
        ("node-standby", WARNING, "n2", "trebol node maintenance n2 off"),
    ),
    "a node waits for being fenced": (
        lambda: replace(well(), pacemaker=Pacemaker(True, (PacemakerNode("n2", online=False, unclean=True),))),
        ("node-unclean", ERROR, "n2", "trebol fence"),
    ),
    "fencing failed": (
        lambda: replace(well(), pacemaker=Pacemaker(True, ONLINE, (FailedFencing("n2", "reboot", "n1", "dead"),))),
        ("fencing-failed", ERROR, "n2", "trebol fence test n2"),
    ),
    "a resource failed": (
        lambda: replace(well(), pacemaker=Pacemaker(True, ONLINE, actions=(FailedAction("vm", "n2", "no disk"),))),
        ("resource-failed", WARNING, "n2", "crm_resource --cleanup --resource vm"),
    ),
    "a node cannot be fenced": (well, ("fencing-unproven", WARNING, "n3", "trebol fence add n3")),
    "the store has no leader": (
        lambda: replace(well(), voters=(Voter("n1"), Voter("n2", "refused"), Voter("n3", "refused"))),
        ("store-no-leader", ERROR, "", "trebol node store recover"),
    ),
    "a voter is silent": (
        lambda: replace(well(), voters=(*VOTERS[:2], Voter("n3", "refused"))),
        ("voter-silent", ERROR, "n3", "trebol-store"),
    ),
    "the store's disk is full": (
        lambda: replace(well(), voters=(replace(VOTERS[0], errors=("memberID:7 alarm:NOSPACE",)), *VOTERS[1:])),
        ("store-alarm", ERROR, "n1", "alarm disarm"),
    ),
    "the store's file is large": (
        lambda: replace(well(), voters=(replace(VOTERS[0], size=QUOTA * 9 // 10), *VOTERS[1:])),
        ("store-size", WARNING, "n1", "defrag"),
    ),
    "a member of the store is no node": (
        lambda: replace(well(), members=(*map(member, NAMES), member("n9"))),
        ("store-stranger", WARNING, "n9", "trebol node store etcdctl member remove 9"),
    ),
    "a record is damaged": (
        lambda: replace(well(), records=recorded(f"{MAINTENANCE}n2", {"node": "n2"})),
        ("record-unreadable", WARNING, MAINTENANCE, "newer version"),
    ),
    "pacemaker is held, and nobody knows why": (
        lambda: replace(well(), pacemaker=Pacemaker(True, ONLINE, stopped=True)),
        ("held", ERROR, "", "trebol cluster start"),
    ),
    "a voter of the records only learns": (
        lambda: replace(well(), members=(*map(member, NAMES[:2]), member("n3", learner=True))),
        ("voter-unlisted", WARNING, "n3", "follow"),
    ),
    "versions of the store differ": (
        lambda: replace(well(), voters=(*VOTERS[:2], replace(VOTERS[2], version="3.5.17"))),
        ("store-versions", WARNING, "", "trebol node update"),
    ),
    "a daemon failed": (
        lambda: replace(well(), units=(Unit("trebold.service", "failed", "exit-code"),)),
        ("unit-down", ERROR, "n1", "journalctl -u trebold.service"),
    ),
    "a daemon was stopped": (
        lambda: replace(well(), units=(Unit("corosync.service", "inactive", "success"),)),
        ("unit-down", ERROR, "n1", "systemctl start corosync.service"),
    ),
    "the clock is off": (
        lambda: replace(well(), clock=ClockFacts(0, "chronyd", True, 200_000)),
        ("clock-offset", WARNING, "n1", "chronyc"),
    ),
    "the clock is far off": (
        lambda: replace(well(), clock=ClockFacts(0, "chronyd", True, 2_000_000)),
        ("clock-offset", ERROR, "n1", "chronyc"),
    ),
    "nothing keeps the clock": (
        lambda: replace(well(), clock=ClockFacts(0)),
        ("clock-unkept", WARNING, "n1", "chrony"),
    ),
    "a certificate ends in some weeks": (
        lambda: replace(well(), endings=(ending(20, Urgency.WARNING),)),
        ("certificate-ends", WARNING, "n1", "new one"),
    ),
    "a certificate has ended": (
        lambda: replace(well(), endings=(ending(-1, Urgency.ERROR),)),
        ("certificate-ends", ERROR, "n1", "new one"),
    ),
    "another node's certificate ends": (
        lambda: replace(well(), daemons=(Daemon("n2", days=3),)),
        ("certificate-ends", ERROR, "n2", "new one"),
    ),
    "another node's daemon is silent": (
        lambda: replace(well(), daemons=(Daemon("n2", "refused"),)),
        ("api-silent", ERROR, "n2", "trebold"),
    ),
    "a join was cut off here": (
        lambda: replace(well(), journal=Journal.of("join", ("admit",), {})),
        ("cut-off", ERROR, "n1", "trebol cluster join --resume; trebol cluster join --abort"),
    ),
    "a node joins": (
        lambda: well(records_of(*NAMES, joining="n3")),
        ("node-joining", WARNING, "n3", "--resume"),
    ),
    "a node leaves": (
        lambda: well(records_of(*NAMES, leaving="n3")),
        ("node-leaving", WARNING, "n3", "remove n3 --dead"),
    ),
    "this node was removed": (
        lambda: replace(well(records_of("n2", "n3")), membership=None),
        ("removed", ERROR, "n1", "leave --forced"),
    ),
    "a node is in maintenance": (lambda: well(out("n2")), ("maintenance", INFO, "n2", "maintenance n2 off")),
    "the cluster is held": (lambda: well(held()), ("held", WARNING, "", "trebol cluster start")),
    "a token was forgotten": (
        lambda: well(with_token(8 * 86_400)),
        ("token-old", WARNING, "n1", "token delete 0123456789abcdef"),
    ),
    "versions differ": (
        lambda: well(recorded("nodes/n2", {"version": "2", "addresses": []})),
        ("versions-differ", WARNING, "", "trebol node update"),
    ),
    "another node says that its clock is off": (
        lambda: well(
            recorded("cluster/told/n2", {"findings": [Finding("clock-offset", ERROR, "n2", "3 s", "x").to_members()]})
        ),
        ("clock-offset", ERROR, "n2", "x"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named_with_what_to_do(name: str) -> None:
    make, (code, severity, where, remedy) = CASES[name]
    found = [each for each in evaluate(make()) if (each.code, each.where) == (code, where)]
    assert [each.severity for each in found] == [severity]
    assert remedy in found[0].remedy
    assert found[0].measured


def test_nothing_else_is_wrong_with_a_cluster_that_is_well() -> None:
    assert {each.code for each in evaluate(well())} == {"fencing-unproven"}


def test_a_node_alone_has_nothing_to_complain_of() -> None:
    assert evaluate(Facts("n1", NOW, clock=ClockFacts(0, "chronyd", True, 10))) == ()


#: What follows from a lost node alone is told once.
def test_a_lost_node_is_no_silent_voter_and_no_silent_daemon() -> None:
    facts = replace(
        well(),
        membership=membership("n1", "n2"),
        voters=(*VOTERS[:2], Voter("n3", "timed out")),
        daemons=(Daemon("n3", "timed out"),),
    )
    assert {each.code for each in evaluate(facts)} == {"node-lost", "quorum-thin", "fencing-unproven"}


QUIET: dict[str, Callable[[], Facts]] = {
    "a join that goes on": lambda: replace(well(), journal=Journal.of("join", ("admit",), {}), busy=True),
    "a node in maintenance is in standby": lambda: replace(
        well(out("n2")), pacemaker=Pacemaker(True, (PacemakerNode("n2", online=True, standby=True),))
    ),
    "a young token": lambda: well(with_token(3600)),
    "the store's list where the store is lost anyway": lambda: replace(
        well(), members=None, voters=(), silent={Source.MEMBERS: "no leader"}
    ),
    "what cannot be read of another version": lambda: well(recorded("cluster/told/n2", {"findings": [{"new": 1}]})),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_is_in_order_is_not_complained_of(name: str) -> None:
    codes = {each.code for each in evaluate(QUIET[name]())} - {"fencing-unproven", "maintenance"}
    assert not codes


def test_the_gravest_comes_first() -> None:
    facts = replace(well(out("n2")), units=(Unit("trebold.service", "failed"),))
    severities = [each.severity for each in evaluate(facts)]
    assert severities == sorted(severities, key=[ERROR, WARNING, INFO].index)
    assert has_error(evaluate(facts)) and not has_error(evaluate(well()))


def test_a_node_tells_others_of_itself_alone() -> None:
    facts = replace(well(), membership=membership("n1"), units=(Unit("trebold.service", "failed"),))
    assert {each.code for each in of_itself(facts)} == {"unit-down"}


def test_what_a_node_tells_is_written_when_it_is_news() -> None:
    records = records_of(*NAMES)
    first = Finding("clock-offset", WARNING, "n1", "0.06 s")
    told.say(records, "n1", [first])
    told.say(records, "n1", [replace(first, measured="0.07 s")])
    assert told.by(records, "n1") == (first,)
    told.say(records, "n1", [])
    assert records.get(f"{told.TOLD}n1") is None
    told.say(records, "n9", [first])
    assert records.get(f"{told.TOLD}n9") is None


def test_findings_are_shown_in_80_columns_and_as_json() -> None:
    found = evaluate(replace(well(), membership=membership("n1", quorate=False)))
    text = report.to_text(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "✗ " in text and "  → " in text
    assert report.to_text(()) == "nothing is wrong"
    members = json.loads(json.dumps(report.to_members(found)))
    assert members["worst"] == "error"
    assert tuple(map(Finding.of_members, members["findings"])) == found


XML = """<pacemaker-result><summary><current_dc present="true"/><cluster_options stop-all-resources="true"/></summary>
<nodes><node name="n1" online="true" standby="false" unclean="false"/><node name="n2" online="false" unclean="true"/>
<node name="n3" online="true" standby="true" pending="true"/></nodes><resources><resource id="vm" active="true"/>
<resource id="trebol-fence-n1" resource_agent="stonith:fence_apc" active="true"/>
<clone><resource id="c" active="false"/></clone></resources>
<fence_history>
<fence_event status="failed" action="reboot" target="n2" origin="n1" exit-reason="No such device"/>
<fence_event status="success" action="reboot" target="n2" origin="n1"/>
<fence_event status="success" action="reboot" target="n1" origin="n2"/>
<fence_event status="failed" action="reboot" target="n1" origin="n2"/></fence_history>
<failures><failure op_key="vm_start_0" node="n1" exitstatus="error" exitreason=""/></failures></pacemaker-result>"""


def test_pacemakers_own_words_are_read() -> None:
    found = crm_mon.parse(XML)
    assert found.nodes == (
        PacemakerNode("n1", online=True),
        PacemakerNode("n2", online=False, unclean=True),
        PacemakerNode("n3", online=True, pending=True),
    )
    # n1's last one succeeded.
    assert found.fencing == (FailedFencing("n2", "reboot", "n1", "No such device"),)
    assert found.actions == (FailedAction("vm", "n1", "error"),)
    assert (found.leads, found.stopped, found.running) == (True, True, ("vm",))
    with pytest.raises(TrebolError):
        crm_mon.parse("no")


@pytest.mark.parametrize(
    ("stdout", "stderr", "status", "reason"),
    [
        (
            """<pacemaker-result api-version="2.38" request="crm_mon --one-shot --output-as=xml">
            <status code="102" message="Not connected"><errors>
            <error>crm_mon: Connection to cluster failed: Not connected</error></errors></status>
            </pacemaker-result>""",
            "",
            102,
            "crm_mon: Connection to cluster failed: Not connected",
        ),
        (
            '<pacemaker-result><status code="102" message="Not connected"/></pacemaker-result>',
            "",
            102,
            "Not connected",
        ),
        ("", "usage\ncrm_mon: unknown option\n\n", 64, "crm_mon: unknown option"),
        ("<pacemaker-result/>", "crm_mon: no memory\n", 1, "crm_mon: no memory"),
        ("", "", 124, "crm_mon: exit status 124"),
    ],
)
def test_a_pacemaker_that_does_not_answer_is_told_in_its_own_words(
    stdout: str, stderr: str, status: int, reason: str
) -> None:
    runner = ScriptedRunner().expect(*crm_mon.COMMAND, stdout=stdout, stderr=stderr, status=status)
    with pytest.raises(TrebolError) as caught:
        crm_mon.read(runner)
    assert caught.value.problems[0].what == reason


def test_a_source_that_hangs_or_fails_holds_up_nobody() -> None:
    never = threading.Event()

    def fails() -> None:
        raise TrebolError("is broken", where="x")

    found = ask_all({"good": lambda: 1, "bad": fails, "hangs": never.wait}, within=0.2)
    never.set()
    assert found == {"good": 1, "bad": Silent("is broken"), "hangs": Silent("no answer within 0.2 s")}


def test_a_program_has_so_many_seconds() -> None:
    runner = ScriptedRunner().expect("timeout", "--kill-after=1", "2", "true", stdout="x")
    assert Bounded(runner).run(["true"]).stdout == "x"
