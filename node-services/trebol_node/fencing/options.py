"""What may be set of an agent's parameters, and whether it makes sense: every problem at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trebol_common.errors import BadInput, Problem, raise_for
from trebol_node.fencing.metadata import Agent, Kind, Parameter

#: Programs of the package that fence nothing by themselves: they wait for another's crash, ask an address whether it
#: answers, or are only there for pacemaker's own use.
NOT_AGENTS = frozenset({"fence_kdump", "fence_heuristics_ping", "fence_legacy", "fence_watchdog"})

#: What pacemaker and Trebol set themselves; what only changes what is said; what names a program to run, or a file to
#: write: whoever may add a device must not become root on all nodes by it. ssh's options can run a program too.
_NOT_SET = frozenset(
    {
        *(
            "action",
            "delay",
            "version",
            "help",
            "verbose",
            "verbose_level",
            "quiet",
            "debug",
            "debug_file",
            "logfile",
        ),
        *("plug_separator", "separator", "disable_timeout", "stonith_status_sleep", "suppress-errors", "usage"),
        *("use_sudo", "sudo", "ssh_options", "identity_file"),
    }
)
_NOT_SET_ENDS = ("_path", "_script")

#: Agents that know a node by its name, as pacemaker has it, and not by the number of an outlet.
NAMED_BY_NODE = frozenset({"fence_sbd", "fence_scsi"})

#: Where the agent's own default is not what today's devices take: IPMI 1.5 sends passwords that can be read.
_DEFAULTS: Mapping[str, Mapping[str, str]] = {"fence_ipmilan": {"lanplus": "1"}}

#: Characters of a value.
LONGEST = 1024

_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:%_-]{0,253}")
_DEVICES = re.compile(r"/dev/[A-Za-z0-9/._:+@-]+([,;]/dev/[A-Za-z0-9/._:+@-]+)*")
_YES, _NO = frozenset({"1", "yes", "true", "on"}), frozenset({"0", "no", "false", "off"})


@dataclass(frozen=True)
class Options:
    """Values by the parameters' names of today: those that may be shown, and those that may not."""

    plain: Mapping[str, str]
    secret: Mapping[str, str]


def settable(agent: Agent) -> tuple[Parameter, ...]:
    """Those that a device may have."""
    return tuple(each for each in agent.parameters if _is_settable(each.name))


def checked(agent: Agent, node: str, given: Mapping[str, str]) -> Options:
    """`given` by whatever names, canonical, with what the node's name gives. Raises BadInput with all problems.

    No problem shows a secret value.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        parameter = agent.parameter(name)
        problem = _of_name(agent, name, parameter)
        if problem is not None or parameter is None:
            problems.append(problem or Problem("is unknown", name))
        elif parameter.name in values:
            problems.append(Problem(f"is given twice: as {parameter.name} too", name))
        elif problem := _of_value(parameter, value):
            problems.append(problem)
        else:
            values[parameter.name] = _canonical(parameter, value)
    full = {**_given_by_node(agent, node), **_DEFAULTS.get(agent.name, {}), **values}
    if not problems:
        problems += _missing(agent, full)
    raise_for(problems, BadInput)
    secret = {each.name for each in agent.parameters if each.is_secret}
    return Options(
        {name: value for name, value in sorted(full.items()) if name not in secret},
        {name: value for name, value in sorted(full.items()) if name in secret},
    )


def _is_settable(name: str) -> bool:
    return name not in _NOT_SET and not name.endswith(_NOT_SET_ENDS)


def _of_name(agent: Agent, name: str, parameter: Parameter | None) -> Problem | None:
    if parameter is None:
        return Problem(f"is no parameter of {agent.name}", name, f"see: trebol fence parameters {agent.name}")
    if not _is_settable(parameter.name):
        return Problem("cannot be set: it is Trebol's and pacemaker's, or names a program or a file", name)
    return None


def _of_value(parameter: Parameter, value: str) -> Problem | None:
    """Agents read a line for each parameter: a value neither ends one nor loses blanks at its ends."""
    name = parameter.name
    if not value:
        return Problem("is empty", name)
    if len(value) > LONGEST or not value.isprintable() or value != value.strip():
        return Problem(f"is not up to {LONGEST} characters that can be seen, without blanks at its ends", name)
    lower = value.lower()
    match parameter.kind:
        case Kind.BOOLEAN if lower not in _YES | _NO:
            return Problem("is neither yes nor no", name)
        case Kind.INTEGER | Kind.SECOND if not (value.isascii() and value.isdigit() and len(value) < 10):
            return Problem("is no number", name)
        case Kind.SELECT if value not in parameter.choices:
            return Problem(f"is none of {', '.join(parameter.choices)}", name)
        case _:
            return _of_place(name, value)


def _of_place(name: str, value: str) -> Problem | None:
    if name == "ip" and not _HOST.fullmatch(value):
        return Problem("is no address and no host name", name)
    if name == "ipport" and not 1 <= int(value) <= 65535:
        return Problem("is no port: 1 to 65535", name)
    if name == "devices" and not _DEVICES.fullmatch(value):
        return Problem("is no list of devices such as /dev/disk/by-id/…", name)
    return None


def _canonical(parameter: Parameter, value: str) -> str:
    return str(int(value.lower() in _YES)) if parameter.kind is Kind.BOOLEAN else value


def _given_by_node(agent: Agent, node: str) -> dict[str, str]:
    return {"plug": node} if agent.name in NAMED_BY_NODE else {}


def _missing(agent: Agent, values: Mapping[str, str]) -> Iterator[Problem]:
    """What the agent demands; its address too, which many do not demand since `plug` may stand in for it."""
    as_ip = values.get("port_as_ip") == "1"
    for parameter in settable(agent):
        needed = parameter.required or (parameter.name == "ip" and not as_ip) or (parameter.name == "plug" and as_ip)
        if needed and parameter.name not in values and not parameter.default:
            yield Problem(f"is missing: {parameter.description}", parameter.name)
