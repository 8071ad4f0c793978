"""`python3 -P -m trebol_node.cluster.preflight.program facts|measure`: reads its question on stdin, as
`Record.hand_over` writes it, and writes what it found on stdout, as JSON.

A process of its own, in a unit of its own (`trebol_node.cluster.preflight.unit`): neither trebold nor its worker may
open ports or raw sockets.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from trebol_common.errors import BadInput, TrebolError, of_system
from trebol_common.run import CommandRunner
from trebol_node.cluster.preflight import clock
from trebol_node.cluster.preflight.facts import HostFacts
from trebol_node.cluster.preflight.needed import COROSYNC_PORT, LINKS
from trebol_node.cluster.preflight.questions import FactsQuestion, Measured, MeasureQuestion

FACTS, MEASURE = "facts", "measure"

#: Seconds without a question after which others are taken to have ended that did not say so: longer than any pause
#: that a prober makes.
QUIET = 2.5


def main(arguments: list[str]) -> int:
    """The exit status; what is wrong goes to stderr."""
    try:
        text = sys.stdin.read()
        match arguments:
            case ["facts"]:
                answer = facts(FactsQuestion.handed_over(text)).to_json()
            case ["measure"]:
                answer = measured(MeasureQuestion.handed_over(text)).to_json()
            case _:
                raise BadInput("is neither facts nor measure", where=" ".join(arguments) or "the command line")
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        sys.stderr.write(f"{told}\n")
        return told.exit_status
    sys.stdout.write(f"{answer}\n")
    return 0


def facts(question: FactsQuestion) -> HostFacts:
    """Of this host."""
    # Here, not above: each member starts this program twice for each join, and loads half of it each time.
    from trebol_node.cluster.preflight import reading

    return reading.read(
        Path("/"),
        CommandRunner(),
        links=question.links,
        others=question.others,
        joining=question.joining,
        now=lambda: clock.now() / 1e9,
    )


def measured(question: MeasureQuestion) -> Measured:
    """Measure, and answer until the others have ended too. Raises TrebolError where the responder's port cannot be
    had."""
    from trebol_node.cluster.preflight.measure import Pace, measure, responding

    end = time.monotonic() + question.whole
    key = bytes.fromhex(question.key)
    pace = Pace(meet=question.meet, whole=question.whole)
    also = range(COROSYNC_PORT, COROSYNC_PORT + LINKS)
    with responding(filter(None, question.own.links), key, also=also) as responder:
        paths = measure(question.ways, key, own=question.own, pace=pace)
        responder.await_done([way.back for way in question.ways], quiet=QUIET, end=end)
    return Measured(paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
