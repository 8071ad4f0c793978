"""Lock-out: who failed too often waits, by user and by address, and memory stays bounded."""

from __future__ import annotations

import pytest

from trebol_node.access.lockout import FAILURES, WINDOW_SECONDS, LockOut


class Clock:
    """Seconds that only pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lock_out(clock: Clock) -> LockOut:
    return LockOut(clock)


def fail(lock_out: LockOut, times: int, user: str | None = "ana@pam", address: str = "192.0.2.1") -> list[bool]:
    return [lock_out.begin(user, address) for _ in range(times)]


def test_ten_may_fail_and_the_eleventh_is_not_looked_at(lock_out: LockOut) -> None:
    assert fail(lock_out, 12) == [True] * FAILURES + [False] * 2


def test_a_user_is_locked_from_every_address(lock_out: LockOut) -> None:
    for number in range(FAILURES):
        assert lock_out.begin("ana@pam", f"192.0.2.{number}")

    assert not lock_out.begin("ana@pam", "198.51.100.1")
    assert lock_out.begin("ben@trebol", "198.51.100.1")


def test_an_address_is_locked_for_every_user_and_token(lock_out: LockOut) -> None:
    for number in range(FAILURES):
        assert lock_out.begin(f"user{number}@pam", "192.0.2.1")

    assert not lock_out.begin("ana@pam", "192.0.2.1")
    assert not lock_out.begin(None, "192.0.2.1")
    assert lock_out.begin("ana@pam", "192.0.2.2")


def test_tokens_lock_their_address_alone(lock_out: LockOut) -> None:
    assert fail(lock_out, 11, user=None) == [True] * 10 + [False]
    assert lock_out.begin("ana@pam", "192.0.2.2")


def test_it_opens_again_after_five_minutes(lock_out: LockOut, clock: Clock) -> None:
    fail(lock_out, FAILURES)

    clock.now += WINDOW_SECONDS - 1
    assert not lock_out.begin("ana@pam", "192.0.2.1")
    clock.now += 1
    assert fail(lock_out, 11) == [True] * 10 + [False]


def test_waiting_is_not_made_longer_by_trying(lock_out: LockOut, clock: Clock) -> None:
    fail(lock_out, FAILURES)
    for _ in range(WINDOW_SECONDS - 1):
        clock.now += 1
        assert not lock_out.begin("ana@pam", "192.0.2.1")

    clock.now += 1

    assert lock_out.begin("ana@pam", "192.0.2.1")


def test_it_locks_for_five_minutes_from_the_last_failure(lock_out: LockOut, clock: Clock) -> None:
    for _ in range(FAILURES):
        assert lock_out.begin("ana@pam", "192.0.2.1")
        clock.now += 30

    clock.now += WINDOW_SECONDS - 31
    assert not lock_out.begin("ana@pam", "192.0.2.1")
    clock.now += 2
    assert lock_out.begin("ana@pam", "192.0.2.1")


def test_slow_failures_do_not_lock(lock_out: LockOut, clock: Clock) -> None:
    for _ in range(100):
        assert lock_out.begin("ana@pam", "192.0.2.1")
        clock.now += WINDOW_SECONDS // (FAILURES - 1) + 1


def test_who_gets_in_is_never_locked(lock_out: LockOut) -> None:
    for _ in range(100):
        assert lock_out.begin("ana@pam", "192.0.2.1")
        lock_out.succeeded("ana@pam", "192.0.2.1")
    assert fail(lock_out, 11) == [True] * 10 + [False]


def test_the_tenth_may_be_the_right_one(lock_out: LockOut) -> None:
    fail(lock_out, FAILURES)

    lock_out.succeeded("ana@pam", "192.0.2.1")

    assert lock_out.begin("ana@pam", "192.0.2.2")


def test_ones_own_account_does_not_buy_guesses_at_others(lock_out: LockOut) -> None:
    allowed = 0
    for _ in range(100):
        if lock_out.begin("mallory@trebol", "192.0.2.1"):
            lock_out.succeeded("mallory@trebol", "192.0.2.1")
        allowed += lock_out.begin("ana@pam", "192.0.2.1")

    assert allowed <= FAILURES


def test_many_at_once_do_not_guess_more_often(lock_out: LockOut) -> None:
    started = [lock_out.begin("ana@pam", f"192.0.2.{number}") for number in range(50)]

    assert started.count(True) == FAILURES


SAME_HOST = [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
    ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("fe80::1%eth0", "fe80::2%eth1", True),
    ("::ffff:192.0.2.1", "192.0.2.1", True),
    ("192.0.2.1", "192.0.2.2", False),
    ("unix", "unix", True),
    ("", "", True),
    ("x" * 1000, "x" * 1001, True),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME_HOST)
def test_one_host_is_one_address(lock_out: LockOut, one: str, other: str, same: bool) -> None:
    fail(lock_out, FAILURES, user=None, address=one)

    assert lock_out.begin(None, other) is not same


def test_memory_is_bounded_and_the_locked_are_forgotten_last(clock: Clock) -> None:
    lock_out = LockOut(clock, remembered=100)
    fail(lock_out, FAILURES, user="ana@pam", address="192.0.2.1")

    for number in range(5000):
        lock_out.begin(f"user{number}@pam", f"10.0.{number // 250}.{number % 250}")
        assert len(lock_out) <= 102

    assert not lock_out.begin("ana@pam", "198.51.100.1")


def test_memory_is_bounded_when_all_are_locked(clock: Clock) -> None:
    lock_out = LockOut(clock, remembered=20)

    for number in range(100):
        fail(lock_out, FAILURES, user=f"user{number}@pam", address=f"10.0.0.{number}")
        assert len(lock_out) <= 22
