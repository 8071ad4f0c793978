"""The node: answers of its API with many clients, memory and start of its daemons, the wizard's first page.

In a container of the layers that were built last (`tests.cluster.nodes`), on all processors of this machine, which
the clients share.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pexpect
from tests.cluster.nodes import ContainerNode, built_node, own_link

from bench import clients, node_floor, screens_shown
from bench.clients import Answers, Load, percentile
from bench.figures import Figure
from bench.screens import Program
from trebol_common.errors import TrebolError
from trebol_common.network import API_PORT
from trebol_common.tui.app import COLUMNS, ROWS

#: Someone who looks at a node asks once in a few seconds; fifty programs five times a second are far more.
LOAD = Load(clients=50, rate=5.0, seconds=20.0)
FLOOR_PORT = 8007
DAEMONS = ("trebold.service", "trebol-worker.service")
STARTS = 5
FLOOR_WITHIN = 30.0

FLOOR = "FastAPI under uvicorn, TLS, one answer that never changes"

#: What the floor imports, before it does anything.
_IMPORTS = "import fastapi, uvicorn, ssl"


def measure() -> Iterator[Figure]:
    """Everything of a node, as soon as it is there."""
    with built_node("bench", own_link("bench", 9)) as node:
        node.await_state("multi-user.target")
        yield wizard(node)
        yield ready(node)
        with floor(node) as floor_process:
            yield from answers(node, floor_process)
            yield memory(node, floor_process)


def answers(node: ContainerNode, floor_process: int, load: Load = LOAD) -> Iterator[Figure]:
    """The slowest of a hundred answers (p99), by path; half of the clients have a ticket, half a token."""
    paths = [f"/api2/json{path}" for path in ("/nodes", f"/nodes/{node.name}/status", "/cluster/resources")]
    who = signed_in(node)
    floor, floor_cost = _asked(
        node, floor_process, lambda: clients.measure((node.address, FLOOR_PORT), ["/"], [{}], load)
    )
    before = resource.getrusage(resource.RUSAGE_SELF)
    process = main_process(node, DAEMONS[0])
    found, cost = _asked(node, process, lambda: clients.measure((node.address, API_PORT), paths, who, load))
    after = resource.getrusage(resource.RUSAGE_SELF)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    least = floor.milliseconds["/"]
    for path in paths:
        times = found.milliseconds[path]
        yield Figure(
            f"GET {path.removeprefix('/api2/json')}, p99",
            percentile(times, 99),
            "ms",
            "at most 50 ms with 50 clients on two cores",
            percentile(least, 99),
            FLOOR,
            notes={
                "load": f"{load}, {len(times)} answers of this path",
                "median": f"{statistics.median(times):.1f} ms, floor {statistics.median(least):.1f} ms",
                "the clients' own share": f"{own / (load.seconds + load.warm_up):.0%} of a processor",
            },
        )
    yield Figure("processor time of an answer", cost, "ms", floor=floor_cost, floor_is=FLOOR)


def _asked(node: ContainerNode, process: int, ask: Callable[[], Answers]) -> tuple[Answers, float]:
    """What was measured, and milliseconds of processor time that the server took for an answer."""
    before = processor_seconds(node, process)
    found = ask()
    return found, 1000 * (processor_seconds(node, process) - before) / found.count


def signed_in(node: ContainerNode) -> Sequence[Mapping[str, str]]:
    """What identifies two clients: a user with a ticket, and a token of theirs, both of whom may look."""
    user, password = "bench@trebol", os.urandom(16).hex()

    def api(verb: str, path: str, *given: str) -> dict[str, str]:
        said = node.run("trebol", "api", verb, path, *given, "--json")
        found: dict[str, str] = json.loads(said) or {}
        return found

    api("create", "/access/users", f"userid={user}", f"password={password}")
    token = api("create", f"/access/users/{user}/token/bench", "privsep=0")
    api("set", "/access/acl", "path=/", f"users={user}", "roles=PVEAuditor")
    ticket = api("create", "/access/ticket", f"username={user}", f"password={password}")
    return (
        {"Cookie": f"PVEAuthCookie={ticket['ticket']}"},
        {"Authorization": f"PVEAPIToken={token['full-tokenid']}={token['value']}"},
    )


def memory(node: ContainerNode, floor_process: int) -> Figure:
    """What the daemons have for themselves, and their part of what they share (PSS), after they were asked much."""
    parts = {unit: proportional(node, main_process(node, unit)) for unit in DAEMONS}
    return Figure(
        "memory of the node's two daemons",
        sum(parts.values()),
        "MB",
        "at most 150 MB",
        proportional(node, floor_process),
        "the server of the floor of the answers",
        notes={unit: f"{size:.0f} MB" for unit, size in parts.items()},
    )


def ready(node: ContainerNode) -> Figure:
    """From the start of the daemon's unit until it says that it is ready."""
    began = time.perf_counter()
    for _ in range(STARTS):
        node.run("python3", "-c", _IMPORTS)
    floor = (time.perf_counter() - began) / STARTS
    times = []
    for _ in range(STARTS):
        node.run("systemctl", "restart", "trebold.service")
        times.append(seconds_of_start(node, "trebold.service"))
    return Figure(
        "trebold ready after the start of its unit",
        statistics.median(times),
        "s",
        "at most 3 s",
        floor,
        "Python's start and the import of FastAPI and uvicorn",
        notes={f"slowest of {STARTS}": f"{max(times):.2f} s"},
    )


