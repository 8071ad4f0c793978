"""What keys and finished work change, and the page that follows from it."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from trebol_common import i18n
from trebol_common.errors import TrebolError, of_system
from trebol_common.i18n import _
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Action, Element, Page, Tone
from trebol_common.tui.wizard import Place
from trebol_installer.screens import cluster, disks, location, network, node, review, verdict, watch, welcome
from trebol_installer.screens.draft import Checked, Draft
from trebol_installer.screens.edits import edit
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.installation import Installation
from trebol_installer.screens.keys import KeySearch, targets_of
from trebol_installer.screens.neighbourhood import Neighbourhood
from trebol_installer.screens.network_trial import NetworkTrial
from trebol_installer.screens.order import WIZARD, screen_of, title
from trebol_installer.screens.planning import Planning
from trebol_installer.screens.world import World


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
        self._insisted: frozenset[str] = frozenset()
        self._ended = False
        self._choosing = False
        self._planning = Planning(draft, world)
        self._keys = KeySearch(draft, world, self._keys_came)
        self._neighbourhood = Neighbourhood()
        self._network_trial = NetworkTrial(draft, world)
        self._installation = Installation(world)
        if draft.place is None or not WIZARD.knows(draft.place):
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
            self._installation.follow(jobs)
        else:
            jobs.start(self._looked, self._found)

    def leave(self) -> None:
        """Another console goes on from what is kept: what comes of work that was begun here is not kept any more."""
        self._saved = None

    def page(self) -> Page | None:
        """See `Controller.page`."""
        if self._ended:
            return None
        if (seen := self._installation.seen) is not None:
            saved = self._installation.saving.elements()
            return watch.page(seen, self.draft, self._network_trial.seen, saved, time.monotonic())
        if self._choosing:
            return review.what_to_change(self._titles())
        name = self.place.at
        danger = name == "review" and bool(self._planning.lost)
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
            self._network_trial.forget()
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
                targets = targets_of(self.draft, self._facts, self._planning.preview)
                self._keys.begin(name, self._jobs, targets)
            case "test" if self._jobs is not None and self._facts.machine is not None:
                self._insisted |= {"network"}
                self._network_trial.begin(self._facts.machine, self._jobs)
            case "retry":
                self._installation.retry()
            case "answers":
                self._give_up()
            case "restart":
                self._restart()
            case watch.SAVE if self._jobs is not None:
                self._installation.saving.start(lambda: self._world.save_logs(self.draft), self._jobs)
            case _ if name.startswith(review.GO):
                self._choosing = False
                self._go(WIZARD.jump(self.place, name.removeprefix(review.GO)))
            case _ if name.startswith("mend "):
                problem = self._planning.problems[int(name.removeprefix("mend "))]
                self._go(WIZARD.jump(self.place, screen_of(problem.where)))

    def _elements(self, name: str) -> tuple[Element, ...]:
        draft, facts, planning = self.draft, self._facts, self._planning
        insist = name in self._insisted
        match name:
            case "welcome":
                return welcome.page(draft.language)
            case "hardware":
                return verdict.page(facts)
            case "disks":
                return disks.page(draft, facts, planning.preview, insist=insist)
            case "location":
                return location.page(draft, insist=insist)
            case "node":
                return node.page(draft, self._checked(), self._keys.said, insist=insist)
            case "network":
                seen, heard = self._network_trial.seen, self._neighbourhood.known
                return network.page(draft, facts, self._checked(), seen, heard, insist=insist)
            case "cluster":
                return cluster.page(draft, self._checked(), insist=insist)
            case _:
                return review.page(draft, planning.plan, planning.lost, planning.problems)

    def _actions(self, name: str) -> tuple[Action, ...]:
        back, change = Action("back", _("Back")), Action("change", _("Change…"))
        match name:
            case "welcome":
                return (Action("next", _("Next")), Action("quit", _("Quit")))
            case "review" if self._planning.is_complete:
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
                preview = self._planning.preview
                refused = preview is not None and bool(preview.problems)
                given = bool(draft.text(disks.PASSPHRASE)) or not draft.aside.get(disks.ENCRYPTED)
                return not refused and given and draft.text(disks.PASSPHRASE) == str(again)
            case "node":
                return draft.text(node.PASSWORD) == str(draft.aside.get(node.PASSWORD_AGAIN, ""))
            case _:
                return True

    def _go(self, place: Place) -> None:
        self.draft.place = place
        if place.at == "review":
            self._planning.make_plan(self._facts, self._jobs)
        self._listen()
        self._save()

    def _listen(self) -> None:
        if self.place.at == "network":
            self._neighbourhood.listen(self._world.neighbours, self._jobs)

    def _changed(self) -> None:
        self._save()
        if self.place.at == "disks":
            self._planning.make_preview(self._facts, self._jobs)

    def _keys_came(self) -> None:
        """They may come late, to another screen."""
        self._save()
        if self.place.at == "review" and self._installation.seen is None:
            self._planning.make_plan(self._facts, self._jobs)

    def _looked(self) -> Facts:
        try:
            return self._world.look()
        except (TrebolError, OSError) as error:
            return Facts(failures={"machine": str(error)})

    def _found(self, facts: Facts) -> None:
        self._facts = facts
        self._planning.make_preview(self._facts, self._jobs)
        self._listen()
        if self.place.at == "review":
            self._planning.make_plan(self._facts, self._jobs)

    def _begin_installation(self) -> None:
        lost = self._planning.lost or ()
        if self._jobs is None or not self._planning.is_complete or not review.agreed(self.draft, lost):
            return
        # In what the engine is given alone: the draft may yet be of other disks.
        answered = replace(self.draft, members=copy.deepcopy(self.draft.members))
        answered.put("disk-setup.wipe", "confirmed" if lost else None)
        try:
            self._world.engine.begin(answered)
        except (TrebolError, OSError) as error:
            self._planning.problems = (of_system(error) if isinstance(error, OSError) else error).problems
            return
        self._installation.follow(self._jobs)

    def _restart(self) -> None:
        try:
            self._ended = not self._world.restart()
        except TrebolError as error:
            self._planning.problems = error.problems

    def _give_up(self) -> None:
        """Back to the answers."""
        self._installation.give_up()
        # What was agreed to was the plan that failed.
        self.draft.put_aside(review.CONFIRMED, "")
        # The disks are not what they were.
        self._facts = Facts()
        if self._jobs is not None:
            self._jobs.start(self._looked, self._found)
        self._go(Place("review"))

    def _save(self) -> None:
        if self._saved is not None:
            self.draft.save(self._saved)
