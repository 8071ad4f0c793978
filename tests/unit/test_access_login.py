"""Logging in: what opens, what does not, and that nothing tells why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.accounts import NOW, accounts
from tests.unit.test_access_totp import DEVICE, SEED

from trebol_node.access import Accounts, Write, csrf, passwords, tickets, totp
from trebol_node.access.errors import NotAuthenticated
from trebol_node.access.lockout import FAILURES, LockOut
from trebol_node.access.login import Attempt, Outcome, log_in, password_is_right
from trebol_node.access.passwords import Cost

WORD = "correct horse"
KEPT = passwords.hash_password(WORD, cost=Cost(4, 1, 1))
ADDRESS = "192.0.2.7"


@pytest.fixture
def mine() -> Accounts:
    """Carla and Eva have passwords; Eva has a second factor, as Ana has, who is of the system."""
    device = {"id": "one", "secret": SEED}
    return accounts(
        **{
            "passwords__carla@trebol": {"hash": KEPT},
            "passwords__dora@trebol": {"hash": KEPT},
            "passwords__eva@trebol": {"hash": KEPT},
            "tfa__eva@trebol": {"totp": [device]},
            "tfa__ana@pam": {"totp": [device]},
        }
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared with for those who are not there costs little here."""
    monkeypatch.setattr(passwords, "USUAL", Cost(4, 1, 1))


def pam(user: str, password: str) -> bool:
    return (user, password) in {("root", WORD), ("ana", WORD), ("stranger", WORD)}


class Door:
    """Somebody at one address, trying."""

    def __init__(self, mine: Accounts, now: float = NOW) -> None:
        self.mine = mine
        self.now = now
        self.lock_out = LockOut(lambda: self.now)

    def attempt(self, user: str, password: str = WORD, **others: Any) -> Outcome:
        outcome = log_in(
            self.mine,
            Attempt(user, password, **others),
            address=ADDRESS,
            now=self.now,
            pam=pam,
            lock_out=self.lock_out,
        )
        self.mine = self.mine.after(outcome.writes)
        return outcome


def code(now: float = NOW) -> str:
    return f"totp:{DEVICE.at(int(now))}"


@pytest.mark.parametrize("user", ["carla@trebol", "root@pam"])
def test_the_right_password_opens(mine: Accounts, user: str) -> None:
    outcome = Door(mine).attempt(user)

    assert tickets.check(mine, outcome.ticket, NOW).user == user
    csrf.check(mine.keys, outcome.csrf, user, NOW)
    assert (outcome.needs_tfa, outcome.refused, outcome.writes) == (False, None, ())


CLOSED: list[tuple[str, str, dict[str, str]]] = [
    ("carla@trebol", "wrong word", {}),
    ("carla@trebol", "", {}),
    ("carla@trebol", WORD + "\0", {}),
    ("carla@trebol", "\ud800", {}),
    ("carla@pam", WORD, {}),
    ("ben@trebol", WORD, {}),  # Has no password.
    ("dora@trebol", WORD, {}),  # Is disabled.
    ("fay@trebol", WORD, {}),
    ("stranger@pam", WORD, {}),  # A user of the system who is none here.
    ("root@trebol", WORD, {}),
    ("root@ldap", WORD, {}),
    ("carla", WORD, {}),
    ("carla@trebol\n", WORD, {}),
    ("x" * 10**6 + "@pam", WORD, {}),
    ("a\ud800@pam", WORD, {}),
    ("carla@trebol", WORD, {"otp": "totp:123456"}),  # Has no second factor.
    ("carla@trebol", "PVE:carla@trebol:00000000::AAAA", {}),
    ("carla@trebol", WORD, {"challenge": "nonsense"}),
    ("eva@trebol", "wrong word", {"otp": code()}),
]


@pytest.mark.parametrize(("user", "password", "others"), CLOSED, ids=[ascii(user[:20]) for user, *_ in CLOSED])
def test_what_does_not_open_does_not_say_why(
    mine: Accounts, user: str, password: str, others: dict[str, str]
) -> None:
    with pytest.raises(NotAuthenticated) as error:
        Door(mine).attempt(user, password, **others)

    assert str(error.value) == "authentication failure"
    assert not password or password not in error.value.reason


def test_an_expired_user_stays_out(mine: Accounts) -> None:
    with pytest.raises(NotAuthenticated):
        Door(mine, NOW + 1001).attempt("eva@trebol")