def wizard(node: ContainerNode) -> Figure:
    """From the start of the wizard on a terminal to the last byte of its first page."""
    shutil.copy(screens_shown.__file__, node.tree / "root")
    seconds, whole = {}, {}
    for name, words in (
        ("floor", ("/root/screens_shown.py", screens_shown.FLOOR)),
        ("wizard", ("-I", "-m", "trebol_firstboot.screens")),
    ):
        found = [first_page(node, words) for _ in range(STARTS)]
        seconds[name], whole[name] = statistics.median(found), max(found)
    return Figure(
        "the wizard's first page",
        seconds["wizard"],
        "s",
        "at most 2 s",
        seconds["floor"],
        "urwid alone, sixteen lines to type into",
        notes={f"slowest of {STARTS}": f"{whole['wizard']:.2f} s"},
    )


def first_page(node: ContainerNode, words: Sequence[str]) -> float:
    """Seconds from the start of a Python program to the last byte that it draws, then nothing for a while."""
    command = ["--target", str(node.leader), "--all", "--wdns=/", "--", "env", "TERM=linux", "python3", *words]
    began = time.perf_counter()
    process = pexpect.spawn("nsenter", command, dimensions=(ROWS, COLUMNS))
    try:
        return Program(process).drawn(quiet=1.0) - began
    finally:
        process.close(force=True)


@contextmanager
def floor(node: ContainerNode) -> Iterator[int]:
    """The floor's server in the node; its process."""
    unit = "bench-floor.service"
    shutil.copy(node_floor.__file__, node.tree / "root")
    node.run("systemd-run", f"--unit={unit}", "python3", "/root/node_floor.py", str(FLOOR_PORT))
    try:
        end = time.monotonic() + FLOOR_WITHIN
        while not node.run("ss", "--tcp", "--listening", "--no-header", f"sport = :{FLOOR_PORT}"):
            if time.monotonic() > end:
                raise TrebolError("does not listen", where=node_floor.__file__)
            time.sleep(0.1)
        yield main_process(node, unit)
    finally:
        node.run("systemctl", "stop", unit)


def main_process(node: ContainerNode, unit: str) -> int:
    """As the node numbers it."""
    return int(node.run("systemctl", "show", "--property=MainPID", "--value", unit))


def proportional(node: ContainerNode, process: int) -> float:
    """MB of memory, of what it shares its part alone (proc_pid_smaps(5), Pss)."""
    lines = node.run("cat", f"/proc/{process}/smaps_rollup").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))


def processor_seconds(node: ContainerNode, process: int) -> float:
    """Seconds of processor time of a process, its own and the system's (proc_pid_stat(5), utime, stime)."""
    after_name = node.run("cat", f"/proc/{process}/stat").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of_start(node: ContainerNode, unit: str) -> float:
    """From the start of a unit's last run to its readiness, as systemd saw them."""
    names = ("InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    said = node.run("systemctl", "show", *(f"--property={name}" for name in names), unit)
    found = dict(line.split("=", 1) for line in said.splitlines())
    return (int(found[names[1]]) - int(found[names[0]])) / 1e6
