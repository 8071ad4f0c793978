"""A text that stands in answer files lets nodes in; both sides prove that they know it, and nobody stands between."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from pydantic import SecretStr
from tests.unit.cluster_tokens import DAY, NOW, TEXT, use

from trebol_common.errors import BadInput
from trebol_node.cluster.tokens import agreed, keeping, proof
from trebol_node.cluster.tokens.admission import Admitted, NotAdmitted, Unknown
from trebol_node.cluster.tokens.agreed import Agreed
from trebol_node.cluster.tokens.proof import NONCE, Exchange, proof_of_joiner, proof_of_member
from trebol_node.store.records import MemoryRecords

AGREED = SecretStr("9f2c4e81b7d3605a1c88e4f2070b9d6e")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has 0 characters"),
        ("trebol", "has 6 characters"),
        ("9f2c4e81b7d3605a1c88e4f", "has 23 characters, and is too easily guessed: it needs 24"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "only 1 different characters"),
        ("abcabcdabcdeabcdefabcdefghi" * 2, "only 9 different characters"),
        ("0123456789ab0123456789ab0123", "repeats itself or counts up"),
        ("Tr3bol!xyzqTr3bol!xyzqTr3bo", "repeats itself or counts up"),
        ("abcdefghijklmnopqrstuvwxyz", "repeats itself or counts up"),
        ("zyxwvutsrqponmlkjihgfedcba", "repeats itself or counts up"),
        ("correct horse battery staple", "is not one word"),
        ("contraseña-de-trebol-larga", "is not one word"),
        ("9f2c4e81b7d3605a" * 65, "is not one word"),
        (TEXT, "begins as a token that a cluster printed"),
    ],
)
def test_a_text_that_can_be_guessed_is_refused_with_the_reason_and_not_shown(text: str, told: str) -> None:
    records = MemoryRecords()
    with pytest.raises(BadInput) as caught:
        agreed.register(records, SecretStr(text), made_by="n1", now=NOW, seconds=DAY)
    assert told in str(caught.value) and "openssl rand -hex 16" in str(caught.value)
    assert not text or text not in str(caught.value)
    assert not keeping.tokens(records)


@pytest.mark.parametrize(
    "text", [AGREED.get_secret_value(), "Kq7-pWz2_mXr9.tLb4~vHn8sDc", "MTIzNDU2Nzg5MGFiY2RlZmdoaWo="]
)
def test_a_random_text_is_strong_enough(text: str) -> None:
    assert agreed.require_strong(text) == text


def test_a_text_agreed_beforehand_lets_one_node_in() -> None:
    records = MemoryRecords()
    ident = agreed.register(records, AGREED, made_by="n1", now=NOW, seconds=7 * DAY)
    made = Agreed.of(AGREED)

    assert ident == made.id
    kept = keeping.tokens(records)[ident]
    assert (kept.agreed, kept.end, kept.lifetime) == (True, NOW + 7 * DAY, 7 * DAY)
    assert agreed.proof_key(kept.hash) == made.key
    assert use(records, made) == Admitted()
    with pytest.raises(NotAdmitted, match="used by another machine"):
        use(records, Agreed.of(AGREED), machine="m4", node="n4")
    shown = repr(made) + repr(records.below(""))
    assert AGREED.get_secret_value() not in shown and made.secret.get_secret_value() not in shown


def test_one_text_lets_several_nodes_in_that_are_named() -> None:
    records = MemoryRecords()
    for node in ("n2", "n4"):
        agreed.register(records, AGREED, made_by="n1", now=NOW, seconds=DAY, node=node)
    assert len({Agreed.of(AGREED, node=node).id for node in (None, "n2", "n4")}) == 3
    for node in ("n2", "n4"):
        assert use(records, Agreed.of(AGREED, node=node), machine=f"m-{node}", node=node) == Admitted()
    with pytest.raises(NotAdmitted) as caught:
        use(records, Agreed.of(AGREED, node="n5"), machine="m5", node="n5")
    assert caught.value.refusal == Unknown()


def test_registering_again_makes_it_good_anew_but_not_once_it_was_used() -> None:
    records = MemoryRecords()
    for now in (NOW, NOW + 2 * DAY):
        ident = agreed.register(records, AGREED, made_by="n1", now=now, seconds=DAY)
    assert keeping.tokens(records)[ident].end == NOW + 3 * DAY
    use(records, Agreed.of(AGREED), now=NOW + 2 * DAY)
    with pytest.raises(BadInput, match="was used by node n2"):
        agreed.register(records, AGREED, made_by="n1", now=NOW + 2 * DAY, seconds=DAY)


# The proof of both sides

KEY = Agreed.of(AGREED).key
OTHER_KEY = Agreed.of(SecretStr("another-Text_0f-enough.Length")).key


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


ONE = Exchange(joiner=digest("nonce of n2"), member=digest("nonce of n1"), certificate=digest("n1's"))
CLUSTER_CA = digest("the CA")


def test_each_side_is_content_with_the_other_s_proof() -> None:
    assert proof.is_same(proof_of_joiner(KEY, ONE), proof_of_joiner(KEY, replace(ONE)))
    member = proof_of_member(KEY, ONE, ca=CLUSTER_CA)
    assert proof.is_same(member, proof_of_member(KEY, replace(ONE), ca=CLUSTER_CA))


def test_who_stands_between_with_another_certificate_is_found_by_both_sides() -> None:
    """It passes on nonces and proofs as they are: the node sees its certificate, the member sees its own."""
    seen_by_node = replace(ONE, certificate=digest("another's"))
    assert not proof.is_same(proof_of_joiner(KEY, seen_by_node), proof_of_joiner(KEY, ONE))
    assert not proof.is_same(
        proof_of_member(KEY, ONE, ca=CLUSTER_CA), proof_of_member(KEY, seen_by_node, ca=CLUSTER_CA)
    )


def test_another_ca_cannot_be_put_in_the_place_of_the_member_s() -> None:
    proved = proof_of_member(KEY, ONE, ca=CLUSTER_CA)
    assert not proof.is_same(proved, proof_of_member(KEY, ONE, ca=digest("another CA")))


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, joiner=digest("later")),
        replace(ONE, member=digest("later")),
        replace(ONE, joiner=ONE.member, member=ONE.joiner),
    ],
)
def test_a_proof_that_was_overheard_is_good_for_no_other_exchange(other: Exchange) -> None:
    assert not proof.is_same(proof_of_joiner(KEY, ONE), proof_of_joiner(KEY, other))
    assert not proof.is_same(proof_of_member(KEY, ONE, ca=CLUSTER_CA), proof_of_member(KEY, other, ca=CLUSTER_CA))


def test_what_one_side_says_cannot_be_said_back_to_it() -> None:
    assert not proof.is_same(proof_of_joiner(KEY, ONE), proof_of_member(KEY, ONE, ca=CLUSTER_CA))


def test_who_does_not_know_the_text_proves_nothing() -> None:
    assert not proof.is_same(proof_of_joiner(OTHER_KEY, ONE), proof_of_joiner(KEY, ONE))
    assert not proof.is_same(proof_of_member(OTHER_KEY, ONE, ca=CLUSTER_CA), proof_of_member(KEY, ONE, ca=CLUSTER_CA))


def test_nonces_are_new_and_lengths_are_fixed() -> None:
    assert proof.new_nonce() != proof.new_nonce()
    assert len(proof.new_nonce()) == NONCE
    for short in ({"joiner": b"1"}, {"member": b""}, {"certificate": b"1" * 20}):
        with pytest.raises(ValueError):
            replace(ONE, **short)
    with pytest.raises(ValueError):
        proof_of_joiner(b"", ONE)
    with pytest.raises(ValueError):
        proof_of_member(KEY, ONE, ca=b"")