def test_unknown_users_cost_as_much_as_known_ones(mine: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[Cost] = []
    real = passwords._scrypt

    def counting(password: str, salt: bytes, cost: Cost) -> bytes:
        costs.append(cost)
        return real(password, salt, cost)

    monkeypatch.setattr(passwords, "_scrypt", counting)

    for user in ("carla@trebol", "ben@trebol", "dora@trebol", "fay@trebol", "fay@ldap"):
        password_is_right(mine, user, "wrong word", pam=pam)

    assert len(set(costs)) == 1
    assert len(costs) == 5


@pytest.mark.parametrize("user", ["eva@trebol", "ana@pam"])
def test_a_second_factor_is_asked_for_and_answered(mine: Accounts, user: str) -> None:
    door = Door(mine)

    first = door.attempt(user)
    assert first.needs_tfa
    with pytest.raises(NotAuthenticated):
        tickets.check(mine, first.ticket, NOW)

    second = door.attempt(user, code(), challenge=first.ticket)
    assert tickets.check(door.mine, second.ticket, NOW).user == user
    assert [write.key for write in second.writes] == [f"tfa/{user}"]


def test_both_may_come_at_once(mine: Accounts) -> None:
    outcome = Door(mine).attempt("eva@trebol", otp=code())

    assert tickets.check(mine, outcome.ticket, NOW).user == "eva@trebol"


def test_a_one_time_password_opens_once(mine: Accounts) -> None:
    door = Door(mine)
    door.attempt("eva@trebol", otp=code())

    again = door.attempt("eva@trebol", otp=code())

    assert (again.ticket, again.refused) == ("", "wrong second factor")


def test_the_challenge_of_one_user_does_not_serve_another(mine: Accounts) -> None:
    door = Door(mine)
    first = door.attempt("eva@trebol")

    with pytest.raises(NotAuthenticated):
        door.attempt("ana@pam", code(), challenge=first.ticket)


def test_a_challenge_is_no_password_and_no_ticket(mine: Accounts) -> None:
    door = Door(mine)
    first = door.attempt("eva@trebol")

    with pytest.raises(NotAuthenticated):
        door.attempt("eva@trebol", first.ticket)
    ticket = door.attempt("carla@trebol").ticket
    with pytest.raises(NotAuthenticated):
        door.attempt("carla@trebol", code(), challenge=ticket)


def test_wrong_second_factors_are_counted_across_attempts_until_they_lock(mine: Accounts) -> None:
    door = Door(mine)
    said = []
    for _ in range(totp.MISSES + 1):
        said.append(door.attempt("eva@trebol", otp="totp:000000").refused)
        door.lock_out = LockOut(lambda: 0)

    assert said == ["wrong second factor"] * 7 + ["TOTP is locked"] * 2
    assert door.attempt("eva@trebol", otp=code()).refused == "TOTP is locked"


def test_without_a_second_factor_any_more_there_is_nothing_to_answer(mine: Accounts) -> None:
    door = Door(mine)
    first = door.attempt("eva@trebol")
    door.mine = door.mine.after([Write("tfa/eva@trebol", None)])

    with pytest.raises(NotAuthenticated):
        door.attempt("eva@trebol", code(), challenge=first.ticket)


def test_second_factors_that_cannot_be_read_are_not_done_without(mine: Accounts) -> None:
    broken = Accounts.of({**mine.values(), "tfa/eva@trebol": {"totp": "?"}})

    with pytest.raises(NotAuthenticated) as error:
        Door(broken).attempt("eva@trebol")

    assert "cannot be read" in error.value.reason


def test_a_ticket_is_renewed_with_itself(mine: Accounts) -> None:
    door = Door(mine)
    old = door.attempt("carla@trebol").ticket

    door.now += 7000
    new = door.attempt("carla@trebol", old).ticket

    assert tickets.check(mine, new, NOW + 14_000).made == NOW + 7000
    door.now += 300
    with pytest.raises(NotAuthenticated):
        door.attempt("carla@trebol", old)


def test_root_may_become_others_and_nobody_else_may(mine: Accounts) -> None:
    door = Door(mine)
    root, carla = (door.attempt(user).ticket for user in ("root@pam", "carla@trebol"))

    assert tickets.check(mine, door.attempt("eva@trebol", root).ticket, NOW).user == "eva@trebol"
    for user in ("eva@trebol", "root@pam"):
        with pytest.raises(NotAuthenticated):
            door.attempt(user, carla)
    with pytest.raises(NotAuthenticated):
        door.attempt("dora@trebol", root)


def test_a_disabled_user_cannot_renew(mine: Accounts) -> None:
    door = Door(mine)
    ticket = door.attempt("carla@trebol").ticket
    door.mine = mine.after([Write("users/carla@trebol", {"enable": False})])

    with pytest.raises(NotAuthenticated):
        door.attempt("carla@trebol", ticket)


def test_after_ten_wrong_passwords_the_right_one_does_not_open(mine: Accounts) -> None:
    door = Door(mine)
    for _ in range(FAILURES):
        with pytest.raises(NotAuthenticated):
            door.attempt("carla@trebol", "wrong word")

    with pytest.raises(NotAuthenticated) as error:
        door.attempt("carla@trebol")
    assert (str(error.value), error.value.reason) == ("authentication failure", "locked out")

    door.now += 300
    assert door.attempt("carla@trebol").ticket


def test_before_there_is_a_key_nobody_gets_in(mine: Accounts) -> None:
    with pytest.raises(NotAuthenticated):
        Door(replace(mine, keys=None)).attempt("carla@trebol")


def test_no_secret_is_in_what_attempts_look_like() -> None:
    shown = repr(Attempt("a@pam", "SECRET", otp="SECRET", challenge="SECRET")) + repr(
        Outcome("a@pam", "SECRET", "SECRET")
    )

    assert "SECRET" not in shown
