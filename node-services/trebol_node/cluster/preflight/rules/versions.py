"""Programs that have to understand each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from trebol_common.i18n import _
from trebol_node.cluster.preflight.facts import Facts, Versions
from trebol_node.cluster.preflight.finding import Says, Severity
from trebol_node.cluster.preflight.rules.majority import odd, usual

Look = Callable[[Facts], Iterator[Says]]


def same(program: str, of: Callable[[Versions], str], *, parts: int) -> Look:
    """A check: another version than most have is a warning, of the new host an error where one of the first `parts`
    numbers differs."""

    def look(facts: Facts) -> Iterator[Says]:
        found = {host.name: version for host in facts.hosts if (version := of(host.versions))}
        most = usual(found, not_of=facts.joining)
        for host, version in odd(found, not_of=facts.joining).items():
            far = _numbers(version)[:parts] != _numbers(most or "")[:parts]
            yield Says(
                where=host,
                what=_("{program} is {version}, that of most nodes {most}").format(
                    program=program, version=version, most=most
                ),
                hint=_("bring {host} to the same state: trebol node update --refresh --apply").format(host=host),
                hosts=(host,),
                severity=Severity.ERROR if far and host == facts.joining else Severity.WARNING,
            )
        for each in facts.hosts:
            if found and not of(each.versions):
                yield Says(
                    where=each.name,
                    what=_("{program} is not installed, that of most nodes is {most}").format(
                        program=program, most=most
                    ),
                    hint=_("bring {host} to the same state: trebol node update --refresh --apply").format(
                        host=each.name
                    ),
                    hosts=(each.name,),
                    severity=Severity.ERROR if each.name == facts.joining else Severity.WARNING,
                )

    return look


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:4])
