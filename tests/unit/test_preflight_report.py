"""The report before a join: what people read, and what programs do."""

from __future__ import annotations

import gettext
import json
from pathlib import Path

import pytest
from tests.unit.messages import spanish_catalogue
from tests.unit.preflight_facts import NEW, of_host, of_path, sound

from trebol_common import i18n
from trebol_node.cluster.preflight.facts import Contents, Facts, Size
from trebol_node.cluster.preflight.findings import evaluate
from trebol_node.cluster.preflight.report import WIDTH, to_members, to_text


def troubled() -> Facts:
    """Guests, a lossy way, one that carries too little in both directions."""
    facts = of_host(NEW, contents=Contents(guests=("web\x1b[31m", *(f"vm{number}" for number in range(9)))))(sound())
    facts = of_path(NEW, "node1", round_trips=(200,) * 40)(facts)
    facts = of_path(NEW, "node2", sizes=(Size(1400, True), Size(1500, False)))(facts)
    return of_path("node2", NEW, sizes=(Size(1400, True), Size(1500, False)))(facts)


def told(facts: Facts, *forced: str) -> str:
    """The report on them."""
    return to_text(facts, evaluate(facts), forced)


def test_a_node_that_may_join_is_told_so_with_what_was_measured() -> None:
    lines = told(sound()).splitlines()
    assert lines[0] == "way            link  median ms  p99 ms  loss %   MTU  clock ms"
    assert lines[1] == "node4 → node1     0       0.18    0.18       0  1500      +0.2"
    assert len(lines) == 1 + 12 + 2
    assert lines[-1] == "The node may join: 0 errors, 0 warnings, 0 notes."


def test_what_stops_the_join_is_told_with_figures_and_what_to_do() -> None:
    shown = told(troubled())
    assert (
        "✗ not-empty-guests\n    node4: the node has guests: web\\x1b[31m, vm0, vm1, vm2, vm3 and 5 more\n" in shown
    )
    assert "10 of 50 packets did not come back (20 %)" in " ".join(shown.split())
    assert shown.count("set the same MTU on all switches") == 1
    assert "The node may not join: 4 errors, 0 warnings, 0 notes.\n" in shown
    assert shown.endswith("To join nevertheless: --force not-empty-guests --force loss --force mtu-path")


def test_what_is_forced_is_marked_and_lets_the_node_join() -> None:
    shown = told(troubled(), "not-empty-guests", "loss", "mtu-path")
    assert "✗ loss (forced)\n" in shown
    assert shown.endswith("The node may join: 4 errors, 0 warnings, 0 notes.")


def test_what_is_never_forced_is_not_offered() -> None:
    facts = of_host(NEW, machine_id=sound().hosts[1].machine_id)(troubled())
    assert "--force" not in told(facts)


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_report_fits_eighty_columns_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    catalogue = spanish_catalogue(tmp_path) if language == "es" else gettext.NullTranslations()
    monkeypatch.setattr(i18n, "catalogue", lambda: catalogue)
    shown = told(troubled())
    assert [line for line in shown.splitlines() if len(line) > WIDTH] == []
    assert ("El nodo no puede unirse: 4 errores" in shown) == (language == "es")


def test_programs_get_findings_with_whether_they_stop_and_the_facts() -> None:
    facts = troubled()
    members = json.loads(json.dumps(to_members(facts, evaluate(facts), {"loss"})))
    assert members["stops"] is True
    assert members["counts"] == {"error": 4, "warning": 0, "info": 0}
    by_code = {finding["code"]: finding for finding in members["findings"]}
    assert (by_code["loss"]["stops"], by_code["loss"]["forced"]) == (False, True)
    assert (by_code["mtu-path"]["stops"], by_code["mtu-path"]["forced"]) == (True, False)
    assert by_code["loss"]["hosts"] == [NEW, "node1"]
    assert Facts.of_json(json.dumps(members["facts"])) == facts
