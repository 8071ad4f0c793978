"""The worker's process: systemd hears how it does, and what killed tasks left behind is looked after."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.unit.network_program import NetworkPrograms
from tests.unit.test_worker_network import NEW, OLD, text
from tests.unit.worker_context import context, write

from trebol_common.systemd import watchdog_seconds
from trebol_node.tasks import Upid
from trebol_node.worker import main, network, trial
from trebol_node.worker.client import Worker
from trebol_node.worker.operations import ReadNetwork


@pytest.mark.parametrize(("microseconds", "seconds"), [("30000000", 15.0), ("", None), ("0", None), ("x", None)])
def test_systemd_says_how_often_it_wants_to_hear(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    assert watchdog_seconds() == seconds


def test_the_worker_serves_until_it_is_asked_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was killed with a network on trial: the first thing that it does is to go back."""
    write(tmp_path, "etc/netplan/50-trebol.yaml", text(OLD))
    programs = NetworkPrograms(tmp_path, {OLD, NEW})
    on = context(tmp_path, programs)
    trial.begin(on.machine, Upid("n", 1, 1, 1, "srvreload", "networking", "root@pam"))
    trial.put_in_force(on.machine, text(NEW), print)

    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setattr(main, "_peers", lambda: (frozenset({os.getuid()}), None))
    recovered = threading.Event()

    def recover(*arguments: Any) -> None:
        network.recover(*arguments)
        recovered.set()

    monkeypatch.setattr(main, "recover", recover)
    path = tmp_path / "run/worker.sock"

    async def test() -> None:
        serving = asyncio.create_task(main.serve(on, path))
        heard = asyncio.get_running_loop()
        assert await heard.sock_recv(systemd, 100) == b"READY=1"
        assert await heard.sock_recv(systemd, 100) == b"WATCHDOG=1"
        worker = Worker(path)
        await asyncio.to_thread(recovered.wait, 40)
        assert (await worker.call(ReadNetwork(), who="root@pam"))["trial"] is None
        await worker.close()
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        assert await heard.sock_recv(systemd, 100) == b"STOPPING=1"

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        asyncio.run(asyncio.wait_for(test(), 50))
    assert not path.exists()
    assert programs.applied == [NEW, OLD]
