"""Three nodes installed from the ISO become one cluster: by the wizard, by a token, and by an answer file."""

from __future__ import annotations

import re
import shlex

from tests.e2e.cases import PASSWORD
from tests.e2e.lab import patient
from tests.e2e.reached import Reached
from tests.e2e.three_nodes import CLUSTER, FIRST, FORCED, SECOND, TEXT, THIRD, ThreeNodes

from trebol_firstboot.unattended.log import LOG

#: Seconds on emulated machines that share two processors.
MADE_WITHIN = 300.0
JOINED_WITHIN = 900.0

CASES = (FIRST, SECOND, THIRD)


def _online(node: Reached) -> tuple[bool, set[str]]:
    """Whether the node is quorate, and whom it sees."""
    head, *others = node.json("trebol cluster status --json")
    return bool(head.get("quorate")), {each["name"] for each in others if each.get("online")}


class TestSteps:
    """In this order, on three machines."""

    def test_the_wizard_on_the_first_creates_the_cluster(self, three: ThreeNodes) -> None:
        wizard = three.first
        wizard.log_in(PASSWORD, then="This node")
        wizard.open("Cluster", then="This node stands alone.")
        wizard.replace("Cluster name", CLUSTER)
        wizard.screen.push("< Create it >", then="It runs.")
        wizard.screen.wait("Done.", within=MADE_WITHIN)
        assert _online(wizard) == (True, {FIRST.host})

    def test_the_third_waits_as_its_answers_say(self, three: ThreeNodes) -> None:
        assert three.third.json("trebol firstboot status --json || true")["state"] == "running"

    def test_the_third_joins_once_its_text_is_agreed(self, three: ThreeNodes) -> None:
        agree = f"trebol cluster token create --agreed --node {THIRD.host}"
        three.first.ssh(f"printf %s {shlex.quote(TEXT)} | {agree}")
        over = f"tail --follow --lines=+1 /{LOG} | grep --max-count=1 'The first boot is over'"
        three.third.ssh(f"timeout {patient(JOINED_WITHIN):.0f} sh -c {shlex.quote(over)}")
        assert three.third.json("trebol firstboot status --json")["state"] == "done"
        assert _online(three.first) == (True, {FIRST.host, THIRD.host})

    def test_the_second_joins_by_a_token(self, three: ThreeNodes) -> None:
        told = three.first.ssh(f"trebol cluster token create --node {SECOND.host}")
        (token,) = re.findall(r"trebol1-\S+", told)
        forced = " ".join(f"--force {code}" for code in FORCED)
        three.second.ssh(f"timeout {patient(JOINED_WITHIN):.0f} trebol cluster join {token} {forced}")
        assert _online(three.first) == (True, {case.host for case in CASES})

    def test_each_sees_all_of_them(self, three: ThreeNodes) -> None:
        for node in three.all:
            assert _online(node) == (True, {case.host for case in CASES})

    def test_pacemaker_sees_all_of_them(self, three: ThreeNodes) -> None:
        told = three.third.ssh("crm_mon --one-shot --inactive --output-as=text")
        for case in CASES:
            assert re.search(rf"Online:.*\b{case.host}\b", told), told
