"""Views of the whole cluster come from what each member said last: no dead node is waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.api_node import NOW, TestClock
from tests.unit.cluster_of_three import records_of
from tests.unit.test_handing import ticket_of
from tests.unit.two_members import Two, two_members

from trebol_node.access import Accounts, keys, tickets
from trebol_node.access.accounts import KEYS
from trebol_node.access.errors import NotAuthenticated
from trebol_node.access.records import Key, Keys
from trebol_node.api.app import PREFIX
from trebol_node.api.handing.connecting import Connector
from trebol_node.api.handing.members import Members
from trebol_node.api.handing.others import UNKNOWN
from trebol_node.api.login import keep_keys
from trebol_node.store.records import MemoryRecords

VIEWS = ("/cluster/resources", "/cluster/resources?type=node")
UPID = "UPID:n2:00000001:00000001:6AB13B80:report::root@pam:"
LATER = "UPID:n2:00000002:00000001:6AB13B90:report::ana@trebol:"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Two members."""
    with two_members(tmp_path) as found:
        yield found


def told(two: Two) -> None:
    """n1 has asked n2."""
    member = two.first.others.find("n2")
    assert member is not None
    asyncio.run(two.first.others.ask(member))


def shown(two: Two, path: str, user: str = "") -> list[dict[str, Any]]:
    """What a view of n1 says, to root or somebody else."""
    client, headers = (two.client, ticket_of(two, user)) if user else (two.root, {})
    answer = client.get(f"{PREFIX}{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def of_second(two: Two, path: str = VIEWS[0], user: str = "") -> dict[str, Any]:
    return next(each for each in shown(two, path, user) if each["node"] == "n2")


def began(two: Two, upid: str, *, ended: str = "") -> None:
    """A task of n2."""
    folder = two.second.context.tasks.folder / upid
    folder.mkdir(parents=True)
    (folder / "log").write_text("", encoding="utf-8")
    if ended:
        (folder / "end").write_text(json.dumps({"status": ended, "time": int(NOW)}), encoding="utf-8")


@pytest.mark.parametrize("path", VIEWS)
def test_all_members_are_there_with_the_numbers_that_each_has(two: Two, path: str) -> None:
    told(two)
    first, second = shown(two, path)
    assert (first["node"], second["node"]) == ("n1", "n2")
    assert second == {**first, "id": "node/n2", "node": "n2"}


@pytest.mark.parametrize("path", VIEWS)
def test_a_dead_member_is_offline_with_what_it_said_last(two: Two, path: str) -> None:
    told(two)
    two.members.online = frozenset({"n1"})
    began = time.monotonic()
    second = of_second(two, path)
    assert time.monotonic() - began < 1
    assert (second["status"], second["maxmem"]) == ("offline", 8 * 2**30)


def test_a_member_that_never_said_anything_is_there_by_name(two: Two) -> None:
    assert of_second(two) == {"id": "node/n2", "level": "", "node": "n2", "type": "node", "status": "unknown"}
    two.members.online = frozenset({"n1"})
    assert of_second(two)["status"] == "offline"


def test_of_a_member_that_is_there_and_says_nothing_any_more_nobody_knows(two: Two, tmp_path: Path) -> None:
    told(two)
    clock = two.first.clock
    assert isinstance(clock, TestClock)
    clock.time += 10 * UNKNOWN
    assert of_second(two)["status"] == "online"
    two.first.others.connector = Connector(tmp_path)
    told(two)
    clock.time += UNKNOWN - 1
    assert of_second(two)["status"] == "online"
    clock.time += 2
    assert of_second(two)["status"] == "unknown"


def test_of_a_member_that_is_back_nobody_knows_until_it_says_something(two: Two) -> None:
    told(two)
    others = two.first.others
    two.members.online = frozenset({"n1"})

    async def keep() -> None:
        async with asyncio.timeout(10), others.running():
            while "n2" not in others._gone:
                await asyncio.sleep(0)

    asyncio.run(keep())
    assert of_second(two)["status"] == "offline"
    two.members.online = frozenset({"n1", "n2"})
    assert of_second(two)["status"] == "unknown"
    told(two)
    assert of_second(two)["status"] == "online"


def test_who_may_not_see_a_node_sees_that_it_is_there(two: Two) -> None:
    told(two)
    assert set(of_second(two, user="eva@trebol")) == {"id", "node", "status", "type"}
    assert "maxmem" in of_second(two, user="ana@trebol")


def test_tasks_of_all_nodes_are_shown_the_newest_first(two: Two) -> None:
    began(two, UPID, ended="OK")
    began(two, LATER, ended="OK")
    told(two)
    assert [each["upid"] for each in shown(two, "/cluster/tasks")] == [LATER, UPID]
    assert [each["upid"] for each in shown(two, "/cluster/tasks", "ana@trebol")] == [LATER, UPID]
    assert shown(two, "/cluster/tasks", "eva@trebol") == []


def test_a_task_that_ran_on_a_node_that_is_gone_does_not_run_for_ever(two: Two) -> None:
    said = {"entry": {}, "tasks": [{"upid": UPID, "node": "n2", "user": "root@pam", "starttime": 1}], "log": []}
    told(two)
    others = two.first.others
    others._said["n2"] = replace(others._said["n2"], tasks=said["tasks"])  # type: ignore[arg-type]
    assert "status" not in shown(two, "/cluster/tasks")[0]
    two.members.online = frozenset({"n1"})
    assert shown(two, "/cluster/tasks")[0]["status"] == "unknown"


def test_writes_on_all_nodes_are_in_the_log_of_the_cluster(two: Two) -> None:
    two.root.post(f"{PREFIX}/nodes/n2/shows")
    two.client.post(f"{PREFIX}/nodes/n2/shows", headers=ticket_of(two, "eva@trebol"))
    told(two)
    assert {(each["node"], each["user"]) for each in shown(two, "/cluster/log")} >= {("n2", "root@pam")}
    assert {each["user"] for each in shown(two, "/cluster/log", "eva@trebol")} <= {"eva@trebol"}
    assert len(shown(two, "/cluster/log?max=1")) == 1


def test_what_a_node_says_of_itself_is_for_those_who_may_see_it_all(two: Two) -> None:
    assert two.client.get(f"{PREFIX}/nodes/n2/published", headers=ticket_of(two, "eva@trebol")).status_code == 403
    assert two.root.get(f"{PREFIX}/nodes/n2/published").json()["data"].keys() == {"entry", "tasks", "log"}


def test_a_member_that_is_not_reached_is_logged_once(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    others = two.first.others
    others.connector = replace(others.connector, port=1)
    told(two)
    told(two)
    assert [each for each in caplog.messages if "n2" in each] == ["node 'n2' is not reached: Connection refused"]


def test_members_are_asked_without_end_and_soon_after_a_change(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    async def ask(_member: object) -> None:
        asked.append(time.monotonic())

    async def watch() -> None:
        others = two.first.others
        monkeypatch.setattr(others, "ask", ask)
        async with others.running(), asyncio.timeout(20):
            while not asked:
                await asyncio.sleep(0.01)
            others.changed("n2")
            while len(asked) < 2:
                await asyncio.sleep(0.01)

    asyncio.run(watch())
    assert asked[1] - asked[0] < 5


@pytest.mark.parametrize(
    ("node", "names"), [("n1", ("n2", "n3")), ("n3", ("n1", "n2")), ("gone", ())], ids=["first", "third", "removed"]
)
def test_the_others_are_all_but_oneself_and_none_for_a_node_that_was_removed(
    node: str, names: tuple[str, ...]
) -> None:
    found = Members(records_of("n1", "n2", "n3"), node, lambda: frozenset({"n2"}))
    assert found.names == names
    assert found.is_member == bool(names)
    assert [each.seen for name in names if (each := found.find(name))] == [name == "n2" for name in names]
    assert found.find(node) is None


def test_a_node_that_stands_alone_has_no_others() -> None:
    found = Members(MemoryRecords(), "n1", lambda: None)
    assert (found.names, found.is_member, found.find("n2")) == ((), False, None)


def accounts(*, current: float, previous: float) -> Accounts:
    """With a key of today and one of the day before."""
    made = Keys(
        current=Key(secret="ab" * 32, created=int(current)), previous=Key(secret="cd" * 32, created=int(previous))
    )
    return Accounts.of({KEYS: made.value()})


def test_a_ticket_counts_on_a_member_that_has_not_seen_the_newest_key_yet() -> None:
    day = keys.KEY_SECONDS
    behind = Accounts.of({KEYS: Keys(current=Key(secret="cd" * 32, created=int(NOW - day))).value()})
    fresh = accounts(current=NOW, previous=NOW - day)
    assert tickets.check(behind, tickets.make(fresh, "root@pam", NOW + 1), NOW + 1).user == "root@pam"
    assert tickets.check(fresh, tickets.make(behind, "root@pam", NOW + 1), NOW + 1).user == "root@pam"
    later = NOW + keys.SETTLE_SECONDS
    with pytest.raises(NotAuthenticated):
        tickets.check(behind, tickets.make(fresh, "root@pam", later), later)


def test_members_have_a_key_before_anybody_signs_in(two: Two) -> None:
    record = two.first.records.get("access/keys")
    assert record is not None
    two.first.records.delete("access/keys", expected=record.revision)

    async def keep() -> None:
        keeping = asyncio.create_task(keep_keys(two.first))
        while two.first.records.get("access/keys") is None:
            await asyncio.sleep(0.01)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(asyncio.wait_for(keep(), 10))
