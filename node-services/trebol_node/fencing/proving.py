"""Whether a node's devices would cut its power: what they answer, judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trebol_node.fencing.agents import Answer
from trebol_node.fencing.device import Device, levels


@dataclass(frozen=True)
class Verdict:
    """`problems`: why no level of devices would do; none: one would. `warnings`: of a level that would not, or of a
    single device, while another would."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(devices: Iterable[Device], answers: Mapping[str, Answer], *, online: bool) -> Verdict:
    """Of the devices of one node by what they answered, by id. `online`: the node is there, so its power is on.

    A level does where all its devices do: of two power supplies one is not enough.
    """
    found = levels(devices)
    wrong = {each.id: words for its in found.values() for each in its if (words := _wrong(answers, each, online))}
    told = tuple(f"{ident}: {words}" for ident, words in wrong.items())
    if not found:
        return Verdict(("there is no fence device for it",))
    works = any(all(each.id not in wrong for each in its) for its in found.values())
    return Verdict((), told) if works else Verdict(told)


def _wrong(answers: Mapping[str, Answer], device: Device, online: bool) -> str:
    answer = answers.get(device.id)
    if answer is None:
        return "was not asked"
    if answer.problem:
        return answer.problem
    if answer.is_on is False and online:
        return "says that the power is off, and the node is there: is it another one's plug or address?"
    return ""
