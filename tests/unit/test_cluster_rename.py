"""What goes by a node's name goes by its other one, to and fro, and what cannot be is refused before it begins."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster_of_three import NAMES, records_of, removal, seen

from trebol_common.errors import BadInput, TrebolError
from trebol_node.cluster import naming, under_way
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.here.pacemaker_names import renamed, running, with_attributes
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.rename import require_name
from trebol_node.daemon.applying_names import NameFollower
from trebol_node.fencing import records as fences
from trebol_node.fencing.device import Device, How, Proof, digest_of
from trebol_node.store.records import MemoryRecords
from trebol_node.worker.rename_operations import RenameNode, TellName


def reseal(before: Device, after: Device) -> Device:
    """Secrets that say of which device they are."""
    return replace(after, sealed=dict.fromkeys(before.sealed, f"of {after.id}"))


def fenced(*devices: Device) -> MemoryRecords:
    """Three nodes, with devices that are all proven."""
    records = records_of(*NAMES)
    for each in devices:
        fences.add(records, each)
    for node in {each.node for each in devices}:
        made = Proof(digest_of(fences.of_node(records, node)), 5, 5, How.STATUS, "n1")
        fences.keep_proof(records, node, made)
    return records


IPMI = Device("n3", "ipmilan", "fence_ipmilan", 1, {"ip": "192.0.2.63"}, {"password": "of n3.ipmilan"})
SBD = Device("n3", "sbd", "fence_sbd", 1, {"devices": "/dev/sdx", "plug": "n3"})
OTHER = Device("n2", "ipmilan", "fence_ipmilan", 1, {"ip": "192.0.2.62"})


def values(records: MemoryRecords) -> dict[str, Any]:
    return {each.key: each.value for each in records.below("")}


def moved(records: MemoryRecords, old: str, new: str, *, proven: bool = True) -> None:
    for _twice in range(2):
        naming.move(records, old, new, proven=proven, reseal=reseal)


def test_everything_of_the_node_has_the_other_name_and_nothing_of_others_changes() -> None:
    records = fenced(IPMI, OTHER)
    token = {"hash": "0" * 64, "end": 9, "when": 1, "made_by": "n3", "node": "n3"}
    used = {**token, "made_by": "n1", "node": "n9", "used_by": {"machine": "m3", "node": "n3", "when": 2}}
    records.put("cluster/tokens/a", token, expected=0)
    records.put("cluster/tokens/b", used, expected=0)
    grants = {"users": {"ana@pam": {"PVEAuditor": True}}}
    records.put("access/acl", {"paths": {"/nodes/n3": grants, "/nodes/n31": grants, "/": grants}}, expected=0)
    before = values(records)
    assert naming.is_proven(records, "n3")

    moved(records, "n3", "n7")

    now = values(records)
    assert now["cluster/nodes/n7"] == {**before["cluster/nodes/n3"], "name": "n7"}
    assert now["fencing/devices/n7.ipmilan"]["sealed"] == {"password": "of n7.ipmilan"}
    assert naming.is_proven(records, "n7") and naming.is_proven(records, "n2")
    assert (now["cluster/tokens/a"]["made_by"], now["cluster/tokens/a"]["node"]) == ("n7", "n7")
    assert now["cluster/tokens/b"]["used_by"]["node"] == "n7" and now["cluster/tokens/b"]["node"] == "n9"
    assert set(now["access/acl"]["paths"]) == {"/nodes/n7", "/nodes/n31", "/"}
    assert not [key for key in now if key.endswith(("/n3", "/n3.ipmilan"))]
    assert now["fencing/devices/n2.ipmilan"] == before["fencing/devices/n2.ipmilan"]

    moved(records, "n7", "n3")

    own = {"cluster/applied/n3", "nodes/n3"}
    assert values(records) == {key: value for key, value in before.items() if key not in own}


def test_a_device_that_knows_the_node_by_its_name_is_told_the_other_one_and_is_to_be_proven_anew() -> None:
    records = fenced(SBD)
    moved(records, "n3", "n7")
    (device,) = fences.of_node(records, "n7")
    assert device.options["plug"] == "n7" and not naming.is_proven(records, "n7")


def test_what_was_not_proven_is_not_proven_by_another_name() -> None:
    records = fenced(IPMI)
    fences.remove(records, IPMI.id)
    fences.add(records, IPMI)
    fences.keep_proof(records, "n3", Proof("of others", 5, 5, How.STATUS, "n1"))
    assert not naming.is_proven(records, "n3")
    moved(records, "n3", "n7", proven=False)
    assert not naming.is_proven(records, "n7") and fences.proof(records, "n7") is not None


def test_from_its_beginning_to_its_end_nobody_else_comes_goes_or_is_renamed() -> None:
    records = records_of(*NAMES)
    for _twice in range(2):
        naming.begin(records, "n3", "n7", "then")
    assert Member.of(records.get("cluster/nodes/n3").value).state is State.RENAMING  # type: ignore[union-attr]
    with pytest.raises(TrebolError, match="gets another name"):
        under_way.require_none(records)
    under_way.require_none(records, but="n3")
    with pytest.raises(TrebolError, match="one change at a time"):
        naming.begin(records, "n2", "n8", "then")

    moved(records, "n3", "n7")
    for _twice in range(2):
        naming.end(records, "n3", "n7")

    assert Member.of(records.get("cluster/nodes/n7").value).state is State.MEMBER  # type: ignore[union-attr]
    under_way.require_none(records)


@pytest.mark.parametrize("halfway", ["announced", "configured", "moved"])
def test_a_node_that_dies_while_it_is_renamed_is_removed_by_the_name_that_is_listed(halfway: str) -> None:
    records = fenced(IPMI)
    naming.begin(records, "n3", "n7", "then")
    if halfway != "announced":
        naming.configure(records, "n3", "n7")
    if halfway == "moved":
        moved(records, "n3", "n7")
    name = "n7" if halfway == "moved" else "n3"

    totem = removal(records).configure(name)
    removal(records).end(name)

    assert [node.name for node in totem.nodes] == ["n1", "n2"]
    left = [key for key in values(records) if "n3" in key or "n7" in key or "renaming" in key]
    assert left == [f"cluster/removed/{name}"]


#: Which records, the new name of n3, and what is said.
NAMED: Mapping[str, tuple[MemoryRecords, str, str]] = {
    "its own": (records_of(*NAMES), "n3", "is its name already"),
    "another's": (records_of(*NAMES), "n2", "is the name of a node"),
    "none": (records_of(*NAMES), "localhost", "is not a host name"),
    "upper case": (records_of(*NAMES), "N7", "is not a host name"),
    "one joins": (records_of(*NAMES, joining="n2"), "n7", "is joining at the moment"),
    "one leaves": (records_of(*NAMES, leaving="n2"), "n7", "is leaving at the moment"),
}


@pytest.mark.parametrize("case", NAMED)
def test_a_name_that_cannot_be_had_is_refused(case: str) -> None:
    records, new, says = NAMED[case]
    totem = cluster.totem(records)
    assert totem is not None
    with pytest.raises(TrebolError) as caught:
        require_name(records, totem, "n3", new)
    assert says in str(caught.value)


CIB = """<cib><configuration>
<nodes><node id="1" uname="n1"/><node id="3" uname="n3"><instance_attributes id="nodes-3"/></node></nodes>
<constraints><rsc_location id="a" rsc="r" node="n3"/><rsc_location id="b" rsc="r"><rule id="c">
<expression id="d" attribute="#uname" operation="eq" value="n3"/>
<expression id="e" attribute="rack" operation="eq" value="n3"/></rule></rsc_location></constraints>
<fencing-topology><fencing-level id="f" target="n3" index="1" devices="x"/></fencing-topology>
</configuration><status><node_state id="3" uname="n3"/></status></cib>"""


def test_pacemaker_keeps_attributes_and_constraints_of_the_node() -> None:
    text = renamed(CIB, "n3", "n7")
    assert text.count('"n7"') == 5
    assert 'value="n3"' in text and text.count('"n3"') == 1, "an attribute of another meaning"
    assert renamed(text, "n3", "n7") == text
    with pytest.raises(TrebolError):
        renamed("", "n3", "n7")


RACK = '<nvpair id="p" name="rack" value="b4"/>'


@pytest.mark.parametrize(
    ("left", "has"),
    [
        (None, ["rack"]),
        (RACK, ["rack"]),
        ('<nvpair id="q" name="rack" value="c1"/>', ["rack"]),
        ('<nvpair id="r" name="x" value="1"/>', ["x", "rack"]),
    ],
)
def test_the_nodes_attributes_are_put_back_once_it_is_online(left: str | None, has: list[str]) -> None:
    kept, now = (
        f'<instance_attributes id="nodes-3">{each}</instance_attributes>' if each else "" for each in (RACK, left)
    )
    kept = f'<node id="3" uname="n3">{kept}</node>'
    text = f'<cib><configuration><nodes><node id="3" uname="n7">{now}</node></nodes></configuration></cib>'
    made = with_attributes(text, "n7", kept)
    assert [each.get("name") for each in ElementTree.fromstring(made).iter("nvpair")] == has
    assert with_attributes(made, "n7", kept) == made and with_attributes(text, "n9", kept) == text
    assert ('value="c1"' in made) is ('value="c1"' in now), "what was set meanwhile stays"


def test_what_runs_on_a_node_is_told_but_for_fence_devices() -> None:
    text = """<r><resources>
    <resource id="guest" resource_agent="ocf:trebol:guest"><node name="n3" id="3"/></resource>
    <resource id="fence" resource_agent="stonith:fence_ipmilan"><node name="n3" id="3"/></resource>
    <resource id="else" resource_agent="ocf:trebol:guest"><node name="n1" id="1"/></resource></resources></r>"""
    assert running(text, "n3") == ["guest"]


class Worker:
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.told: list[TellName] = []

    async def call(self, operation: Any, *, who: str) -> Any:
        self.told.append(operation)


def look(records: MemoryRecords, node: str, membership: Membership) -> list[TellName]:
    worker = Worker()
    asyncio.run(NameFollower(records, node, worker, lambda: membership, who="tests").look())
    return worker.told


def test_the_first_of_the_others_tells_pacemaker_once_corosync_knows() -> None:
    records = records_of(*NAMES)
    naming.begin(records, "n3", "n7", "then")
    online = ("n1", "n2")
    assert look(records, "n1", seen(NAMES, online)) == []

    totem = naming.configure(records, "n3", "n7")
    before = seen(NAMES, online)
    after = replace(seen(("n1", "n2", "n7"), online), version=totem.version)
    assert look(records, "n1", before) == [], "corosync has not loaded it yet"
    assert look(records, "n2", after) == [] and look(records, "n7", after) == []
    assert look(records, "n1", after) == [TellName(old="n3", new="n7")]
    assert look(records, "n1", after) == [], "once"

    back = replace(seen(NAMES, online), version=naming.configure(records, "n7", "n3").version)
    assert look(records, "n1", back) == [TellName(old="n7", new="n3")]


@pytest.mark.parametrize("name", ("", "a_b", "-a", "node7.example.org", "a" * 64, "node7\n"))
def test_a_name_that_no_host_has_is_refused_in_words(name: str) -> None:
    with pytest.raises(BadInput, match="new: is not a host name such as node7"):
        RenameNode.of(new=name)
