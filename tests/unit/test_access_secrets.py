"""Passwords, keys, tickets, CSRF tokens, API tokens: which ones count, for how long, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.accounts import KEYS, NOW, SECRET, accounts

from trebol_node.access import Accounts, Identity, Write, changes, csrf, keys, passwords, tickets, tokens
from trebol_node.access.errors import Invalid, NotAuthenticated
from trebol_node.access.passwords import Cost
from trebol_node.access.records import Key, Keys

CHEAP = Cost(4, 1, 1)
HOUR = 3600


WORDS = ["correct horse", "ñandú€𝄞", " leading and trailing ", "x" * 64, "a\ud800bcdefg"]


@pytest.mark.parametrize("word", WORDS, ids=ascii)
def test_a_password_matches_what_was_kept_of_it_and_nothing_else_does(word: str) -> None:
    kept = passwords.hash_password(word, cost=CHEAP)

    assert passwords.matches(word, kept)
    assert not passwords.matches(word + " ", kept)
    assert not passwords.matches(word + "\0", kept)
    assert not passwords.matches(word.upper() + "!", kept)
    assert word not in kept


def test_the_hash_is_that_of_rfc_7914() -> None:
    kept = passwords.hash_password("pleaseletmein", salt=b"SodiumChloride", cost=Cost(14, 8, 1))

    # Section 12: 70 23 bd cb 3a fd 73 48 46 1c 06 cd 81 fd 38 eb …, of which 32 bytes.
    assert kept == "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"


def test_two_hashes_of_one_password_differ() -> None:
    assert passwords.hash_password("same word", cost=CHEAP) != passwords.hash_password("same word", cost=CHEAP)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    """The cost of each hash that was made; they are cheap."""
    made: list[Cost] = []

    def cheap(password: str, salt: bytes, cost: Cost) -> bytes:
        made.append(cost)
        return bytes(32)

    monkeypatch.setattr(passwords, "_scrypt", cheap)
    return made


NOTHING_KEPT = [
    None,
    "",
    "!",
    "$6$rounds=5000$salt$hash",
    "$scrypt$ln=99,r=8,p=5$AAAA$AAAA",
    "$scrypt$ln=14,r=99,p=5$AAAA$AAAA",
    "$scrypt$ln=0,r=8,p=5$AAAA$AAAA",
    "$scrypt$ln=14,r=8,p=5$A$AAAA",
    "$scrypt$ln=14,r=8,p=5$AAAA$AAAA\n",
]


@pytest.mark.parametrize("kept", NOTHING_KEPT)
def test_where_there_is_nothing_to_compare_with_it_costs_the_same_to_say_no(
    kept: str | None, counted: list[Cost]
) -> None:
    assert not passwords.matches("any word", kept)
    assert counted == [passwords.USUAL]


NEW = [
    ("long enough", ""),
    ("12345678", ""),
    ("ñ" * 64, ""),
    ("1234567", "value must be at least 8 characters long"),
    ("", "value must be at least 8 characters long"),
    ("x" * 65, "value may only be 64 characters long"),
    ("tab\tinside", "value contains control characters"),
    ("line\ninside", "value contains control characters"),
]


@pytest.mark.parametrize(("word", "words"), NEW)
def test_new_passwords(word: str, words: str) -> None:
    if not words:
        assert passwords.require_good(word) == word
        return
    with pytest.raises(Invalid) as error:
        passwords.require_good(word, argument="confirmation-password")
    assert (str(error.value), error.value.argument) == (words, "confirmation-password")


ROTATES = [
    (None, 0, True),
    (0, 0, False),
    (0, 23 * HOUR, False),
    (0, 24 * HOUR, True),
    (0, 240 * HOUR, True),
    (0, -300, False),  # Another node's clock is a little ahead.
    (0, -24 * HOUR, True),  # The clock was wrong when it was made.
]


@pytest.mark.parametrize(("made", "later", "expected"), ROTATES)
def test_a_new_key_signs_each_day(made: int | None, later: int, expected: bool) -> None:
    current = None if made is None else Key(secret="a" * 64, created=NOW + made)
    mine = replace(accounts(), keys=None if current is None else Keys(current=current))

    writes = keys.rotation(mine, NOW + later, "b" * 64)

    assert bool(writes) is expected
    if expected:
        after = mine.after(writes).keys
        assert after == Keys(current=Key(secret="b" * 64, created=NOW + later), previous=current)


def test_secrets_are_random_and_of_the_right_size() -> None:
    assert len({keys.new_secret() for _ in range(5)}) == 5
    assert len(bytes.fromhex(keys.new_secret())) == 32
    assert len({tokens.new_secret() for _ in range(5)}) == 5


def test_a_ticket_looks_as_clients_expect_it() -> None:
    ticket = tickets.make(accounts(), "ana@pam", NOW)

    prefix, user, time, nothing, signature = ticket.split(":")
    assert (prefix, user, int(time, 16), nothing) == ("PVE", "ana@pam", NOW, "")
    assert len(signature) == 44
    assert ticket.isascii()


AGES = [
    (-301, False),
    (-300, True),
    (0, True),
    (2 * HOUR, True),
    (2 * HOUR + 1, False),
    (24 * HOUR, False),
    (-24 * HOUR, False),
]


@pytest.mark.parametrize(("age", "counts"), AGES)
def test_what_is_signed_is_good_for_two_hours(age: int, counts: bool) -> None:
    mine = accounts()
    ticket, token = tickets.make(mine, "ana@pam", NOW), csrf.make(mine.keys, "ana@pam", NOW)

    if counts:
        assert tickets.check(mine, ticket, NOW + age) == tickets.Ticket("ana@pam", NOW)
        csrf.check(mine.keys, token, "ana@pam", NOW + age)
    else:
        with pytest.raises(NotAuthenticated):
            tickets.check(mine, ticket, NOW + age)
        with pytest.raises(NotAuthenticated):
            csrf.check(mine.keys, token, "ana@pam", NOW + age)


def rotated(mine: Accounts, now: int, secret: str) -> Accounts:
    return mine.after(keys.rotation(mine, now, secret))


def test_a_ticket_survives_one_change_of_keys_but_not_two() -> None:
    mine = accounts()
    ticket = tickets.make(mine, "ana@pam", NOW)

    day = rotated(mine, NOW + 23 * HOUR, "e" * 64)
    late = tickets.make(mine, "ana@pam", NOW + 23 * HOUR - 5)

    assert day.keys != mine.keys
    assert tickets.check(day, late, NOW + 24 * HOUR).made == NOW + 23 * HOUR - 5
    with pytest.raises(NotAuthenticated, match="authentication failure"):
        tickets.check(rotated(day, NOW + 48 * HOUR, "f" * 64), ticket, NOW + 60)


def test_the_last_key_cannot_sign_after_the_present_one_is_there() -> None:
    mine = accounts()
    assert KEYS.previous is not None
    thief = replace(mine, keys=Keys(current=KEYS.previous))

    forged = tickets.make(thief, "root@pam", NOW)

    with pytest.raises(NotAuthenticated):
        tickets.check(mine, forged, NOW)


def other(text: str, index: int) -> str:
    """`text` with another character at `index`."""
    return text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]


GOOD = tickets.make(accounts(), "ana@pam", NOW)

BAD_TICKETS = [
    "",
    "PVE",
    "PVE::",
    "PVE:ana@pam",
    f"PVE:root@pam:{NOW:08X}::{GOOD.rpartition(':')[2]}",
    GOOD.replace("ana@pam", "root@pam"),
    GOOD.replace("PVE:", "PBS:"),
    GOOD.replace(f"{NOW:08X}", f"{NOW + 60:08X}"),
    GOOD.replace(f"{NOW:08X}", f"{NOW:08x}"),
    GOOD.replace(f"{NOW:08X}", f"{NOW:012X}"),
    GOOD[:-1],
    GOOD + "=",
    GOOD + "\n",
    GOOD + " ",
    " " + GOOD,
    GOOD + ":",
    GOOD.replace("::", ":"),
    GOOD.replace("@", "\0@"),
    GOOD.replace("ana", "ana\ud800"),
    GOOD.partition("::")[0] + "::",
    "PVE:" + "a" * 1_000_000 + f"@pam:{NOW:08X}::AAAA",
    *(other(GOOD, index) for index in (4, 8, 14, 21, 25, len(GOOD) - 2)),
    csrf.make(KEYS, "ana@pam", NOW),
    tickets.make_challenge(KEYS, "ana@pam", {"totp": True}, NOW),
]


@pytest.mark.parametrize("ticket", BAD_TICKETS, ids=lambda text: ascii(text[:40]))
def test_what_is_no_ticket_of_ours(ticket: str) -> None:
    with pytest.raises(NotAuthenticated) as error:
        tickets.check(accounts(), ticket, NOW)

    assert str(error.value) == "authentication failure"


def test_without_keys_nothing_counts_and_nothing_is_signed() -> None:
    bare = replace(accounts(), keys=None)

    with pytest.raises(NotAuthenticated):
        tickets.check(bare, GOOD, NOW)
    with pytest.raises(NotAuthenticated):
        tickets.make(bare, "ana@pam", NOW)


def test_the_ticket_of_a_deleted_user_is_not_that_of_one_of_the_same_name() -> None:
    mine = accounts()
    ticket = tickets.make(mine, "carla@trebol", NOW)

    gone = mine.after(changes.delete_user(mine, "carla@trebol"))
    again = gone.after(changes.create_user(gone, "carla@trebol", now=NOW))

    for after in (gone, again):
        with pytest.raises(NotAuthenticated):
            tickets.check(after, ticket, NOW)
    assert tickets.check(again, tickets.make(again, "carla@trebol", NOW), NOW).user == "carla@trebol"


@pytest.mark.parametrize(("by", "stays"), [("carla@trebol", True), ("root@pam", False)])
def test_a_password_set_by_somebody_else_ends_the_tickets_that_there_are(by: str, stays: bool) -> None:
    mine = accounts()
    ticket = tickets.make(mine, "carla@trebol", NOW)

    after = mine.after(changes.set_password(mine, "carla@trebol", "hash", by=by, now=NOW))

    if stays:
        assert tickets.check(after, ticket, NOW)
    else:
        with pytest.raises(NotAuthenticated):
            tickets.check(after, ticket, NOW)


def test_a_user_made_by_a_node_whose_clock_was_a_day_ahead_can_log_in() -> None:
    mine = accounts()
    mine = mine.after(changes.create_user(mine, "fay@trebol", now=NOW + 24 * HOUR))

    assert tickets.check(mine, tickets.make(mine, "fay@trebol", NOW), NOW).made == NOW


def test_a_challenge_is_for_its_user_and_for_minutes() -> None:
    asked = {"totp": True, "recovery": [0, 3]}
    ticket = tickets.make_challenge(KEYS, "ana@pam", asked, NOW)

    assert ticket.startswith("PVE:!tfa!%7B%22recovery%22")
    assert tickets.check_challenge(KEYS, ticket, "ana@pam", NOW + 300) == asked
    for user, now in (("ben@trebol", NOW), ("ana@pam", NOW + 301)):
        with pytest.raises(NotAuthenticated):
            tickets.check_challenge(KEYS, ticket, user, now)
    with pytest.raises(NotAuthenticated):
        tickets.check_challenge(KEYS, GOOD, "ana@pam", NOW)


CSRF = csrf.make(KEYS, "ana@pam", NOW)

BAD_CSRF = [
    ("", "ana@pam"),
    (CSRF, "ben@trebol"),
    (CSRF, "ana@pam!full"),
    (other(CSRF, 0), "ana@pam"),
    (other(CSRF, 12), "ana@pam"),
    (CSRF + "\n", "ana@pam"),
    (CSRF.lower(), "ana@pam"),
    (GOOD, "ana@pam"),
    (":", "ana@pam"),
    (f"{NOW:08X}:{GOOD.rpartition(':')[2]}", "ana@pam"),
]


@pytest.mark.parametrize(("token", "user"), BAD_CSRF)
def test_a_csrf_token_is_for_one_user(token: str, user: str) -> None:
    csrf.check(KEYS, CSRF, "ana@pam", NOW)

    with pytest.raises(NotAuthenticated):
        csrf.check(KEYS, token, user, NOW)


HEADER = f"PVEAPIToken=ana@pam!full={SECRET}"

BAD_HEADERS = [
    "",
    "PVEAPIToken=",
    "PVEAPIToken=ana@pam!full",
    "PVEAPIToken=ana@pam!full=",
    f"PVEAPIToken=ana@pam={SECRET}",
    f"PVEAPIToken=ana@pam!full={SECRET} ",
    f"PVEAPIToken=ana@pam!full={SECRET.upper()}",
    f"PVEAPIToken=ana@pam!full:{SECRET}",
    f"PVEAPIToken=ana@pam!full:{SECRET}=",
    f"PVEAPIToken=ana@pam!none={SECRET}",
    f"PVEAPIToken=nobody@pam!full={SECRET}",
    f"PVEAPIToken=a\x1b@pam!full={SECRET}",
    f"PVEAPIToken=ana@pam!full={SECRET[:-1]}\ud800",
    f"Bearer ana@pam!full={SECRET}",
    f"pveapitoken=ana@pam!full={SECRET}",
    "PVEAPIToken=" + "x" * 1_000_000,
    # What hashes to the hash that is compared with where there is no token.
    "PVEAPIToken=ana@pam!none=",
]


@pytest.mark.parametrize("header", BAD_HEADERS, ids=lambda text: ascii(text[:60]))
def test_headers_that_are_no_token_of_ours(header: str) -> None:
    with pytest.raises(NotAuthenticated) as error:
        tokens.check(accounts(), header, NOW)

    assert SECRET not in error.value.reason + str(error.value)


def test_a_token_says_who_asks() -> None:
    assert tokens.check(accounts(), HEADER, NOW) == Identity("ana@pam", "full")


ENDED: list[tuple[str, dict[str, Any]]] = [
    ("users/ana@pam", {"enable": False}),
    ("users/ana@pam", {"expire": NOW - 1}),
    ("tokens/ana@pam!full", {"hash": tokens.hash_secret(SECRET), "expire": NOW - 1}),
]


@pytest.mark.parametrize(("key", "value"), ENDED)
def test_a_token_ends_with_its_user_and_with_its_time(key: str, value: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated):
        tokens.check(accounts().after([Write(key, value)]), HEADER, NOW)
