"""The events of the engine, as the screens read them from a file that may hold anything."""

from __future__ import annotations

from pathlib import Path

from trebol_common.events import Event, Kind
from trebol_common.run import ScriptedRunner
from trebol_installer.screens.engine import EVENTS, UnitEngine

STEP = Event(Kind.LOG, ("install",), 1.0, "mkfs.ext4: done")
LAST = Event(Kind.FINISH, ("install",), 2.0, ok=True)


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    lines = [b"\xff\xfe", b"", b"[]", b"null", b'{"kind": "cheer"}', b'{"path": []}', b'{"kind": "log", "more": 1}']
    lines += [b'{"kind": "log", "path": 5, "time": 1}', STEP.to_json().encode(), b"{" * 100_000]
    (tmp_path / EVENTS).write_bytes(b"\n".join([*lines, LAST.to_json().encode(), b""]))

    assert list(UnitEngine(ScriptedRunner(), tmp_path).events()) == [STEP, LAST]
