"""What pacemaker says of itself: `crm_mon --output-as=xml` (pacemaker 2.1 and 3), asked and parsed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from trebol_common.errors import TrebolError
from trebol_common.run import CommandFailed, Completed, Runner, explain_status
from trebol_node.cluster.diagnosis.facts import FailedAction, FailedFencing, Pacemaker, PacemakerNode

COMMAND = ("crm_mon", "--one-shot", "--output-as=xml")


def read(runner: Runner) -> Pacemaker:
    """Ask it. Raises TrebolError in its own words where it does not answer."""
    try:
        done = runner.run(COMMAND, check=False)
    except CommandFailed as error:
        raise TrebolError("is not installed", where="pacemaker", hint="apt install pacemaker") from error
    if done.status:
        raise TrebolError(_reason(done), where="pacemaker", hint="see: systemctl status pacemaker")
    return parse(done.stdout)


def parse(text: str) -> Pacemaker:
    """Raises TrebolError for what is none of its."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise TrebolError(f"crm_mon says what is no XML: {error}", where="pacemaker") from error
    leads = root.find("summary/current_dc")
    options = root.find("summary/cluster_options")
    return Pacemaker(
        leads=leads is not None and _is(leads, "present"),
        nodes=tuple(
            PacemakerNode(
                each.get("name", ""),
                online=_is(each, "online"),
                # Of a node that is pending, pacemaker says both.
                standby=_is(each, "standby") and not _is(each, "pending"),
                maintenance=_is(each, "maintenance"),
                unclean=_is(each, "unclean"),
                pending=_is(each, "pending"),
            )
            for each in root.iterfind("nodes/node")
        ),
        fencing=tuple(_fencing(root)),
        actions=tuple(
            FailedAction(
                each.get("op_key", "").split("_", 1)[0] if "_" in each.get("op_key", "") else each.get("id", ""),
                each.get("node", ""),
                each.get("exitreason", "") or each.get("exitstatus", ""),
            )
            for each in root.iterfind("failures/failure")
        ),
        running=tuple(each.get("id", "") for each in root.iterfind("resources//resource") if _runs(each)),
        stopped=options is not None and _is(options, "stop-all-resources"),
    )


def _reason(done: Completed) -> str:
    """What a crm_mon that failed says: XML too, where it came that far."""
    try:
        status = ElementTree.fromstring(done.stdout).find("status")
    except ElementTree.ParseError:
        status = None
    told = [] if status is None else [each.text or "" for each in status.iterfind("errors/error")]
    words = [each.strip() for each in told if each.strip()]
    message = "" if status is None else status.get("message", "")
    last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:]
    return "; ".join(words) or message or "".join(last) or f"crm_mon: {explain_status(done.status)}"


def _fencing(root: Element) -> Iterator[FailedFencing]:
    """Of each node the last attempt that is over, the newest of which stands first; where it failed."""
    seen = set()
    for each in root.iterfind("fence_history/fence_event"):
        target = each.get("target", "")
        if each.get("status") not in ("success", "failed") or target in seen:
            continue
        seen.add(target)
        if each.get("status") == "failed":
            yield FailedFencing(target, each.get("action", ""), each.get("origin", ""), each.get("exit-reason", ""))


def _runs(resource: Element) -> bool:
    """A fence device is no load: it may run or not, and fences all the same."""
    return _is(resource, "active") and not resource.get("resource_agent", "").startswith("stonith:")


def _is(element: Element, name: str) -> bool:
    return element.get(name) == "true"
