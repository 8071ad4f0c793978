"""Answer files that leave something to be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.answer_files import changed

from trebol_common.answers.partial import Partial, partial
from trebol_common.cli import run
from trebol_common.errors import BadInput


def leaving(*asked: str, **others: object) -> str:
    return changed(("interactive", {"ask": list(asked), **others}))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "a.toml: interactive: needs ask ="),
        ({"ask": "network"}, "a.toml: interactive: needs ask ="),
        ({"ask": []}, "a.toml: interactive: needs ask ="),
        ({"ask": ["network"], "tell": []}, "a.toml: interactive: needs ask ="),
        ({"ask": ["networks"]}, "a.toml: interactive.ask: 'networks' is nothing that a screen asks for"),
    ],
)
def test_what_is_to_be_asked_has_to_be_said_rightly(table: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput, match="interactive") as caught:
        partial(changed(("interactive", table)), "a.toml")
    assert told in str(caught.value)


def test_an_ordinary_answer_file_leaves_nothing() -> None:
    assert partial(changed(), "a.toml") is None


@pytest.mark.parametrize(
    ("key", "asks"),
    [("network", True), ("network.cidr", True), ("global.fqdn", True), ("global.mailto", False), ("global", True)],
)
def test_a_table_is_asked_for_whole_and_a_key_alone(key: str, asks: bool) -> None:
    assert Partial({}, ("network", "global.fqdn")).asks_for(key) is asks


def test_what_is_asked_for_is_no_problem_yet_and_the_rest_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(changed(("interactive", {"ask": ["network"]}), ("network", None), ("global.fqdn", "node1")))
    assert run(["answer", "validate", str(file)]) == 2
    said = capsys.readouterr().err
    assert "global.fqdn: 'node1' is not a fully qualified" in said and "network" not in said

    file.write_text(changed(("interactive", {"ask": ["network"]}), ("network", None)))
    assert run(["answer", "validate", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: valid, and asks for network\n"


def test_a_wrong_value_is_wrong_though_it_is_asked_for() -> None:
    left = partial(changed(("interactive", {"ask": ["disk-setup"]}), ("disk-setup.filesystem", "ext5")), "a.toml")

    assert left is not None
    assert [problem.key for problem in left.problems()] == ["disk-setup.filesystem"]
