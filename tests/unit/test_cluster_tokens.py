"""A token is one line that survives a terminal, and tells of itself what was done to it on the way."""

from __future__ import annotations

import base64
import hashlib
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cluster_tokens import DAY, HOUR, SECRET, TEXT, TOKEN

from trebol_common.answers.cluster import Cluster
from trebol_common.errors import BadInput
from trebol_common.join_tokens import LONGEST
from trebol_node.cluster.tokens import lifetime
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.token import Token, TooLong, is_token


@pytest.mark.parametrize("node", [None, "n2"])
def test_what_is_printed_can_be_pasted(node: str | None) -> None:
    token = replace(TOKEN, node=node)
    assert Token.parse(token.reveal()) == token
    assert is_token(token.reveal())


@pytest.mark.parametrize(
    "text",
    [
        f"  {TEXT}\n",
        "\n".join(TEXT[start : start + 80] for start in range(0, len(TEXT), 80)),
        "\r\n  ".join(TEXT[start : start + 7] for start in range(0, len(TEXT), 7)),
    ],
)
def test_blanks_and_line_ends_of_a_terminal_do_not_matter(text: str) -> None:
    assert Token.parse(text) == TOKEN
    assert is_token(text)


def test_a_token_is_a_line_that_the_answer_file_takes() -> None:
    assert len(TEXT) < 300
    Cluster.model_validate({"mode": "join", "peer": "192.0.2.11", "token": TEXT})


def test_a_token_is_not_shown_by_accident() -> None:
    assert SECRET not in repr(TOKEN) and TEXT not in repr(TOKEN)
    with pytest.raises(BadInput) as caught:
        Token.parse(TEXT[:-1])
    assert TEXT[20:-20] not in str(caught.value)


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_a_copy_that_was_cut_off_is_told_from_a_garbled_one(length: int) -> None:
    told = {
        True: "is not a token of a cluster" if length < len("trebol1-") else "is garbled",
        False: f"was cut off: {length} of {len(TEXT)} letters are there",
    }
    with pytest.raises(BadInput) as caught:
        Token.parse(TEXT[:length])
    assert told[length < len("trebol1-") + 4] in str(caught.value)


@pytest.mark.parametrize("place", range(len("trebol1-") + 4, len(TEXT)))
def test_a_letter_that_was_changed_is_found(place: int) -> None:
    letters = string.ascii_letters + string.digits + "-_+/=é"
    for letter in letters.replace(TEXT[place], ""):
        with pytest.raises(BadInput, match="is garbled"):
            Token.parse(TEXT[:place] + letter + TEXT[place + 1 :])


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_", max_size=400))
def test_no_text_makes_more_of_it_than_a_token_that_is_wrong(text: str) -> None:
    with pytest.raises(BadInput):
        Token.parse("trebol1-" + text)


@pytest.mark.parametrize("added", ["A", "AAAA", "=", "."])
def test_letters_that_were_added_are_found(added: str) -> None:
    with pytest.raises(BadInput, match="is garbled"):
        Token.parse(TEXT + added)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a token of a cluster: those begin with trebol1-"),
        ("correct horse battery staple", "is not a token of a cluster"),
        (TEXT.removeprefix("trebol1-"), "is not a token of a cluster"),
        ("trebol2-abcd", "is a token of another version of Trebol (trebol2-)\n  → the node that joins needs"),
    ],
)
def test_what_is_no_token_is_told_from_one_of_another_version(text: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        Token.parse(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "token",
    [
        replace(TOKEN, cluster=""),
        replace(TOKEN, cluster="Clover 1"),
        replace(TOKEN, cluster_id="one\nanother"),
        replace(TOKEN, addresses=()),
        replace(TOKEN, addresses=(Address("a b"),)),
        replace(TOKEN, addresses=(Address("192.0.2.11", 0),)),
        replace(TOKEN, addresses=(Address("fe80::1%eth0"),)),
        replace(TOKEN, node="N 2"),
        replace(TOKEN, end=2**60),
    ],
)
def test_a_whole_token_with_strange_things_in_it_is_not_believed(token: Token) -> None:
    with pytest.raises(BadInput, match="does not say what a token says"):
        Token.parse(token.reveal())


def test_lengths_that_do_not_fit_are_not_believed() -> None:
    content = base64.urlsafe_b64decode(TEXT.removeprefix("trebol1-") + "==")[:-4]
    told = content[:66] + b"\xff" + content[67:]
    with pytest.raises(BadInput, match="does not say what a token says"):
        Token.parse(
            "trebol1-" + base64.urlsafe_b64encode(told + hashlib.sha256(told).digest()[:4]).decode().rstrip("=")
        )


def test_of_many_members_the_token_names_as_many_as_one_line_has_room_for() -> None:
    many = tuple(Address(f"node{number}.of-a-long-name.example.org") for number in range(32))
    token = replace(TOKEN, addresses=many)
    with pytest.raises(TooLong):
        token.reveal()
    fitting = token.fitting()
    assert fitting.addresses == many[: len(fitting.addresses)]
    assert len(fitting.addresses) > 10 and len(fitting.reveal()) <= LONGEST
    assert Token.parse(fitting.reveal()) == fitting


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.11:8006", Address("192.0.2.11")),
        ("[2001:db8:0::11]:443", Address("2001:db8::11", 443)),
        ("Node1.Example.org:8006", Address("node1.example.org")),
    ],
)
def test_addresses_are_read(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *["", "192.0.2.11", "192.0.2.11:", "192.0.2.11:0", "192.0.2.11:65536", "192.0.2.11:08", "192.0.2.256:8006"],
        *["2001:db8::11", "2001:db8::11:8006", "[2001:db8::11]", "[fe80::1%eth0]:8006", "[192.0.2.1]:8006", "a b:1"],
        *["-a:1", ":8006", "a..b:1", "192.0.2.1\n:8006", "1:٣"],
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Address.parse(text)


# How long it is good


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("60s", 60), ("15m", 900), ("1h", HOUR), (" 7D ", 7 * DAY), ("30d", 30 * DAY), ("720h", 30 * DAY)],
)
def test_a_time_is_typed_with_its_unit(text: str, seconds: int) -> None:
    assert lifetime.parse(text) == seconds
    assert lifetime.parse(lifetime.render(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("59s", "a minute at least"),
        ("31d", "30 days at most"),
        ("721h", "30 days at most"),
        *[
            (text, "is no time that a token can be good for")
            for text in ("", "1", "h", "1w", "-1h", "0h", "1.5h", "1h30m", "٣h", "99999999999d")
        ],
    ],
)
def test_a_time_that_no_token_is_good_for_is_refused_with_those_that_are(text: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        lifetime.parse(text, where="--ttl")
    assert told in str(caught.value) and "--ttl" in str(caught.value) and "90s, 15m, 1h or 7d" in str(caught.value)
