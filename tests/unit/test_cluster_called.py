"""The cluster gets another name, and nothing else of it changes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.cluster_of_three import NAMES, records_of

from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.called import call
from trebol_node.store.records import MemoryRecords


def test_it_is_called_so_in_its_settings_and_its_configuration_once() -> None:
    records = records_of(*NAMES)
    before, settings = cluster.totem(records), cluster.settings(records)
    assert before is not None and settings is not None
    first, second = call(records, "shamrock"), call(records, "shamrock")
    assert first == second == cluster.totem(records)
    assert (first.name, first.version, first.nodes) == ("shamrock", before.version + 1, before.nodes)
    after = cluster.settings(records)
    assert after is not None and (after.name, after.id, after.since) == ("shamrock", settings.id, settings.since)


#: Which records, the name, and what is said.
REFUSED: Mapping[str, tuple[MemoryRecords, str, str]] = {
    "alone": (MemoryRecords(), "shamrock", "is of no cluster"),
    "a node's": (records_of(*NAMES), "n2", "is the name of a node"),
    "none": (records_of(*NAMES), "Sham rock", "is not a cluster's name"),
    "too long": (records_of(*NAMES), "a" * 16, "is not a cluster's name"),
    "one joins": (records_of(*NAMES, joining="n2"), "shamrock", "is joining at the moment"),
    "one leaves": (records_of(*NAMES, leaving="n2"), "shamrock", "is leaving at the moment"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_cluster_can_be_called_is_refused(case: str) -> None:
    records, name, says = REFUSED[case]
    with pytest.raises(TrebolError) as caught:
        call(records, name)
    assert says in str(caught.value)
