"""What keys and finished work change, and the page that follows from it."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trebol_common import i18n
from trebol_common.errors import Problem, TrebolError, of_system
from trebol_common.events import Event
from trebol_common.i18n import _
from trebol_common.tui.app import SHELL, Jobs
from trebol_common.tui.page import Action, Element, Page, Tone
from trebol_common.tui.wizard import Place
from trebol_installer.plan import Plan
from trebol_installer.preview import Preview, network_of, preview
from trebol_installer.screens import cluster, disks, location, network, node, review, verdict, welcome
from trebol_installer.screens.draft import Checked, Draft
from trebol_installer.screens.edits import edit
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.keys import KeySearch, targets_of
from trebol_installer.screens.neighbourhood import Neighbourhood
from trebol_installer.screens.order import WIZARD, screen_of, title
from trebol_installer.screens.saving import SAVE, Saving
from trebol_installer.screens.watch import Watched, after, done_page, failure_page, progress_page
from trebol_installer.screens.world import World
from trebol_installer.wire import Grade, Look

#: What has a failed step done again (`trebol install --retry`).
AGAIN = "retry"


class Screens:
    """The controller of the installer's screens: a draft, what is known of the world, and the screen that is shown.

    `saved` is where the draft is kept. What comes of work for answers that have changed since is dropped.
    """

    def __init__(self, draft: Draft, world: World, saved: Path | None = None) -> None:
        self.draft = draft
        self._world = world
        self._saved = saved
        self._jobs: Jobs | None = None
        self._facts = Facts()
        self._preview: Preview | None = None
        self._previewed: Mapping[str, Any] = {}
        self._plan: Plan | None = None
        self._problems: tuple[Problem, ...] = ()
        self._seen: tuple[Look, ...] = ()
        self._insisted: frozenset[str] = frozenset()
        self._watched: Watched | None = None
        self._following = 0
        self._testing = False
        self._saving = Saving()
        self._neighbourhood = Neighbourhood()
        self._ended = False
        self._choosing = False
        self._keys = KeySearch(draft, world, self._keys_came)
        if draft.place is None:
            draft.place = WIZARD.first(draft)
        i18n.use(draft.language)

    @property
    def place(self) -> Place:
        """The screen that is shown."""
        assert self.draft.place is not None
        return self.draft.place

    def begin(self, jobs: Jobs) -> None:
        """See `Controller.begin`: the machine is looked at while the first screen is read."""
        self._jobs = jobs
        if self._world.engine.has_begun():
            # Nobody looks into disks that are being written.
            self._follow()
        else:
            jobs.start(self._looked, self._found)

    def leave(self) -> None:
        """Another console goes on from what is kept: what comes of work that was begun here is not kept any more."""
        self._saved = None

    def page(self) -> Page | None:
        """See `Controller.page`."""
        if self._ended:
            return None
        if self._watched is not None:
            return installation_page(self._watched, self.draft, self._seen, self._saving, time.monotonic())
        if self._choosing:
            return review.what_to_change(self._titles())
        name = self.place.at
        danger = name == "review" and bool(self._lost)
        return Page(
            title(name),
            self._elements(name),
            self._actions(name),
            WIZARD.position(self.place, self.draft),
            danger=danger,
        )

    def change(self, key: str, value: Any) -> None:
        """See `Controller.change`."""
        edit(self.draft, key, value)
        i18n.use(self.draft.language)
        if key in (location.KEYBOARD, location.COUNTRY):
            self._world.type_as(self.draft.text(location.KEYBOARD))
        if key.startswith("network.") or key in (network.BONDED, node.FQDN):
            self._seen = ()
        self._changed()

    def act(self, name: str) -> None:
        """See `Controller.act`."""
        match name:
            case "next":
                self._forward()
            case "back" if self._choosing:
                self._choosing = False
            case "back":
                self._go(WIZARD.back(self.place, self.draft))
            case "change":
                self._choosing = True
            case "quit":
                self._ended = True
            case "install":
                self._begin_installation()
            case node.FROM_URL | node.FROM_STICK if self._jobs is not None:
                targets = targets_of(self.draft, self._facts, self._preview)
                self._keys.begin(name, self._jobs, targets)
            case "test":
                self._test_network()
            case "retry" if self._watched is not None and self._watched.waits:
                self._watched, self._saving = replace(self._watched, failure=""), Saving()
                self._world.engine.say(AGAIN)
            case "answers":
                self._give_up()
            case "restart":
                self._restart()
            case _ if name == SAVE and self._jobs is not None:
                self._saving.start(lambda: self._world.save_logs(self.draft), self._jobs)
            case _ if name.startswith(review.GO):
                self._choosing = False
                self._go(WIZARD.jump(self.place, name.removeprefix(review.GO)))
            case _ if name.startswith("mend "):
                problem = self._problems[int(name.removeprefix("mend "))]
                self._go(WIZARD.jump(self.place, screen_of(problem.where)))

    def _elements(self, name: str) -> tuple[Element, ...]:
        draft, facts, insist = self.draft, self._facts, name in self._insisted
        match name:
            case "welcome":
                return welcome.page(draft.language)
            case "hardware":
                return verdict.page(facts)
            case "disks":
                return disks.page(draft, facts, self._preview, insist=insist)
            case "location":
                return location.page(draft, insist=insist)
            case "node":
                return node.page(draft, self._checked(), self._keys.said, insist=insist)
            case "network":
                heard = self._neighbourhood.known
                return network.page(draft, facts, self._checked(), self._seen, heard, insist=insist)
            case "cluster":
                return cluster.page(draft, self._checked(), insist=insist)
            case _:
                return review.page(draft, self._plan, self._lost, self._problems)

    def _actions(self, name: str) -> tuple[Action, ...]:
        back, change = Action("back", _("Back")), Action("change", _("Change…"))
        match name:
            case "welcome":
                return (Action("next", _("Next")), Action("quit", _("Quit")))
            case "review" if self._plan is not None and self._lost is not None and not self._problems:
                return (Action("install", _("Install"), tone=Tone.BAD), change, back)
            case "review":
                return (change, back)
            case "network" if self._world.has_wire:
                return (Action("next", _("Next")), Action("test", _("Test")), back)
            case _:
                return (Action("next", _("Next")), back)

    def _titles(self) -> dict[str, str]:
        """The other screens, by name."""
        return {name: title(name) for name in WIZARD.shown(self.draft) if name != self.place.at}

    def _checked(self) -> Checked:
        return self.draft.check()

    def _forward(self) -> None:
        name = self.place.at
        self._insisted |= {name}
        if not self._is_whole(name):
            return
        self._go(WIZARD.forward(self.place, self.draft))

    def _is_whole(self, name: str) -> bool:
        """Whether a screen can be left: what it asks for is there and right, and what is typed twice is the same."""
        draft = self.draft
        if any(screen_of(problem.key) == name for problem in self._checked().problems if problem.key):
            return False
        match name:
            case "disks":
                again = draft.aside.get(disks.PASSPHRASE_AGAIN, "")
                refused = self._preview is not None and bool(self._preview.problems)
                given = bool(draft.text(disks.PASSPHRASE)) or not draft.aside.get(disks.ENCRYPTED)
                return not refused and given and draft.text(disks.PASSPHRASE) == str(again)
            case "node":
                return draft.text(node.PASSWORD) == str(draft.aside.get(node.PASSWORD_AGAIN, ""))
            case _:
                return True

    def _go(self, place: Place) -> None:
        self.draft.place = place
        if place.at == "review":
            self._make_plan()
        self._listen()
        self._save()

    def _listen(self) -> None:
        if self.place.at == "network":
            self._neighbourhood.listen(self._world.neighbours, self._jobs)

    def _changed(self) -> None:
        self._save()
        if self.place.at == "disks":
            self._make_preview()

    def _keys_came(self) -> None:
        """They may come late, to another screen."""
        self._save()
        if self.place.at == "review" and self._watched is None:
            self._make_plan()

    def _looked(self) -> Facts:
        try:
            return self._world.look()
        except (TrebolError, OSError) as error:
            return Facts(failures={"machine": str(error)})

    def _found(self, facts: Facts) -> None:
        self._facts = facts
        self._make_preview()
        self._listen()
        if self.place.at == "review":
            self._make_plan()

    def _make_preview(self) -> None:
        machine = self._facts.machine
        # As it is now: a thread looks at it while somebody types on.
        setup = copy.deepcopy(self.draft.get("disk-setup", {}))
        if machine is None or self._jobs is None or not (setup.get("disk-list") or setup.get("filter")):
            self._preview = None
            return
        revision = self.draft.revision
        manifest = self._facts.manifest

        def keep(made: Preview) -> None:
            if self.draft.revision == revision:
                self._preview, self._previewed = made, setup

        self._jobs.start(lambda: preview(machine, setup, manifest), keep)

    @property
    def _lost(self) -> tuple[str, ...] | None:
        """The disks whose contents the plan loses; None while that is not known of the disks that are chosen now."""
        if self._preview is None or self._preview.problems or self._previewed != self.draft.get("disk-setup", {}):
            return None
        return self._preview.lost

    def _test_network(self) -> None:
        machine, draft = self._facts.machine, self.draft
        if machine is None or self._jobs is None or self._testing:
            return
        self._insisted |= {"network"}
        made, wrong = network_of(machine, draft.get("network", {}), draft.get(node.FQDN))
        self._seen = tuple(Look(problem.where, Grade.BAD, problem.what) for problem in wrong)
        if made is None:
            return
        revision = draft.revision

        def add(look: Look) -> None:
            # What is seen of a network that has been changed since says nothing of the new one.
            if draft.revision == revision:
                self._seen = (*self._seen, look)

        self._testing = True
        self._jobs.follow(self._told(self._world.try_network(made)), add)

    def _told(self, looks: Iterator[Look]) -> Iterator[Look]:
        """The same, and a failure as the last of them. Two tests at once would take down each other's links."""
        try:
            yield from looks
        except (TrebolError, OSError) as error:
            yield Look(_("failed"), Grade.BAD, str(error))
        finally:
            self._testing = False

    def _make_plan(self) -> None:
        self._plan, self._problems = None, ()
        self._make_preview()
        members = dict(self.draft.members)
        setup = dict(members.get("disk-setup", {}))
        # Whether the loss was agreed to is asked for beside the plan, not in place of it.
        members["disk-setup"] = {**setup, "wipe": "confirmed"}
        checked = replace(self.draft, members=members).check()
        if checked.answers is None:
            self._problems = tuple(Problem(each.what, each.key, each.hint) for each in checked.problems)
            return
        if self._jobs is None or self._facts.machine is None:
            self._problems = tuple(Problem(told) for told in self._facts.failures.values())
            return
        answers, facts, revision = checked.answers, self._facts, self.draft.revision

        def make() -> Plan | tuple[Problem, ...]:
            try:
                return self._world.plan(answers, facts)
            except TrebolError as error:
                return error.problems

        def keep(made: Plan | tuple[Problem, ...]) -> None:
            if self.draft.revision != revision:
                return
            if isinstance(made, Plan):
                self._plan = made
            else:
                self._problems = made

        self._jobs.start(make, keep)

    def _begin_installation(self) -> None:
        lost = self._lost
        if self._plan is None or self._problems or lost is None or not review.agreed(self.draft, lost):
            return
        # In what the engine is given alone: the draft may yet be of other disks.
        answered = replace(self.draft, members=copy.deepcopy(self.draft.members))
        answered.put("disk-setup.wipe", "confirmed" if lost else None)
        try:
            self._world.engine.begin(answered)
        except (TrebolError, OSError) as error:
            self._problems = (of_system(error) if isinstance(error, OSError) else error).problems
            return
        self._follow()

    def _follow(self) -> None:
        assert self._jobs is not None
        self._watched, self._saving = Watched(), Saving()
        self._following += 1
        mine = self._following

        def heard(event: Event) -> None:
            # The last words of an installation that was given up are not those of the next one.
            if self._watched is not None and self._following == mine:
                self._watched = after(self._watched, event)

        self._jobs.follow(self._world.engine.events(), heard)

    def _restart(self) -> None:
        try:
            self._ended = not self._world.restart()
        except TrebolError as error:
            self._problems = error.problems

    def _give_up(self) -> None:
        """Back to the answers; a step that waits is not done again."""
        if self._watched is not None and self._watched.waits:
            self._world.engine.say("")
        self._watched = None
        # What was agreed to was the plan that failed.
        self.draft.put_aside(review.CONFIRMED, "")
        # The disks are not what they were.
        self._facts, self._preview = Facts(), None
        if self._jobs is not None:
            self._jobs.start(self._looked, self._found)
        self._go(Place("review"))

    def _save(self) -> None:
        if self._saved is not None:
            self.draft.save(self._saved)


def installation_page(seen: Watched, draft: Draft, looks: Sequence[Look], saving: Saving, now: float) -> Page:
    """The course of an installation, its good end, or its failure and what can be done about it.

    `looks` are what a test of the node's network has shown: its address, where DHCP gave one. `now` is in monotonic
    seconds.
    """
    if seen.ended:
        told = [own for look in looks for own in look.own]
        address = (draft.text(network.CIDR) or (told[0] if told else "")).partition("/")[0]
        page = done_page(seen, address or draft.text(node.FQDN), named=not address)
        return Page(_("Installed"), page, (Action("restart", _("Restart")),))
    if seen.failure:
        again = (Action("retry", _("Do this step again")),) if seen.waits else ()
        others = (
            Action("answers", _("Back to the answers")),
            Action(SHELL, _("Shell")),
            Action(SAVE, _("Save logs to USB")),
            Action("restart", _("Restart")),
        )
        elements = failure_page(seen, saving.elements())
        return Page(_("The installation failed"), elements, (*again, *others), danger=True)
    return Page(_("Installing"), progress_page(seen, now))
