"""An installation as its events tell it, and the screens of its course, its end and its failure. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from trebol_common.events import Event, Kind
from trebol_common.i18n import _
from trebol_common.network import MANAGEMENT_PORT
from trebol_common.progress import describe, duration
from trebol_common.tui.page import SHELL, Action, Element, Gap, Page, Progress, Qr, Rows, Text, Tone
from trebol_installer.screens import network, node
from trebol_installer.screens.draft import Draft
from trebol_installer.session import PREPARE
from trebol_installer.wire import Look

#: Lines of the log that are kept for the screen.
KEPT = 200

#: The button that saves the logs.
SAVE = "save logs"


@dataclass(frozen=True)
class StepDone:
    """A step that has ended; `seconds` is what it took."""

    text: str
    seconds: float
    ok: bool = True


@dataclass(frozen=True)
class Watched:
    """`weights` are what each step counts for, `done` the steps that have ended, `running` the one that has begun,
    with its last progress. `failure` is why a step failed that waits to be done again, or, once `ended` is False, why
    the installation did. Times are monotonic seconds."""

    weights: tuple[float, ...] = ()
    done: tuple[StepDone, ...] = ()
    running: str = ""
    began: float = 0.0
    step_began: float = 0.0
    first: float = 0.0
    progress: Event | None = None
    now: float = 0.0
    log: tuple[str, ...] = ()
    failure: str = ""
    ended: bool | None = None

    @property
    def waits(self) -> bool:
        """Whether a step failed, and somebody has to say whether it is done again."""
        return bool(self.failure) and self.ended is None

    @property
    def fraction(self) -> float:
        """How much of the whole is done, 0 to 1, by the weights of the steps."""
        whole = sum(self.weights)
        if not whole:
            return 0.0
        number = sum(step.ok for step in self.done)
        part = 0.0
        if self.progress is not None and self.progress.total and number < len(self.weights):
            part = self.weights[number] * min(1.0, (self.progress.done or 0.0) / self.progress.total)
        return min(1.0, (sum(self.weights[:number]) + part) / whole)


def watch(events: Iterator[Event]) -> Watched:
    """What all these events tell together."""
    return reduce(after, events, Watched())


def after(seen: Watched, event: Event) -> Watched:
    """What is known after one more event."""
    seen = replace(seen, now=event.time)
    match event.kind, event.path:
        case Kind.START, (str(),):
            return replace(seen, began=seen.began or event.time)
        case Kind.START, (str(), str()):
            return replace(seen, running=event.text, step_began=event.time, first=0.0, progress=None, failure="")
        case Kind.RESULT, (str(),) if "weights" in event.data:
            return replace(seen, weights=tuple(map(float, event.data["weights"])))
        case Kind.PROGRESS, _:
            return replace(seen, progress=event, first=seen.first if seen.progress else event.done or 0.0)
        case Kind.LOG, _:
            return replace(seen, log=(*seen.log, event.text)[-KEPT:])
        case Kind.FINISH, (str(),) if event.path == (PREPARE,) and event.ok:
            return seen
        case Kind.FINISH, (str(),):
            return replace(seen, ended=bool(event.ok), running="", failure=_reason(event) or seen.failure)
        case Kind.FINISH, (str(), str()):
            step = StepDone(event.text, event.seconds or 0.0, bool(event.ok))
            return replace(seen, done=(*seen.done, step), running="", progress=None, failure=_reason(event))
    return seen


def _reason(event: Event) -> str:
    return "" if event.ok else str(event.data.get("error", ""))


def page(seen: Watched, draft: Draft, looks: Sequence[Look], saved: tuple[Element, ...], now: float) -> Page:
    """The course of an installation, its good end, or its failure and what can be done about it.

    `looks` are what a test of the node's network has shown: its address, where DHCP gave one. `saved` is what came of
    saving the logs. `now` is in monotonic seconds.
    """
    if seen.ended:
        told = [own for look in looks for own in look.own]
        address = (draft.text(network.CIDR) or (told[0] if told else "")).partition("/")[0]
        elements = _end(seen, address or draft.text(node.FQDN), named=not address)
        return Page(_("Installed"), elements, (Action("restart", _("Restart")),))
    if seen.failure:
        again = (Action("retry", _("Do this step again")),) if seen.waits else ()
        others = (
            Action("answers", _("Back to the answers")),
            Action(SHELL, _("Shell")),
            Action(SAVE, _("Save logs to USB")),
            Action("restart", _("Restart")),
        )
        return Page(_("The installation failed"), _failure(seen, saved), (*again, *others), danger=True)
    return Page(_("Installing"), _course(seen, now))


def _course(seen: Watched, now: float) -> tuple[Element, ...]:
    """The step that runs, how far the whole is, the last steps and lines of the log."""
    steps = len(seen.weights)
    number = min(steps, sum(step.ok for step in seen.done) + 1)
    told = [_("step {number} of {steps}").format(number=number, steps=steps)] if steps else []
    if seen.progress is not None:
        told.append(describe(seen.progress, seen.step_began, seen.first))
    told.append(_("{time} so far").format(time=duration(max(0.0, now - seen.began))) if seen.began else "")
    return (
        Text(seen.running or _("Looking at the machine once more"), Tone.STRONG),
        Progress("whole", seen.fraction, "  ".join(filter(None, told))),
        Gap(),
        Rows(tuple(_done(seen))),
        Gap(),
        Rows(tuple((line,) for line in seen.log[-4:]), Tone.DIM),
    )


def _done(seen: Watched) -> Iterator[tuple[str, ...]]:
    for step in seen.done[-6:]:
        yield f"{duration(step.seconds):>7}", step.text


def _failure(seen: Watched, saved: tuple[Element, ...]) -> tuple[Element, ...]:
    """Which step failed, why, what came of saving the logs, and the last lines of its tools."""
    failed = next((step.text for step in reversed(seen.done) if not step.ok), "")
    return (
        Text(failed or _("The installation did not begin."), Tone.BAD),
        Gap(),
        *(Text(line) for line in seen.failure.splitlines() if line.strip()),
        Gap(),
        *saved,
        Rows(tuple((line,) for line in seen.log[-8:]), Tone.DIM),
    )


def _end(seen: Watched, address: str, *, named: bool) -> tuple[Element, ...]:
    """Where to go on; `address` is where the node will be, `named` whether that is but its name."""
    host = f"[{address}]" if ":" in address else address
    url = f"https://{host}:{MANAGEMENT_PORT}"
    by_address = (_("Its address comes from DHCP, and will stand on its screen."),) if named else ()
    return (
        Text(_("Trebol is installed. It took {time}.").format(time=duration(seen.now - seen.began)), Tone.GOOD),
        Qr(
            url,
            (
                _("Take the medium out, then restart. The node will be at:"),
                url,
                *by_address,
                _("On it lies an answer file that repeats this installation, without passwords:"),
                "/var/log/trebol/answers.toml",
            ),
        ),
    )
