"""`[cluster]` of an answer file may pass over findings of the preflight, and over none that a cluster dies of."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trebol_common.answers.cluster import Cluster
from trebol_common.preflight_codes import FORCEABLE
from trebol_node.cluster.preflight.findings import CHECKS

JOIN = {"mode": "join", "peer": "n1"}


def test_the_codes_are_those_of_the_preflight() -> None:
    assert {check.code for check in CHECKS if check.forceable} == FORCEABLE


def test_any_of_them_may_stand_in_the_file() -> None:
    assert Cluster.model_validate({**JOIN, "force": sorted(FORCEABLE)}).force == tuple(sorted(FORCEABLE))


#: What else is in the table, and what is said.
WRONG = {
    "unknown": ({**JOIN, "force": ["rtt"]}, "rtt is no finding that can be forced"),
    "never": ({**JOIN, "force": ["name-taken"]}, "name-taken is no finding that can be forced"),
    "create": ({"mode": "create", "name": "clover", "force": ["rtt-high"]}, 'force: only with mode = "join"'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_forced_is_told_before_anything_is_installed(case: str) -> None:
    table, says = WRONG[case]
    with pytest.raises(ValidationError) as caught:
        Cluster.model_validate(table)
    assert says in str(caught.value)
