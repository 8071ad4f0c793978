"""A transaction ends with all of it done or with all as it was, whatever fails or cuts it off."""

from __future__ import annotations

import errno
import json
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.files import write_text
from trebol_common.run import CommandFailed
from trebol_node.cluster.steps import disk, engine
from trebol_node.cluster.steps.disk import Busy, is_anybody_at_it, look
from trebol_node.cluster.steps.engine import Outcome, Step, Unfinished, Work, abort, resume, start
from trebol_node.cluster.steps.journal import Direction, Journal, State
from trebol_node.tasks.inside import Interrupted

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SECONDS = "2026-11-28T12:00:00+00:00"

NAMES = ("admit", "keys", "store", "corosync", "vote", "end")

#: The first that has no way back.
VOTE = NAMES.index("vote")

#: Each step makes two things, so that it can be there by halves.
WHOLE = {f"{name} {half}" for name in NAMES for half in "ab"}

ARGUMENTS = {"node": "n2"}
SECRETS = {"token": "very secret"}


class PowerCut(BaseException):
    """Ends a run as a power cut does: nothing after it is written."""


FAULTS: dict[str, Callable[[], BaseException]] = {
    "error": lambda: TrebolError("does not answer", where="n1"),
    "program": lambda: CommandFailed("etcdctl", 1, ["no leader"]),
    "bug": lambda: KeyError("n1"),
    "full": lambda: OSError(errno.ENOSPC, "No space left on device", "/etc/x"),
    "interrupt": Interrupted,
    "key": KeyboardInterrupt,
    "kill": PowerCut,
}

#: What a step's `do` can meet: which step, `do` or `undo`, where in it.
Place = tuple[str, str, str]
PLACES: list[Place] = [
    (name, way, at) for way in ("do", "undo") for name in NAMES for at in ("before", "half", "after")
]


@dataclass
class Node:
    """What the steps change, which a power cut leaves as it is; `faults` says what happens where, once each."""

    folder: Path
    faults: dict[Place, str] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    did: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def steps(self) -> tuple[Step, ...]:
        return tuple(map(self._step, NAMES))

    def _step(self, name: str) -> Step:
        def do(work: Work) -> None:
            assert work.arguments == ARGUMENTS and work.secrets.items() >= SECRETS.items()
            self.did.append(name)
            self._meet(name, "do", "before")
            self.there.add(f"{name} a")
            self._meet(name, "do", "half")
            self.there.add(f"{name} b")
            self._meet(name, "do", "after")

        def undo(work: Work) -> None:
            assert work.arguments == ARGUMENTS
            self.did.append(f"undo {name}")
            self._meet(name, "undo", "before")
            self.there.discard(f"{name} b")
            self._meet(name, "undo", "half")
            self.there.discard(f"{name} a")
            self._meet(name, "undo", "after")

        return Step(name, do, undo, point_of_no_return=name == "vote")

    def _meet(self, *place: str) -> None:
        name, way, at = place
        if fault := self.faults.pop((name, way, at), ""):
            raise FAULTS[fault]()

    def start(self) -> Outcome:
        return start(
            self.folder, "join", self.steps(), arguments=ARGUMENTS, secrets=SECRETS, say=self.said.append, now=now
        )

    def resume(self) -> Outcome:
        return resume(self.folder, self.steps(), say=self.said.append, now=now)

    def abort(self) -> Outcome:
        return abort(self.folder, self.steps(), say=self.said.append, now=now)

    @property
    def is_over(self) -> bool:
        return {path.name for path in self.folder.iterdir()} == {"lock"}

    @property
    def end(self) -> str:
        """How it ended: nothing between, and nothing left over."""
        assert self.is_over
        return {0: "as before", len(WHOLE): "joined"}.get(len(self.there), "between")


