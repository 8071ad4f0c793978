"""An answer file may leave something to be asked for: whoever installs sees no other screen."""

from __future__ import annotations

from tests.e2e.partly import ADDRESS, CASE, Partly


def test_only_what_is_left_out_is_asked_for(partly: Partly) -> None:
    first, last = partly.screens
    assert first.splitlines()[0].split() == ["Network", "1/2"]
    assert last.splitlines()[0].split()[-1] == "2/2"


def test_the_review_has_what_was_known_and_what_was_typed(partly: Partly) -> None:
    review = partly.screens[-1]
    assert ADDRESS in review and CASE.host in review and CASE.disk_names[0] in review
