"""A command that follows a task: silence of a daemon that starts anew is borne, what is wrong is told at once."""

from __future__ import annotations

from typing import Any

import pytest

from trebol_common.errors import BadInput, TrebolError
from trebol_node.client import Unreachable
from trebol_node.commands import shown


class Daemon:
    """Says a line, raises `errors` one after the other, and ends well."""

    def __init__(self, *errors: TrebolError) -> None:
        self._errors = list(errors)

    def get(self, path: str, **arguments: Any) -> Any:
        if path.endswith("/log"):
            return [{"n": 1, "t": "8/8 end"}] if arguments["start"] == "0" else []
        if self._errors:
            raise self._errors.pop(0)
        return {"status": "stopped", "exitstatus": "OK"}


SILENT = Unreachable("does not answer", where="/run/trebol/api.sock")


def test_a_daemon_that_starts_anew_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shown, "_PAUSE", 0.01)
    api: Any = Daemon(SILENT, SILENT)
    shown.follow(api, "UPID", silent=60)
    assert capsys.readouterr().out == "8/8 end\n"


@pytest.mark.parametrize(("error", "silent"), [(SILENT, 0.0), (BadInput("no such task", where="upid"), 60.0)])
def test_what_no_waiting_mends_is_told_at_once(error: TrebolError, silent: float) -> None:
    api: Any = Daemon(error)
    with pytest.raises(type(error)):
        shown.follow(api, "UPID", silent=silent)
