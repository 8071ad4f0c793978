"""Second factors: one-time passwords, each good once, recovery keys, and the lock after too many misses."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from tests.unit.accounts import NOW, accounts

from trebol_common.errors import TrebolError
from trebol_node.access import Accounts, factors, totp
from trebol_node.access.errors import Exists, Invalid, Missing, NotAuthenticated
from trebol_node.access.records import Tfa, Totp

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
DEVICE = pyotp.TOTP(SEED)
URI = DEVICE.provisioning_uri("ana@pam", "node1")
USER = "ana@pam"
SALT = "ab" * 32
WRONG = "totp:000000"


def code(now: float = NOW) -> str:
    return DEVICE.at(int(now))


def enrolled(mine: Accounts | None = None, identity: str = "one", now: float = NOW - 3000) -> Accounts:
    """Ana has a device since fifty minutes."""
    mine = mine or accounts()
    writes = factors.add_totp(
        mine, USER, identity=identity, description="phone", uri=URI, code=f"{code(now)}", now=now
    )
    return mine.after(writes)


def with_recovery(mine: Accounts) -> tuple[Accounts, tuple[str, ...]]:
    keys = totp.new_keys()
    return mine.after(factors.add_recovery(mine, USER, keys, salt=SALT, now=NOW)), keys


def tfa() -> Tfa:
    return enrolled().tfa[USER]


#: RFC 6238, appendix B: seconds, algorithm, the eight digits shown.
VECTORS = [
    (59, "sha1", "94287082"),
    (59, "sha256", "46119246"),
    (59, "sha512", "90693936"),
    (1111111109, "sha1", "07081804"),
    (1111111111, "sha256", "67062674"),
    (1234567890, "sha512", "93441116"),
    (20000000000, "sha1", "65353130"),
]
SEEDS = {
    "sha1": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "sha256": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA",
    "sha512": "GEZDGNBVGY3TQOJQ" * 6 + "GEZDGNA",
}


@pytest.mark.parametrize(("seconds", "algorithm", "digits"), VECTORS)
def test_one_time_passwords_are_those_of_rfc_6238(seconds: int, algorithm: str, digits: str) -> None:
    device = Totp.model_validate({"id": "x", "secret": SEEDS[algorithm], "digits": 8, "algorithm": algorithm})

    right, _ = totp.answer(Tfa(totp=(device,)), f"totp:{digits}", seconds)

    assert right


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(steps: int, right: bool) -> None:
    assert totp.answer(tfa(), f"totp:{code(NOW + 30 * steps)}", NOW)[0] is right


@pytest.mark.parametrize("later", [0, 1, 29, 30])
def test_a_one_time_password_is_good_once(later: int) -> None:
    right, after = totp.answer(tfa(), f"totp:{code()}", NOW)
    again, _ = totp.answer(after, f"totp:{code()}", NOW + later)

    assert (right, again) == (True, False)


def test_one_older_than_that_which_was_used_is_not_good_any_more() -> None:
    _, after = totp.answer(tfa(), f"totp:{code(NOW + 30)}", NOW)

    assert not totp.answer(after, f"totp:{code(NOW)}", NOW)[0]
    assert totp.answer(after, f"totp:{code(NOW + 60)}", NOW + 30)[0]


def test_the_code_that_proved_a_new_device_is_used_up() -> None:
    assert not totp.answer(enrolled(now=NOW).tfa[USER], f"totp:{code()}", NOW)[0]


def test_after_a_clock_was_a_day_ahead_the_right_time_counts_again() -> None:
    right, after = totp.answer(tfa(), f"totp:{code(NOW + 86_400)}", NOW + 86_400)

    assert right
    assert totp.answer(after, f"totp:{code()}", NOW)[0]


def test_eight_misses_lock_it_for_right_ones_too() -> None:
    factor = tfa()
    for _ in range(totp.MISSES):
        assert not totp.is_locked(factor)
        right, factor = totp.answer(factor, WRONG, NOW)
        assert not right

    assert totp.is_locked(factor)
    assert totp.answer(factor, f"totp:{code()}", NOW) == (False, factor)


def test_a_right_one_forgets_the_misses() -> None:
    factor = tfa()
    for _ in range(totp.MISSES - 1):
        _, factor = totp.answer(factor, WRONG, NOW)

    right, factor = totp.answer(factor, f"totp:{code()}", NOW)

    assert (right, factor.misses) == (True, 0)


def test_a_recovery_key_is_good_once_and_unlocks() -> None:
    mine, keys = with_recovery(enrolled())
    factor = mine.tfa[USER].model_copy(update={"misses": totp.MISSES})

    right, after = totp.answer(factor, f"recovery:{keys[3]}", NOW)
    again, _ = totp.answer(after, f"recovery:{keys[3]}", NOW)

    assert (right, again) == (True, False)
    assert totp.answer(after, f"totp:{code()}", NOW)[0]
    assert totp.challenge(after) == {"totp": True, "recovery": [0, 1, 2, 4, 5, 6, 7, 8, 9]}


def test_recovery_keys_are_read_as_people_type_them() -> None:
    mine, keys = with_recovery(enrolled())

    assert totp.answer(mine.tfa[USER], f"recovery: {keys[0].upper().replace('-', ' ')} ", NOW)[0]


def test_a_wrong_recovery_key_costs_nothing_but_the_attempt() -> None:
    mine, _ = with_recovery(enrolled())

    for key in ("", "-", "0000-0000-0000-0000-0000", "\ud800"):
        assert totp.answer(mine.tfa[USER], f"recovery:{key}", NOW) == (False, mine.tfa[USER])


def test_there_are_ten_recovery_keys_of_eighty_bits_and_none_is_kept() -> None:
    mine, keys = with_recovery(enrolled())

    assert len(set(keys)) == 10
    assert all(len(bytes.fromhex(key.replace("-", ""))) == 10 for key in keys)
    assert not any(key in str(mine.values()) or key.replace("-", "") in str(mine.values()) for key in keys)


NO_ANSWERS = ["", "totp", "123456", "yubico:abc", "webauthn:{}", ":123456", "TOTP:123456"]


@pytest.mark.parametrize("text", NO_ANSWERS)
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        totp.answer(tfa(), text, NOW)


ODD_CODES = [
    "",
    " ",
    code() + " ",
    " " + code(),
    code() + "\n",
    "12345",
    "1234567",
    "１２３４５６",
    "\ud800",
    "0" * 10**6,
]


@pytest.mark.parametrize("text", ODD_CODES, ids=lambda text: ascii(text[:20]))
def test_what_is_no_code_counts_as_a_miss(text: str) -> None:
    right, after = totp.answer(tfa(), f"totp:{text}", NOW)

    assert (right, after.misses) == (False, 1)


def test_a_device_that_is_switched_off_asks_and_counts_for_nothing() -> None:
    mine = enrolled()
    mine = mine.after(factors.modify(mine, USER, "one", enable=False, description="old phone"))

    assert totp.challenge(mine.tfa[USER]) is None
    assert not totp.answer(mine.tfa[USER], f"totp:{code()}", NOW)[0]
    assert mine.tfa[USER].totp[0].description == "old phone"


def test_any_of_several_devices_will_do() -> None:
    other = pyotp.TOTP(pyotp.random_base32())
    mine = enrolled()
    mine = mine.after(
        factors.add_totp(
            mine,
            USER,
            identity="two",
            description="tablet",
            uri=other.provisioning_uri("x"),
            code=other.at(NOW),
            now=NOW,
        )
    )

    assert totp.answer(mine.tfa[USER], f"totp:{other.at(NOW + 30)}", NOW)[0]
    assert totp.answer(mine.tfa[USER], f"totp:{code()}", NOW)[0]


def test_recovery_keys_alone_ask_for_nothing() -> None:
    mine, _ = with_recovery(accounts())

    assert totp.challenge(mine.tfa[USER]) is None
    assert totp.challenge(None) is None


def add(**arguments: Any) -> Any:
    defaults = {"identity": "one", "description": "phone", "uri": URI, "code": code(), "now": NOW}
    return lambda mine: factors.add_totp(mine, USER, **{**defaults, **arguments})


def uri(query: str, kind: str = "totp") -> str:
    return f"otpauth://{kind}/node1:ana@pam?{query}"


REFUSED: list[tuple[Any, type[TrebolError], str]] = [
    (add(code="000000"), Invalid, "failed to verify TOTP challenge"),
    (add(code=code(NOW - 90)), Invalid, "failed to verify TOTP challenge"),
    (add(description=None), Invalid, "'description' is required for new entries"),
    (add(description=""), Invalid, "'description' is required for new entries"),
    (add(description="x" * 256), Invalid, "value may only be 255 characters long"),
    (add(description="\ud800"), Invalid, "value contains control characters"),
    (add(uri=""), Invalid, "not a TOTP URI"),
    (add(uri="https://example.org/"), Invalid, "not a TOTP URI"),
    (add(uri=uri("")), Invalid, "not a TOTP URI"),
    (add(uri=uri("secret=")), Invalid, "not a TOTP URI"),
    (add(uri=uri("secret=1111111111111111")), Invalid, "not a TOTP URI"),
    (add(uri=uri("secret=%D1%84")), Invalid, "not a TOTP URI"),
    (add(uri=uri(f"secret={SEED}&counter=0", "hotp")), Invalid, "not a TOTP URI"),
    (add(uri=uri(f"secret={SEED}&digits=x")), Invalid, "not a TOTP URI"),
    (add(uri=uri(f"secret={SEED}&algorithm=MD5")), Invalid, "not a TOTP URI"),
    (add(uri=uri(f"secret={SEED}&period=0")), Invalid, "unsupported digits, period or algorithm"),
    (add(uri=uri(f"secret={SEED}&period=-30")), Invalid, "unsupported digits, period or algorithm"),
    (add(uri=uri(f"secret={SEED}&period=86400")), Invalid, "unsupported digits, period or algorithm"),
    (add(uri=uri("secret=JBSWY3DP")), Invalid, "the secret is too short (40 bits)"),
    (add(uri=uri(f"secret={'A' * 2000}")), Invalid, "not a TOTP URI"),
    (lambda mine: factors.delete(mine, USER, "one"), Missing, "No such tfa entry 'one'"),
    (lambda mine: factors.delete(mine, USER, "recovery"), Missing, "No such tfa entry 'recovery'"),
    (lambda mine: factors.modify(mine, USER, "one", enable=True), Missing, "No such tfa entry 'one'"),
    (lambda mine: factors.unlock(mine, "fay@pam"), Missing, "no such user ('fay@pam')"),
    (
        lambda mine: factors.add_recovery(with_recovery(mine)[0], USER, (), salt=SALT, now=NOW),
        Exists,
        "user already has recovery keys",
    ),
    (
        lambda mine: factors.modify(with_recovery(mine)[0], USER, "recovery", enable=False),
        Invalid,
        "recovery keys cannot be modified",
    ),
]


@pytest.mark.parametrize(("wanted", "kind", "words"), REFUSED)
def test_what_cannot_be_is_refused_without_a_secret(wanted: Any, kind: type[TrebolError], words: str) -> None:
    with pytest.raises(kind) as error:
        wanted(accounts())

    assert str(error.value) == words
    assert error.value.__cause__ is None


def test_a_device_for_a_new_user_can_be_made_here() -> None:
    new = totp.new_uri("josé@trebol", "node 1")
    device = pyotp.parse_uri(new)

    assert isinstance(device, pyotp.TOTP)
    entry = totp.first_use(totp.read_uri(new, identity="x", description="d", now=NOW), device.at(NOW), NOW)
    assert (entry.digits, entry.step, entry.algorithm, len(device.byte_secret())) == (6, 30, "sha1", 20)


def test_the_last_second_factor_leaves_no_record() -> None:
    mine, _ = with_recovery(enrolled())

    mine = mine.after(factors.delete(mine, USER, "one"))
    assert USER in mine.tfa
    mine = mine.after(factors.delete(mine, USER, "recovery"))

    assert USER not in mine.tfa


def test_an_administrator_unlocks() -> None:
    mine = enrolled()
    locked = mine.after([factors._write(USER, mine.tfa[USER].model_copy(update={"misses": 99}))])

    assert factors.unlock(mine, USER) == ()
    assert not totp.is_locked(locked.after(factors.unlock(locked, USER)).tfa[USER])


def test_too_many_devices_are_refused() -> None:
    mine = accounts()
    for number in range(16):
        mine = enrolled(mine, f"n{number}")

    with pytest.raises(Exists):
        enrolled(mine, "one more")
