"""What the installer refuses: said on the serial console, with nothing written."""

from __future__ import annotations

from tests.e2e.refusals import Outcome


def test_the_console_says_what_is_wrong_and_what_to_do(outcome: Outcome) -> None:
    for words in outcome.refusal.says:
        assert words in outcome.console
    assert "Traceback" not in outcome.console


def test_not_one_bit_is_written_to_the_disk(outcome: Outcome) -> None:
    assert outcome.after == outcome.before


def test_the_exit_status_tells_refusal_from_failure(outcome: Outcome) -> None:
    if outcome.refusal.status is None:
        # Without its medium no installer runs that could have a status: the initramfs must not take another for it.
        assert "Trebol: medium " not in outcome.console
    else:
        assert outcome.status == outcome.refusal.status
