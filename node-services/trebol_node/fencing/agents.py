"""The fence agents of this node: which there are, what one says of itself, what a device answers to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import CommandFailed, Completed, Runner
from trebol_node.fencing.device import AGENT
from trebol_node.fencing.metadata import Agent, parse
from trebol_node.fencing.options import NOT_AGENTS

FOLDER = Path("/usr/sbin")

#: Seconds that an agent has to describe itself, and a device to answer.
_DESCRIBED_WITHIN, _ANSWERED_WITHIN = 20, 60

_TIMED_OUT = (124, 137)

#: Exit statuses of the action `status` (fencing.py of fence-agents).
_ON, _OFF = 0, 2

#: Where an agent asks ipmitool: it is asked to say more, for what it says by itself is the same for all causes. Of
#: other agents that would show what they send, passwords too.
_TALKATIVE = "ipmitool_path"

#: What agents and programs below them say, and what that means; the first that is there counts. ipmitool is done at
#: once with a user or password that is refused, and waits for what does not answer (seen with 1.8.19).
_CAUSES = (
    ("HMAC is invalid", "it does not take the password"),
    ("unauthorized name", "it does not know the user"),
    ("invalid role", "it does not let this user do that: see privlvl"),
    ("Unable to establish", "it does not take this user and password"),
    ("timed out", "it does not answer"),
    ("Unable to connect/login", "it does not answer, or not to this user and password"),
)


class Agents:
    """Those of this node. What one said of itself is kept: an upgrade of its package starts the daemons anew."""

    def __init__(self, runner: Runner, folder: Path = FOLDER) -> None:
        self._runner = runner
        self._folder = folder
        self._known: dict[str, Agent] = {}

    def names(self) -> tuple[str, ...]:
        """See `names`."""
        return names(self._folder)

    def describe(self, name: str) -> Agent:
        """See `describe`."""
        if name not in self._known:
            self._known[name] = describe(self._runner, name, self._folder)
        return self._known[name]


@dataclass(frozen=True)
class Answer:
    """What a device said: `is_on` (None: it cannot tell), or `problem`."""

    is_on: bool | None = None
    problem: str = ""


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Of all that fence by themselves."""
    found = (path.name for path in folder.glob("fence_*"))
    return tuple(sorted(name for name in found if re.fullmatch(AGENT, name) and name not in NOT_AGENTS))


def describe(runner: Runner, name: str, folder: Path = FOLDER) -> Agent:
    """What the agent says of itself. Raises BadInput for one that is not there, TrebolError where it fails."""
    if name not in names(folder):
        raise BadInput(f"'{name[:64]}' is no fence agent of this node", where="agent", hint="trebol fence agents")
    command = ["timeout", "--kill-after=1", str(_DESCRIBED_WITHIN), str(folder / name), "-o", "metadata"]
    try:
        return parse(runner.run(command).stdout, name)
    except CommandFailed as error:
        said = error.last_lines[-1] if error.last_lines else str(error)
        raise TrebolError(f"does not describe itself: {said}", where=name) from error


def ask(
    runner: Runner, agent: Agent, options: Mapping[str, str], secrets: Mapping[str, str], folder: Path = FOLDER
) -> Answer:
    """Have the agent ask its device whether the power is on; where it cannot, whether it is there."""
    action = "status" if "status" in agent.actions else "monitor"
    given = {**options, **secrets, "action": action}
    done = _run(runner, agent, given, secrets, folder)
    if done.status in (_ON, _OFF) and action == "status":
        return Answer(is_on=done.status == _ON)
    if done.status == 0:
        return Answer()
    if done.status in _TIMED_OUT:
        return Answer(problem=f"does not answer within {_ANSWERED_WITHIN} s")
    said = done.stderr + done.stdout
    if not _cause(said) and any(each.name == _TALKATIVE for each in agent.parameters):
        more = _run(runner, agent, {**given, "verbose": "1"}, secrets, folder)
        said = said if not _cause(more.stderr + more.stdout) else more.stderr + more.stdout
    return Answer(problem=_cause(said) or reason(said) or f"{agent.name} ended with status {done.status}")


def _cause(text: str) -> str:
    return next((words for sign, words in _CAUSES if sign in text), "")


def reason(text: str) -> str:
    """An agent's last error, without its time and its rank: "2026-01-01 10:00:00,123 ERROR: Failed: …"."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "Please use '-h'" not in line]
    return re.sub(r"^[0-9 :,-]*(ERROR|WARNING|CRITICAL): ", "", lines[-1]).removeprefix("Failed: ") if lines else ""


def _run(
    runner: Runner, agent: Agent, given: Mapping[str, str], secrets: Mapping[str, str], folder: Path
) -> Completed:
    """Options go by stdin: nobody sees them in `ps`."""
    text = "".join(f"{name}={value}\n" for name, value in given.items())
    command = ["timeout", "--kill-after=5", str(_ANSWERED_WITHIN), str(folder / agent.name)]
    return runner.run(command, input=text, check=False, secrets=list(secrets.values()))