def now() -> datetime:
    return NOW


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """These power cuts leave to the kernel what it has got; there are thousands of writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "cluster")


def states(node: Node) -> dict[str, str]:
    found = look(node.folder)
    assert found is not None
    return {entry.name: entry.state.value for entry in found.steps}


def test_all_steps_are_done_and_the_log_has_a_line_for_each(node: Node) -> None:
    assert node.start() is Outcome.DONE
    assert node.end == "joined"
    assert node.did == list(NAMES)
    assert node.said == ["1/6 admit", "2/6 keys", "3/6 store", "4/6 corosync", "5/6 vote", "6/6 end"]


@pytest.mark.parametrize("at", ["before", "half", "after"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "kill"])
def test_a_step_that_fails_leaves_all_as_before_or_can_be_gone_on_with(
    node: Node, name: str, fault: str, at: str
) -> None:
    node.faults = {(name, "do", at): fault}
    if NAMES.index(name) < VOTE:
        with pytest.raises(type(FAULTS[fault]())):
            node.start()
        assert node.end == "as before"
        assert node.did[node.did.index(name) + 1 :] == [
            f"undo {each}" for each in reversed(NAMES[: NAMES.index(name) + 1])
        ]
        assert node.said[-1] == "all is as before"
        return
    kept_as_it_is = fault in ("bug", "interrupt", "key")
    with pytest.raises(type(FAULTS[fault]()) if kept_as_it_is else Unfinished):
        node.start()
    with pytest.raises(Refused, match="beyond the point of no return") as caught:
        node.abort()
    assert "trebol cluster join --resume" in str(caught.value)
    assert node.resume() is Outcome.DONE
    assert node.end == "joined"


@pytest.mark.parametrize("how", ["resume", "abort"])
@pytest.mark.parametrize("at", ["before", "half", "after"])
@pytest.mark.parametrize("name", NAMES)
def test_a_power_cut_in_a_step_is_gone_on_with_or_taken_back(node: Node, name: str, at: str, how: str) -> None:
    node.faults = {(name, "do", at): "kill"}
    with pytest.raises(PowerCut):
        node.start()
    assert states(node)[name] == "begun"
    with pytest.raises(Refused, match="not ended"):
        node.start()

    if how == "resume":
        assert node.resume() is Outcome.DONE
        assert node.did.count(name) == 2
        assert node.end == "joined"
    elif NAMES.index(name) >= VOTE:
        with pytest.raises(Refused):
            node.abort()
        assert states(node)[name] == "begun"
    else:
        assert node.abort() is Outcome.UNDONE
        assert node.end == "as before"


@pytest.mark.parametrize("how", ["resume", "abort"])
@pytest.mark.parametrize("at", ["before", "half", "after"])
@pytest.mark.parametrize("fault", [*FAULTS])
@pytest.mark.parametrize("name", NAMES[:VOTE])
def test_an_undo_that_fails_is_tried_again_and_keeps_no_other_from_being_done(
    node: Node, name: str, fault: str, at: str, how: str
) -> None:
    node.faults = {("corosync", "do", "after"): "error", (name, "undo", at): fault}
    cut_off = fault in ("kill", "interrupt", "key")
    with pytest.raises(type(FAULTS[fault]()) if cut_off else Unfinished):
        node.start()

    assert states(node)[name] in ("done", "begun")
    assert cut_off or [each for each, state in states(node).items() if state in ("done", "begun")] == [name]
    assert (node.resume if how == "resume" else node.abort)() is Outcome.UNDONE, "there is no way forward any more"
    assert node.end == "as before"


def test_an_undo_that_fails_says_what_is_left_and_how_to_go_on(node: Node) -> None:
    node.faults = {("corosync", "do", "half"): "program", ("keys", "undo", "half"): "error"}
    with pytest.raises(Unfinished) as caught:
        node.start()
    assert [problem.what.splitlines()[0] for problem in caught.value.problems] == [
        "etcdctl",
        "does not answer",
        "is not as before: keys could not be undone",
    ]
    assert caught.value.problems[-1].hint == "mend what is wrong, then trebol cluster join --abort"
    found = look(node.folder)
    assert found is not None and found.direction is Direction.BACK
    assert found.reason.startswith("etcdctl ") and found.steps[1].reason == "does not answer"

    node.faults = {("keys", "undo", "before"): "error"}
    with pytest.raises(Unfinished, match="keys could not be undone"):
        node.abort()
    with pytest.raises(Refused) as refused:
        node.start()
    assert refused.value.problems[0].hint == "trebol cluster join --abort"
    assert node.abort() is Outcome.UNDONE
    assert node.end == "as before"


def writes(monkeypatch: pytest.MonkeyPatch, number: int, fault: str) -> None:
    """Have the write of a file with that number meet a fault; a negative one: that one and all after it."""
    written: list[str] = []

    def failing(path: Path, text: str, *, mode: int) -> None:
        written.append(path.name)
        if len(written) == number or (number < 0 and len(written) >= -number):
            raise FAULTS[fault]()
        write_text(path, text, mode=mode)

    monkeypatch.setattr("trebol_node.cluster.steps.disk.write_text", failing)


@pytest.mark.parametrize("how", ["resume", "abort"])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("number", range(1, 16))
def test_a_power_cut_at_any_write_of_the_journal_loses_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch, number: int, fails: bool, how: str
) -> None:
    node.faults = {("corosync", "do", "half"): "error"} if fails else {}
    with monkeypatch.context() as patch:
        writes(patch, number, "kill")
        with suppress(PowerCut, TrebolError):
            node.start()
    node.faults = {}
    if look(node.folder) is None:
        node.start()
    elif how == "resume":
        node.resume()
    else:
        with suppress(Refused):
            node.abort()
        with suppress(BadInput):
            node.resume()
    assert node.end in ("as before", "joined")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("number", [*range(1, 16), *range(-15, 0)])
def test_a_full_disk_at_any_write_of_the_journal_leaves_nothing_between(
    node: Node, monkeypatch: pytest.MonkeyPatch, number: int, fails: bool
) -> None:
    node.faults = {("corosync", "do", "half"): "error"} if fails else {}
    with monkeypatch.context() as patch:
        writes(patch, number, "full")
        with suppress(TrebolError, OSError):
            node.start()
    if not node.is_over:
        with suppress(Refused):
            node.abort()
    if not node.is_over:
        node.resume()
    assert node.end in ("as before", "joined")


@pytest.mark.parametrize("how", ["resume", "abort"])
@pytest.mark.parametrize("fault", ["kill", "interrupt"])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("file", ["secrets.json", "journal.json"])
def test_a_cut_when_all_is_done_or_undone_leaves_what_can_be_ended(
    node: Node, monkeypatch: pytest.MonkeyPatch, file: str, fails: bool, fault: str, how: str
) -> None:
    node.faults = {("corosync", "do", "half"): "error"} if fails else {}
    unlink = Path.unlink

    def cut(path: Path, missing_ok: bool = False) -> None:
        if path.name == file:
            raise FAULTS[fault]()
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", cut)
        with pytest.raises(type(FAULTS[fault]())):
            node.start()
    found = (node.resume if how == "resume" else node.abort)()

    assert found is (Outcome.UNDONE if fails else Outcome.DONE)
    assert node.end == ("as before" if fails else "joined")


def test_who_ends_it_when_all_is_done_comes_too_late(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = disk.Kept.mark

    def marked(kept: disk.Kept, index: int, state: State, reason: str = "") -> None:
        mark(kept, index, state, reason)
        if kept.journal.is_done:
            raise KeyboardInterrupt

    monkeypatch.setattr(disk.Kept, "mark", marked)
    assert node.start() is Outcome.DONE
    assert node.end == "joined"


FAULTY = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(sorted(FAULTS)), max_size=6)
ATTEMPTS = st.lists(st.tuples(st.sampled_from(["resume", "abort"]), FAULTY), max_size=6)


@given(FAULTY, ATTEMPTS, st.sampled_from(["resume", "abort"]))
def test_no_sequence_of_faults_leaves_anything_between(
    tmp_path_factory: pytest.TempPathFactory,
    faults: dict[Place, str],
    attempts: list[tuple[str, dict[Place, str]]],
    last: str,
) -> None:
    node = Node(tmp_path_factory.mktemp("node") / "cluster")
    ways: dict[str, Callable[[], Outcome]] = {"start": node.start, "resume": node.resume, "abort": node.abort}
    refused = False
    for way, node.faults in [("start", dict(faults)), *((how, dict(each)) for how, each in attempts), (last, {})]:
        if way != "start" and node.is_over:
            break
        try:
            ways[way]()
        except Refused:
            refused = True
            assert way == "abort" and states(node)["vote"] in ("begun", "done")
        except (TrebolError, OSError, KeyError, Interrupted, KeyboardInterrupt, PowerCut):
            assert not refused or not node.is_over, "beyond the point of no return nothing is undone"
    if not node.is_over:
        assert last == "abort" and refused
        node.resume()
    assert node.end == "joined" if refused else node.end in ("as before", "joined")


def test_only_one_is_at_it_and_the_other_is_told_what_runs(node: Node) -> None:
    seen: list[bool] = []

    def other(work: Work) -> None:
        seen.append(is_anybody_at_it(node.folder))
        for way in (node.start, node.resume, node.abort):
            with pytest.raises(Busy, match="a join is under way"):
                way()

    start(node.folder, "join", [Step("admit", other)], arguments={}, secrets={}, say=node.said.append)
    assert seen == [True]
    assert not is_anybody_at_it(node.folder)


def test_what_is_on_the_disk_is_root_s_alone_and_secrets_are_in_no_journal(node: Node) -> None:
    kept: dict[str, str] = {}

    def admit(work: Work) -> None:
        work.remember(member=7)
        work.keep_secret(key="of corosync")
        assert "secret" not in repr(work)
        for path in node.folder.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            kept[path.name] = path.read_text()
        raise PowerCut

    def undo(work: Work) -> None:
        assert work.facts == {"member": 7}
        assert work.secrets == {"token": "very secret", "key": "of corosync"}

    steps = [Step("admit", admit, undo)]
    with pytest.raises(PowerCut):
        start(node.folder, "join", steps, arguments=ARGUMENTS, secrets=SECRETS, say=node.said.append, now=now)
    assert json.loads(kept["journal.json"]) == {
        "kind": "join",
        "steps": [{"name": "admit", "state": "begun", "reason": "", "when": SECONDS}],
        "arguments": {"node": "n2"},
        "facts": {"member": 7},
        "direction": "forward",
        "reason": "",
    }
    assert json.loads(kept["secrets.json"]) == {"token": "very secret", "key": "of corosync"}
    assert stat.S_IMODE(node.folder.stat().st_mode) == 0o700
    assert abort(node.folder, steps, say=node.said.append) is Outcome.UNDONE
    assert node.is_over


@pytest.mark.parametrize("how", ["resume", "abort"])
def test_where_nothing_is_under_way_there_is_nothing_to_go_on_with(node: Node, how: str) -> None:
    with pytest.raises(BadInput, match="nothing to go on with"):
        (node.resume if how == "resume" else node.abort)()
    assert look(node.folder) is None


@pytest.mark.parametrize("file", ["journal.json", "secrets.json"])
@pytest.mark.parametrize("text", ['{"steps": [', "[7]", '{"kind": 7}'])
def test_a_damaged_file_is_named_and_nothing_is_done(node: Node, file: str, text: str) -> None:
    node.faults = {("store", "do", "half"): "kill"}
    with pytest.raises(PowerCut):
        node.start()
    (node.folder / file).write_text(text)
    before = set(node.there)
    for way in (node.resume, node.abort):
        with pytest.raises(TrebolError, match="is damaged") as caught:
            way()
        assert caught.value.problems[0].where == str(node.folder / file)
    assert node.there == before


def test_a_journal_of_another_version_s_steps_is_not_guessed_at(node: Node) -> None:
    node.faults = {("store", "do", "half"): "kill"}
    with pytest.raises(PowerCut):
        node.start()
    with pytest.raises(TrebolError, match="is of other steps than these: admit, keys, store"):
        resume(node.folder, node.steps()[1:], say=node.said.append)


@pytest.fixture
def undone() -> Iterator[Journal]:
    yield Journal.of("join", NAMES, {}).marked(0, State.BEGUN, NOW).going_back("no room").going_back("again")


def test_the_first_reason_is_the_one_that_stays(undone: Journal) -> None:
    assert undone.reason == "no room"
    assert not undone.is_undone
    assert undone.marked(0, State.UNDONE, NOW).is_undone


def test_a_step_without_an_undo_leaves_nothing_to_undo(node: Node) -> None:
    def fail(work: Work) -> None:
        raise TrebolError("does not answer")

    with pytest.raises(TrebolError, match="does not answer"):
        engine.start(
            node.folder,
            "join",
            [Step("look", lambda work: work.say("all well")), Step("fail", fail)],
            arguments={},
            secrets={},
            say=node.said.append,
        )
    assert node.said == [
        "1/2 look",
        "all well",
        "2/2 fail",
        "2/2 fail: does not answer",
        "undo 2/2 fail",
        "undo 1/2 look",
        "all is as before",
    ]
    assert node.is_over
