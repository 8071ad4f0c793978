"""What is measured before a join, on this node: for a member's daemon, and for a node that would join."""

from __future__ import annotations

import json

from trebol_node import pki
from trebol_node.cluster import join
from trebol_node.cluster.create import numbered, require_own
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.member import MemberApi, find
from trebol_node.cluster.preflight.asking import ask
from trebol_node.cluster.preflight.findings import evaluate, stopping
from trebol_node.cluster.preflight.questions import FactsQuestion, Measured, MeasureQuestion
from trebol_node.cluster.preflight.unit import Program
from trebol_node.tasks import Tasks, Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker.cluster_operations import Preflight, PreflightFacts, PreflightMeasure
from trebol_node.worker.context import Context, Machine

_TASK = "clusterpreflight"


def read_facts(operation: PreflightFacts, context: Context, who: str) -> str:
    """See `PreflightFacts`."""
    question = FactsQuestion.of_json(operation.question, where="question")
    return Program(context.machine.runner).facts(question).to_json()


def measure(operation: PreflightMeasure, context: Context, who: str) -> str:
    """See `PreflightMeasure`."""
    question = MeasureQuestion.of_json(operation.question, where="question")
    return Measured(Program(context.machine.runner).measure(question)).to_json()


def begin(operation: Preflight, context: Context, who: str) -> str:
    """See `Preflight`."""
    return str(context.start(_TASK, "", who, operation))


def run(operation: Preflight, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `begin`."""
    here = Here(machine.root, machine.runner)
    require_own(numbered(operation.links), here.addresses())
    member = find(*join.credentials(operation.token, operation.peer, node=here.name, machine=here.machine))
    log.say(join.introduction(member, here))
    facts = ask(member, Program(here.runner), numbered(operation.links), say=log.say)
    findings = evaluate(facts)
    Tasks().write_result(upid, json.dumps({"facts": facts.to_members(), **_certificates(member, here)}))
    log.say(f"{len(findings)} findings, of which {len(stopping(findings))} would stop a join")


def _certificates(member: MemberApi, here: Here) -> dict[str, str]:
    return {
        "member": str(member.address),
        "member-fingerprint": join.shown(member),
        "fingerprint": pki.fingerprint(pki.API.pair(here.at(pki.FOLDER)).certificate),
    }
