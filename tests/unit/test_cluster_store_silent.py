"""A task of the worker that cannot read the store says so: an empty copy is no cluster without nodes or devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.worker import cluster, fencing


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers, and nobody waits for long."""

    def gateway(*_given: object) -> Gateway:
        return Gateway("http://127.0.0.1:1", TlsSource(tmp_path))

    for module in (cluster, fencing):
        monkeypatch.setattr(module, "Gateway", gateway)
        monkeypatch.setattr(module, "_COPY", tmp_path / "copy.json")
        monkeypatch.setattr(module, "_STORE_WITHIN", 0.2)
        monkeypatch.setattr(module, "read", lambda: None, raising=True)
        monkeypatch.setattr(module.reached, "read", lambda *_given: ("http://127.0.0.1:1",))


def test_a_fence_test_without_the_store_does_not_say_that_there_is_no_device(silent: None) -> None:
    with pytest.raises(Unavailable), fencing._records():
        raise AssertionError("nobody knows which devices there are")


def test_a_creation_without_the_store_does_not_take_the_node_for_one_that_stands_alone(
    silent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Read:
        client_url = "http://127.0.0.1:1"

    monkeypatch.setattr(cluster, "read", Read)
    with pytest.raises(Unavailable), cluster._records() as records:
        records()
