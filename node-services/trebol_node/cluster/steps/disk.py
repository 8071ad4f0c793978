"""The journal of a transaction on disk: there before a step begins and when it has ended, whatever cuts it off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trebol_common.adapters import adapter
from trebol_common.errors import TrebolError
from trebol_common.files import sync_folder, write_text
from trebol_common.locks import is_locked, locked
from trebol_node.cluster.steps.journal import Journal, State

FOLDER = Path("/var/lib/trebol/cluster")

_JOURNAL, _SECRETS, _LOCK = "journal.json", "secrets.json", "lock"

#: Root alone reads them.
_MODE, _FOLDER_MODE = 0o600, 0o700

_ADAPTER = adapter(Journal)


class Busy(TrebolError):
    """Somebody else is at it."""


def utc_now() -> datetime:
    """The time of the node."""
    return datetime.now(UTC)


@dataclass
class Kept:
    """A journal and its secrets, as they are on disk: what a write does not bring there is not so here either."""

    folder: Path
    journal: Journal
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    now: Callable[[], datetime] = utc_now

    def mark(self, index: int, state: State, reason: str = "") -> None:
        """See `Journal.marked`."""
        self.write(self.journal.marked(index, state, self.now(), reason))

    def write(self, journal: Journal) -> None:
        """Have this one on the disk. Raises OSError where that is full."""
        text = _ADAPTER.dump_json(journal, indent=2).decode() + "\n"
        write_text(self.folder / _JOURNAL, text, mode=_MODE)
        sync_folder(self.folder)
        self.journal = journal

    def write_secrets(self, secrets: Mapping[str, str]) -> None:
        """Have these on the disk, in place of those before. Raises OSError where that is full."""
        write_text(self.folder / _SECRETS, json.dumps(dict(secrets)) + "\n", mode=_MODE)
        sync_folder(self.folder)
        self.secrets = dict(secrets)

    def remove(self) -> None:
        """It is over. The secrets go first: without a journal, nobody would look for them."""
        for name in (_SECRETS, _JOURNAL):
            (self.folder / name).unlink(missing_ok=True)
            sync_folder(self.folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the one who is at it; the folder is made. Raises Busy where somebody else is."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    with locked(folder / _LOCK) as mine:
        if not mine:
            found = look(folder)
            what = f"a {found.kind} is under way" if found else "another change of the cluster is under way"
            raise Busy(what, where="this node", hint="wait for its task to end")
        yield


def look(folder: Path) -> Journal | None:
    """What is under way, or was cut off; None where nothing is. Raises TrebolError where that cannot be read."""
    path = folder / _JOURNAL
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TrebolError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        raise _damaged(path) from error


def is_anybody_at_it(folder: Path) -> bool:
    """Whether what `look` finds goes on by itself; nobody who begins is hindered by asking."""
    return is_locked(folder / _LOCK)


def load(folder: Path, now: Callable[[], datetime] = utc_now) -> Kept | None:
    """What is to be gone on with; None where nothing is. Raises TrebolError where that cannot be read."""
    journal = look(folder)
    return None if journal is None else Kept(folder, journal, _secrets(folder / _SECRETS), now)


def create(kept: Kept) -> None:
    """Begin: from here on there is something to go on with or to take back. Raises OSError where the disk is full."""
    # Were the journal first, a cut would leave one that cannot go on.
    try:
        kept.write_secrets(kept.secrets)
        kept.write(kept.journal)
    except OSError:
        kept.remove()
        raise


def _secrets(path: Path) -> dict[str, str]:
    try:
        found: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        # Gone already, at the end.
        return {}
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _damaged(path)
    return found


def _damaged(path: Path) -> TrebolError:
    hint = "nothing was done; see the last task of this node for how far it was"
    return TrebolError("is damaged", where=str(path), hint=hint)
