"""Fence devices in pacemaker's configuration: nothing of others' is touched, and doing it twice changes nothing."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.unit.fence_agents import device

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import ScriptedRunner
from trebol_node.fencing import pacemaker
from trebol_node.fencing.cib import changed
from trebol_node.fencing.device import Device

EMPTY = """\
<cib validate-with="pacemaker-4.0" epoch="3" num_updates="0" admin_epoch="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="trebol-stonith-enabled" name="stonith-enabled" value="true"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources><primitive id="vm-100" class="ocf" provider="trebol" type="guest"/></resources>
    <constraints/>
  </configuration>
  <status/>
</cib>
"""

FIRST, SECOND = device(name="a", level=1), device(name="b", level=2, ip="192.0.2.62")
TWIN = device(name="c", level=2, ip="192.0.2.63")
OTHER = device("n2")


def made(devices: Iterable[Device], delayed: str | None = None, text: str = EMPTY) -> ElementTree.Element:
    """What becomes of it."""
    return ElementTree.fromstring(changed(text, devices, delayed=delayed))


def options(root: ElementTree.Element, resource: str) -> dict[str | None, str | None]:
    """The options of a resource."""
    pairs = root.iterfind(f".//primitive[@id='{resource}']/instance_attributes/nvpair")
    return {each.get("name"): each.get("value") for each in pairs}


def test_levels_have_devices_in_order_and_those_of_one_together() -> None:
    found = made([TWIN, SECOND, OTHER, FIRST]).iterfind(".//fencing-level")
    assert [(each.get("target"), each.get("index"), each.get("devices")) for each in found] == [
        ("n1", "1", FIRST.resource),
        ("n1", "2", f"{SECOND.resource},{TWIN.resource}"),
        ("n2", "1", OTHER.resource),
    ]


def test_levels_with_gaps_between_them_are_numbered_without() -> None:
    found = made([replace(FIRST, level=3), replace(SECOND, level=7)]).iterfind(".//fencing-level")
    assert [each.get("index") for each in found] == ["1", "2"]


def test_a_device_fences_its_node_alone_and_has_no_secret() -> None:
    assert options(made([FIRST]), FIRST.resource) == {
        "ip": "192.0.2.61",
        "password": "lrm://",
        "pcmk_host_check": "static-list",
        "pcmk_host_list": "n1",
    }


def test_no_node_fences_itself() -> None:
    found = made([FIRST, OTHER]).iterfind(".//rsc_location")
    assert {(each.get("rsc"), each.get("node"), each.get("score")) for each in found} == {
        (FIRST.resource, "n1", "-INFINITY"),
        (OTHER.resource, "n2", "-INFINITY"),
    }


def test_of_two_nodes_one_is_fenced_later_by_the_first_device_of_each_level() -> None:
    root = made([FIRST, SECOND, TWIN, OTHER], delayed="n1")
    late = [each for each in (FIRST, SECOND, TWIN, OTHER) if "pcmk_delay_base" in options(root, each.resource)]
    assert late == [FIRST, SECOND]
    properties = {each.get("name"): each.get("value") for each in root.iterfind(".//cluster_property_set/nvpair")}
    assert properties == {"stonith-enabled": "true", "priority-fencing-delay": "10s"}


def test_twice_is_as_good_as_once() -> None:
    once = changed(EMPTY, [FIRST, OTHER], delayed="n1")
    assert changed(once, [OTHER, FIRST], delayed="n1") == once


def test_what_is_gone_goes_and_nothing_else() -> None:
    full = changed(EMPTY, [FIRST, OTHER], delayed="n1")
    rest = changed(full, [], delayed=None)
    assert ElementTree.canonicalize(rest, strip_text=True) == ElementTree.canonicalize(EMPTY, strip_text=True)


def test_another_secret_is_another_resource() -> None:
    assert replace(FIRST, sealed={"password": "1:aa:cc"}).resource != FIRST.resource


@pytest.mark.parametrize("text", ["", "no XML", "<cib/>"])
def test_what_is_no_cib_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        changed(text, [], delayed=None)


def test_pacemaker_is_asked_and_not_written_to_where_nothing_changes() -> None:
    runner = ScriptedRunner().expect("cibadmin", "--query", stdout=changed(EMPTY, [FIRST], delayed=None))
    assert not pacemaker.write(runner, [FIRST], delayed=None)
    assert not runner.expected


def test_what_pacemaker_says_against_it_is_told() -> None:
    runner = ScriptedRunner().expect("cibadmin", "--query", stderr="Could not connect\n", status=102)
    with pytest.raises(TrebolError, match="does not take the fence devices: Could not connect"):
        pacemaker.write(runner, [FIRST], delayed=None)
