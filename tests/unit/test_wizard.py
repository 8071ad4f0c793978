"""Where somebody is in a wizard whose steps come and go with the answers."""

from __future__ import annotations

import pytest

from trebol_common.tui.wizard import Place, Step, Wizard

#: `c` is shown only where the state says so.
WIZARD: Wizard[bool] = Wizard([Step("a"), Step("b"), Step("c", lambda shown: shown), Step("d")])


@pytest.mark.parametrize(
    ("at", "shown", "forward", "back"),
    [
        ("a", True, "b", "a"),
        ("b", True, "c", "a"),
        ("b", False, "d", "a"),
        ("d", False, "d", "b"),
        ("d", True, "d", "c"),
        ("c", False, "d", "b"),  # It has just vanished: its neighbours are where they were.
    ],
)
def test_forward_and_back_pass_over_what_does_not_apply(at: str, shown: bool, forward: str, back: str) -> None:
    assert WIZARD.forward(Place(at), shown) == Place(forward)
    assert WIZARD.back(Place(at), shown) == Place(back)


def test_both_ways_of_a_jump_lead_back() -> None:
    there = WIZARD.jump(Place("d"), "a")

    assert there.at == "a"
    assert WIZARD.forward(there, True) == Place("d")
    assert WIZARD.back(there, True) == Place("d")
    assert WIZARD.back(WIZARD.jump(there, "b"), True) == Place("d"), "a jump of a jump leads to the first place"


@pytest.mark.parametrize(
    ("at", "shown", "position"), [("a", True, (1, 4)), ("d", True, (4, 4)), ("d", False, (3, 3))]
)
def test_a_step_knows_which_one_it_is(at: str, shown: bool, position: tuple[int, int]) -> None:
    assert WIZARD.first(shown) == Place("a")
    assert WIZARD.position(Place(at), shown) == position
