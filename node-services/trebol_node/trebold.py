"""The daemon that serves a node's API: `python3 -m trebol_node.trebold`, as user `trebol`, by trebold.service.

Its sockets are systemd's (sd_listen_fds(3), trebold.socket), so that clients wait through a restart; started by hand,
it binds its own. What it answers is read beside the requests, from memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from trebol_common import __version__
from trebol_common.errors import TrebolError, of_system
from trebol_common.i18n import _
from trebol_common.run import CommandRunner
from trebol_common.systemd import READY, STOPPING, notify
from trebol_node import pki
from trebol_node.api.app import make_app
from trebol_node.api.audit import Journal
from trebol_node.api.context import Context
from trebol_node.api.handing.connecting import Connector
from trebol_node.api.handing.members import Members as Siblings
from trebol_node.api.handing.others import Others
from trebol_node.api.login import keep_keys
from trebol_node.api.routes import (
    cluster_config,
    fencing,
    joins,
    links,
    metrics,
    nodes,
    preflight,
    renaming,
    upkeep,
    witness,
)
from trebol_node.api.routes.desk import Desk
from trebol_node.api.routes.fencing import Fencing
from trebol_node.api.routes.nodes.view import DAEMON
from trebol_node.api.routes.upkeep import Upkeep
from trebol_node.api.routes.witness import qnetd_answers
from trebol_node.api.server import Server, network_socket, tls_context, unix_socket
from trebol_node.client import API_SOCKET
from trebol_node.cluster.maintenance.records import shown as with_maintenance
from trebol_node.cluster.power.records import shown as with_power
from trebol_node.cluster.preflight.asked import Asked
from trebol_node.cluster.view import status as cluster_status
from trebol_node.cluster.view import with_warnings
from trebol_node.cluster.voters.acting import Acting, leads
from trebol_node.cluster.voters.choice import GRACE
from trebol_node.cluster.voters.members import Members
from trebol_node.daemon.announce import keep_saying
from trebol_node.daemon.applying import Follower
from trebol_node.daemon.applying_fencing import FencingFollower
from trebol_node.daemon.applying_links import LinkFollower, addresses_of
from trebol_node.daemon.applying_names import NameFollower
from trebol_node.daemon.beside import keep_going
from trebol_node.daemon.follow import Node, keep_following
from trebol_node.daemon.measuring import Answerer
from trebol_node.daemon.telling import Going, keep_telling
from trebol_node.daemon.voting import Store, Voting, listed_by
from trebol_node.fencing.agents import Agents
from trebol_node.notify import keep_alive
from trebol_node.pki.validity import endings
from trebol_node.store import reached
from trebol_node.store.configuration import Configuration
from trebol_node.store.etcd import PATIENCE, EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.system.names import read_hosts
from trebol_node.tasks import Tasks
from trebol_node.worker.client import Worker
from trebol_node.worker.cluster_operations import ReadMembership
from trebol_node.worker.operation import Operation
from trebol_node.worker.operations import RenewCertificate

log = logging.getLogger(__name__)

#: The copy of the records lies in the one folder that trebold may write.
COPY = Path("/var/lib/trebold/records.json")

#: Another one after each boot (random(4)).
BOOT = Path("/proc/sys/kernel/random/boot_id")

#: systemd's first socket (sd_listen_fds(3)).
_FIRST_SOCKET = 3


@dataclass(frozen=True)
class Sockets:
    """Where the API is served: `secure` with TLS, `plain` for root of this node."""

    secure: tuple[socket.socket, ...]
    plain: tuple[socket.socket, ...]


def sockets(environment: Mapping[str, str] = os.environ, *, pid: int | None = None) -> Sockets:
    """Those that systemd has for this process, else ones of our own; raises OSError."""
    mine = environment.get("LISTEN_PID", "") == str(os.getpid() if pid is None else pid)
    count = int(environment.get("LISTEN_FDS", "0")) if mine else 0
    if not count:
        return Sockets((network_socket(),), (unix_socket(API_SOCKET),))
    given = [socket.socket(fileno=_FIRST_SOCKET + number) for number in range(count)]
    for each in given:
        os.set_inheritable(each.fileno(), False)
    return Sockets(
        tuple(each for each in given if each.family != socket.AF_UNIX),
        tuple(each for each in given if each.family == socket.AF_UNIX),
    )


@dataclass(frozen=True)
class Places:
    """Where a node has what the daemon needs: certificates, the store's URLs, the copy of its records.

    Without any URL the store is where the node's cluster has it, or its own. `grace` is for how many seconds a voter
    is waited for before another node takes its place.
    """

    certificates: Path = pki.FOLDER
    store: tuple[str, ...] = ()
    copy: Path = COPY
    grace: float = GRACE


async def serve(where: Sockets, places: Places) -> None:
    """Serve until SIGTERM; raises TrebolError where it cannot begin."""
    pair = pki.API.pair(places.certificates)
    tls = _tls(pair)
    load = _reloading(tls, pair)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, load)
    trusted = TlsSource(places.certificates)
    gateway = Gateway(places.store or reached.read() or Configuration("").client_url, trusted)
    records = EtcdRecords(gateway, places.copy, patience=PATIENCE)
    members = Members(gateway, trusted)
    worker = Worker()
    node = socket.gethostname().partition(".")[0]
    view = nodes.NodeView(node, worker, CommandRunner(), certificate=pair.certificate)
    follower = Follower(records, node, worker, who=DAEMON)
    fences = FencingFollower(records, node, worker, lambda: follower.seen, who=DAEMON)
    linking = LinkFollower(records, node, lambda: follower.seen, lambda: _all_addresses(view))
    naming = NameFollower(records, node, worker, lambda: follower.seen, who=DAEMON)
    answerer = Answerer(records, node, worker, who=DAEMON)
    asked = Asked(records, follower.there)

    async def call(operation: Operation) -> Any:
        told = await worker.call(operation, who=DAEMON)
        if isinstance(operation, ReadMembership):
            follower.hear(told)
        return told

    def membership() -> list[dict[str, Any]]:
        shown = cluster_status(records, node, view.addresses(), follower.seen)
        shown = with_power(with_maintenance(shown, records), records)
        return with_warnings(shown, endings(datetime.now(UTC), places.certificates))

    others = Others(
        Siblings(records, node, follower.there), node, lambda: context.accounts.read(), Connector(places.certificates)
    )

    context = Context(
        node=node,
        records=records,
        worker=worker,
        tasks=Tasks(),
        entry=view.entry,
        addresses=view.addresses,
        membership=membership,
        audit=Journal(),
        others=others,
    )
    acting = Acting(
        records, members, lambda: _joined(follower), clock=time.monotonic, grace=places.grace, answers=qnetd_answers
    )
    own = Gateway(Configuration(node).client_url, trusted)
    store = Store(gateway.use, listed_by(members), lambda: leads(own))
    voting = Voting(records, node, worker, store, acting, who=DAEMON)
    going = Going(records, node, BOOT.read_text("ascii").strip(), call, lambda: follower.seen)
    desk = Desk(node, records, members, call, time.time, places.certificates)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(records.start)
        beside = [
            asyncio.create_task(keep_alive(), name="watchdog"),
            *(asyncio.create_task(keep_going(name, keep), name=name) for name, keep in kept.items()),
        ]
        try:
            async with view.running(), others.running():
                yield
        finally:
            notify(STOPPING, wait=False)
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await worker.close()
            await asyncio.to_thread(records.close)
            own.close()

    def about() -> dict[str, Any]:
        return {
            "version": __version__,
            "addresses": list(view.addresses()),
            "fingerprint": pki.fingerprint(pair.certificate),
        }

    def names() -> Sequence[str]:
        addresses = view.addresses()
        return (socket.gethostname(), read_hosts(view.root)["data"], *addresses) if addresses else ()

    async def renew() -> bool:
        return bool(await worker.call(RenewCertificate(), who=DAEMON))

    def end() -> None:
        server.should_exit = True

    followed = Node(socket.gethostname, names, renew, load, end)

    kept: Mapping[str, Callable[[], Awaitable[None]]] = {
        "announce": lambda: keep_saying(records, node, about),
        "follow": lambda: keep_following(node, followed),
        "corosync": follower.keep,
        "voting": voting.keep,
        "fencing": fences.keep,
        "preflight": answerer.keep,
        "keys": lambda: keep_keys(context),
        "links": linking.keep,
        "names": naming.keep,
        "telling": lambda: keep_telling(records, node, call),
        "going": going.keep,
    }

    async def ready() -> None:
        # What is there now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        log.info("trebold %s serves node %s", __version__, node)
        notify(READY)

    fenced = fencing.router(Fencing(records, Agents(CommandRunner())))
    kept_up = upkeep.router(Upkeep(records, members, lambda: follower.seen))
    of_cluster = (
        joins.router(desk),
        preflight.router(desk, asked),
        cluster_config.router(desk),
        fenced,
        witness.router(desk),
        links.router(records, follower),
        renaming.router(desk),
        kept_up,
    )
    routers = (*of_cluster, *nodes.routers(view))
    app = make_app(context, routers=routers, beside=(metrics.router(view),), lifespan=lifespan)
    server = Server(app, plain=where.plain, secure=where.secure, tls=tls, on_ready=ready)
    await server.serve()


def _joined(follower: Follower) -> frozenset[str]:
    """Names of the nodes that corosync sees here."""
    return frozenset(each.name for each in follower.seen.members if each.joined) if follower.seen else frozenset()


def _all_addresses(view: nodes.NodeView) -> frozenset[str]:
    found = view.facts.latest
    return frozenset() if found is None else addresses_of(found.links)


def _tls(pair: pki.Pair) -> ssl.SSLContext:
    try:
        return tls_context(pair.certificate, pair.key)
    except OSError as error:  # ssl.SSLError is one.
        raise TrebolError(
            _("the certificate of the API cannot be used: {reason}").format(reason=error.strerror or error),
            where=str(pair.certificate),
            hint="systemctl status trebol-keys",
        ) from error


def _reloading(tls: ssl.SSLContext, pair: pki.Pair) -> Callable[[], None]:
    """What SIGHUP does: new connections get the certificate that is there now."""

    def reload() -> None:
        try:
            tls.load_cert_chain(pair.certificate, pair.key)
        except OSError as error:
            log.error("the certificate was not loaded again: %s: %s", pair.certificate, error)

    return reload


def places_of(arguments: Sequence[str] | None = None) -> Places:
    """From the command line, whose options are for tests and for looking into things by hand."""
    usual = Places()
    parser = argparse.ArgumentParser("trebold", description="The API of this node; see trebold.service.")
    parser.add_argument("--certificates", type=Path, default=usual.certificates, help="folder of certificates")
    parser.add_argument("--store", nargs="+", type=str, default=usual.store, help="URLs of the store")
    parser.add_argument("--copy", type=Path, default=usual.copy, help="file with the copy of the store's records")
    parser.add_argument("--grace", type=float, default=usual.grace, help="seconds until a silent voter is replaced")
    found = parser.parse_args(arguments)
    return Places(found.certificates, tuple(found.store), found.copy, found.grace)


def main() -> int:
    """Run the daemon; its exit status."""
    places = places_of()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        asyncio.run(serve(sockets(), places))
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        sys.stderr.write(f"trebold: {told}\n")
        return told.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
