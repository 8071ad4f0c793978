"""What the draft does to the machine: made beside the screens, and dropped where the answers have changed since."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trebol_common.errors import Problem, TrebolError
from trebol_common.tui.app import Jobs
from trebol_installer.plan import Plan
from trebol_installer.preview import Preview, preview
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.world import World


class Planning:
    """`preview` is of the disks alone; `plan` of everything, or `problems` are what stands in its way."""

    def __init__(self, draft: Draft, world: World) -> None:
        self.preview: Preview | None = None
        self.plan: Plan | None = None
        self.problems: tuple[Problem, ...] = ()
        self._draft = draft
        self._world = world
        #: `[disk-setup]` that the preview is of.
        self._previewed: Mapping[str, Any] = {}

    @property
    def lost(self) -> tuple[str, ...] | None:
        """The disks whose contents the plan loses; None while that is not known of the disks that are chosen now."""
        if self.preview is None or self.preview.problems or self._previewed != self._draft.get("disk-setup", {}):
            return None
        return self.preview.lost

    @property
    def is_complete(self) -> bool:
        """Whether there is a plan that can be agreed to."""
        return self.plan is not None and self.lost is not None and not self.problems

    def make_preview(self, facts: Facts, jobs: Jobs | None) -> None:
        """Anew; what is there stays until then."""
        machine, manifest = facts.machine, facts.manifest
        # As it is now: a thread looks at it while somebody types on.
        setup = copy.deepcopy(self._draft.get("disk-setup", {}))
        if machine is None or jobs is None or not (setup.get("disk-list") or setup.get("filter")):
            self.preview = None
            return
        revision = self._draft.revision

        def keep(made: Preview) -> None:
            if self._draft.revision == revision:
                self.preview, self._previewed = made, setup

        jobs.start(lambda: preview(machine, setup, manifest), keep)

    def make_plan(self, facts: Facts, jobs: Jobs | None) -> None:
        """Anew, with its preview; nothing is there until then."""
        self.plan, self.problems = None, ()
        self.make_preview(facts, jobs)
        members = dict(self._draft.members)
        setup = dict(members.get("disk-setup", {}))
        # Whether the loss was agreed to is asked for beside the plan, not in place of it.
        members["disk-setup"] = {**setup, "wipe": "confirmed"}
        checked = replace(self._draft, members=members).check()
        if checked.answers is None:
            self.problems = tuple(Problem(each.what, each.key, each.hint) for each in checked.problems)
            return
        if jobs is None or facts.machine is None:
            self.problems = tuple(Problem(told) for told in facts.failures.values())
            return
        answers, revision = checked.answers, self._draft.revision

        def make() -> Plan | tuple[Problem, ...]:
            try:
                return self._world.plan(answers, facts)
            except TrebolError as error:
                return error.problems

        def keep(made: Plan | tuple[Problem, ...]) -> None:
            if self._draft.revision != revision:
                return
            if isinstance(made, Plan):
                self.plan = made
            else:
                self.problems = made

        jobs.start(make, keep)
