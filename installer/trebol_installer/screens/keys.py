"""SSH keys from elsewhere for the screen of the node: looked for beside it, added to the draft, and told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace

from trebol_common.errors import Problem, TrebolError, of_system
from trebol_common.i18n import _, counted
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Text, Tone
from trebol_common.urls import without_user
from trebol_installer.disk_names import names_of
from trebol_installer.preview import Preview
from trebol_installer.screens import disks, node
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.world import World
from trebol_installer.ssh_keys import Keys, url_problem, without_doubles

#: Lines of a list that are told to be wrong one by one.
TOLD = 2


class KeySearch:
    """One search at a time. `said` is what it is at, or how the last one ended; `added` is called with new keys."""

    def __init__(self, draft: Draft, world: World, added: Callable[[], None]) -> None:
        self.said: tuple[Text, ...] = ()
        self._draft = draft
        self._world = world
        self._added = added
        self._searches = False

    def begin(self, name: str, jobs: Jobs, targets: Set[str] | None) -> None:
        """Look where the button says. `targets` are the disks to leave alone; None: not known yet."""
        url = str(self._draft.aside.get(node.KEYS_URL, "")).strip()
        if self._searches:
            return
        if name == node.FROM_STICK and targets is not None:
            self._search(jobs, _("Looking for a USB stick…"), lambda: self._world.keys_on_sticks(targets))
        elif name == node.FROM_STICK:
            self.said = (Text(_("Looking at the disks…")),)
        elif wrong := url_problem(url):
            self.said = (Text(wrong, Tone.BAD),)
        else:
            saying = _("Fetching {url}; it may take a minute to get an address first…")
            self._search(jobs, saying.format(url=without_user(url)), lambda: self._world.keys_from_url(url))

    def _search(self, jobs: Jobs, saying: str, look: Callable[[], Keys]) -> None:
        self._searches, self.said = True, (Text(saying),)

        def search() -> Keys | TrebolError:
            try:
                return look()
            except (TrebolError, OSError) as error:
                return of_system(error) if isinstance(error, OSError) else error

        jobs.start(search, self._found)

    def _found(self, found: Keys | TrebolError) -> None:
        self._searches = False
        if isinstance(found, TrebolError):
            self.said = tuple(_failed(found.problems))
            return
        known = tuple(self._draft.get(node.KEYS, ()))
        fresh = without_doubles(known, found.keys)
        self.said = tuple(_came(found, len(fresh)))
        if fresh:
            self._draft.put(node.KEYS, (*known, *fresh))
            self._added()


def targets_of(draft: Draft, facts: Facts, preview: Preview | None) -> frozenset[str] | None:
    """The kernel names of the disks that are installed on, named or by a filter; None while no disk is known."""
    if facts.machine is None:
        return None
    named = frozenset(draft.get(disks.DISKS, ()))
    chosen = (disk.name for disk in facts.machine.disks if names_of(disk) & named)
    return frozenset((*chosen, *(change.name for change in (preview.disks if preview else ()))))


def _came(found: Keys, fresh: int) -> Iterator[Text]:
    if fresh:
        yield Text(
            counted("{count} key from {where}", "{count} keys from {where}", fresh, where=found.where), Tone.GOOD
        )
    else:
        yield Text(_("Nothing new: the keys from {where} are there already.").format(where=found.where))
    for problem in found.wrong[:TOLD]:
        yield Text(str(replace(problem, hint="")), Tone.WARN, "→")
    if more := len(found.wrong[TOLD:]):
        yield Text(counted("and {count} more that is no key", "and {count} more that are no keys", more), Tone.WARN)


def _failed(problems: tuple[Problem, ...]) -> Iterator[Text]:
    for problem in problems:
        yield Text(str(replace(problem, hint="")), Tone.BAD, "→")
    if hint := problems[-1].hint:
        yield Text(hint, Tone.DIM, " ")
