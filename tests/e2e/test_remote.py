"""trebol.ssh: the screens show a password, and whoever has it goes on with the installation from elsewhere."""

from __future__ import annotations

from tests.e2e.remote import ELSEWHERE, Remote


def test_the_screens_show_where_to_come_in(remote: Remote) -> None:
    assert "password: " in remote.invited.splitlines()[-1]


def test_a_wrong_password_gets_nobody_in(remote: Remote) -> None:
    assert remote.refused == "asked again"


def test_the_password_is_in_no_log_and_no_programs_arguments(remote: Remote) -> None:
    assert remote.leaks == ["0", "0"]


def test_the_screens_go_on_over_ssh(remote: Remote) -> None:
    assert ELSEWHERE in remote.driven
