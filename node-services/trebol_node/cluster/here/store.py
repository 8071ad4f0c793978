"""The node's store: for itself alone, or one of the cluster's voters, or none at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from trebol_common.files import write_text
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.voters.members import Members
from trebol_node.store import reached
from trebol_node.store.configuration import PATH, Configuration, of_cluster, parse, render
from trebol_node.store.errors import Unavailable

UNIT = "trebol-store.service"
#: The configuration and the data of before.
ASIDE = PATH.with_name("store.yaml.stand-alone")
DATA = Configuration("").data
#: What it held as a member of a cluster that it left.
LEFT = DATA.with_name(f"{DATA.name}.left")
DATA_ASIDE = DATA.with_name(f"{DATA.name}.stand-alone")

#: Which member of the store the data are of, where it became one after it had joined: its id, in hexadecimal.
MARK = DATA.with_name(f"{DATA.name}.member")
#: The data of a member that votes no more; of several the last.
DATA_AWAY = DATA.with_name(f"{DATA.name}.put-away")
#: There once etcd has begun, after which it asks nobody who the others are.
_BEGUN = DATA / "member" / "wal"

#: Seconds until the store takes a write again.
_WRITTEN_WITHIN = 60.0

#: Members by the URL of a store.
Reach = Callable[[str], Members]


def persist(here: Here, write: Callable[[], None]) -> None:
    """Have `write` write to the store, tried again for a while: it may have to elect a leader, or to start."""

    def look() -> str:
        try:
            write()
        except Unavailable as error:
            return error.problems[0].what
        return ""

    here.wait(look, seconds=_WRITTEN_WITHIN, where=UNIT)


def open_to_others(here: Here, address: str, reach: Reach) -> None:
    """Have it listen on the node's address too, for clients and voters to come."""
    before = _configuration(here, PATH)
    after = of_cluster(before.name, {before.name: address})
    _move(before.client_url, before.peer_url, after.peer_url, reach)
    here.copy_aside(PATH, ASIDE)
    _restart(here, after)
    _write_urls(here, before.name, {before.name: address})


def close_to_others(here: Here, reach: Reach) -> None:
    """The inverse."""
    if not here.at(ASIDE).exists():
        return
    now, before = _configuration(here, PATH), _configuration(here, ASIDE)
    if now.peer_url != before.peer_url:
        _move(now.client_url, now.peer_url, before.peer_url, reach)
    _restart(here, before)
    here.at(ASIDE).unlink()
    here.at(reached.PATH).unlink(missing_ok=True)


def enter(here: Here, name: str, voters: Mapping[str, str], *, votes: bool) -> None:
    """Reach the cluster's store; with `votes`, as a learner of it that is in its list already. `voters` has the
    addresses of all voters, its own too where it is to be one. Its own records are put aside."""
    if here.is_there(PATH) and not here.is_there(ASIDE):
        here.stop(UNIT)
    here.put_aside(PATH, ASIDE)
    here.put_aside(DATA, DATA_ASIDE)
    _write_urls(here, name, voters)
    if votes:
        write_text(here.at(PATH), render(of_cluster(name, voters, joins=True)))
        here.start(UNIT)


def leave(here: Here) -> None:
    """Its own again, with the records of before; to be started once its certificates are its own again, too."""
    if not here.at(ASIDE).exists():
        return
    here.stop(UNIT)
    here.put_back(DATA, DATA_ASIDE)
    here.put_back(PATH, ASIDE)
    here.at(reached.PATH).unlink(missing_ok=True)


def start(here: Here) -> None:
    """Start it, where it does not run."""
    here.start(UNIT)


def reach_at(here: Here, name: str, voters: Mapping[str, str]) -> None:
    """Say where the store is reached from now on: at these voters, by name and address."""
    urls = reached.urls_of(name, voters)
    if reached.read(here.at(reached.PATH)) != urls:
        reached.write(urls, here.at(reached.PATH))


def learn(here: Here, name: str, voters: Mapping[str, str], member: str) -> None:
    """Have it be the learner with the id `member`, which the store has in its list; `voters` are those that vote, by
    name and address, and this node too. Data of another member's are put aside. Returns before etcd is ready."""
    mark = here.at(MARK)
    if not mark.exists() or mark.read_text("ascii").strip() != member:
        abstain(here)
        write_text(mark, f"{member}\n")
    text, path = render(of_cluster(name, voters, joins=True)), here.at(PATH)
    verb = "start"
    if not here.is_there(_BEGUN) and (not path.exists() or path.read_text("utf-8") != text):
        # One that runs already waits for a list of members that is another by now.
        write_text(path, text)
        verb = "restart"
    here.switch("enable", UNIT)
    here.runner.run(["systemctl", verb, "--no-block", UNIT])


def abstain(here: Here) -> None:
    """Have no store: stop it, and put what it holds away."""
    here.stop(UNIT)
    if here.is_there(DATA):
        shutil.rmtree(here.at(DATA_AWAY), ignore_errors=True)
        here.at(DATA).rename(here.at(DATA_AWAY))
    for path in (PATH, MARK):
        here.at(path).unlink(missing_ok=True)


def rename(here: Here, name: str, voters: Mapping[str, str]) -> None:
    """Have it be called `name`, of these voters, by name and address. Where it votes it is started anew, and tells
    the others. Its data stay."""
    path = here.at(PATH)
    if path.exists() and name in voters:
        before = parse(path.read_text("utf-8"), where=str(PATH))
        _restart(here, of_cluster(name, voters, joins=before.joins, token=before.token))
    _write_urls(here, name, voters)


def begin_anew(here: Here, name: str) -> None:
    """Have a store of its own once more, with nothing in it; what it held of the cluster's is kept in `LEFT`."""
    here.stop(UNIT)
    # Done before: what is there is its own.
    if here.is_there(reached.PATH) or not _is_alone(here):
        if here.is_there(DATA):
            shutil.rmtree(here.at(LEFT), ignore_errors=True)
            here.at(DATA).rename(here.at(LEFT))
        shutil.rmtree(here.at(DATA_ASIDE), ignore_errors=True)
        here.at(ASIDE).unlink(missing_ok=True)
        write_text(here.at(PATH), render(Configuration(name)))
        here.at(reached.PATH).unlink(missing_ok=True)
    here.start(UNIT)


def _is_alone(here: Here) -> bool:
    return here.is_there(PATH) and not _configuration(here, PATH).public_url


def _move(url: str, before: str, after: str, reach: Reach) -> None:
    """Have the member with the peer URL `before` be reached at `after`."""
    members = reach(url)
    for each in members.members():
        if before in each.peer_urls:
            members.move_peer(each.id, after)


def _restart(here: Here, configuration: Configuration) -> None:
    write_text(here.at(PATH), render(configuration))
    here.runner.run(["systemctl", "restart", UNIT])


def _write_urls(here: Here, name: str, voters: Mapping[str, str]) -> None:
    reached.write(reached.urls_of(name, voters), here.at(reached.PATH))


def _configuration(here: Here, path: Path) -> Configuration:
    return parse(here.at(path).read_text("utf-8"), where=str(path))
