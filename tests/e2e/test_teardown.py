"""Whatever lay on a target is gone after the teardown: made by the tools that make it, on the real medium."""

from __future__ import annotations

import pytest
from tests.e2e.old_contents import OLD_CONTENTS
from tests.e2e.teardown import TornDown


@pytest.mark.parametrize("name", OLD_CONTENTS)
def test_old_contents_are_torn_down_and_nothing_is_left(name: str, torn: TornDown) -> None:
    assert torn.made[name] == 0, torn.said[name]
    assert torn.torn[name] == 0, torn.said[name]
    for kind in OLD_CONTENTS[name].holds:
        assert kind in torn.said[name]
