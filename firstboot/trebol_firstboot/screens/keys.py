"""The SSH keys that get root in."""

from __future__ import annotations

from trebol_common.answers.values import ssh_key
from trebol_common.i18n import _, counted
from trebol_common.tui.page import Element, Gap, Input, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import World

#: Before the number of a key's field.
KEY = "key."


def elements(known: tuple[str, ...], typed: Typed) -> tuple[Element, ...]:
    """A line for each, and one more; an emptied one is a key taken away."""
    wrong = problems(known, typed)
    lines = _lines(typed)
    fields = (
        Input(
            f"{KEY}{number}",
            str(number + 1),
            text,
            hint=_("A line of a .pub file: ssh-ed25519 AAAA… admin@laptop"),
            problem=wrong.get(f"{KEY}{number}", ""),
        )
        for number, text in enumerate((*lines, *([""] if all(lines) else [])))
    )
    return (
        Text(_("SSH keys of root, one per line (optional)"), Tone.STRONG),
        *fields,
        Gap(),
        Text(_("An emptied line takes its key away."), Tone.DIM),
    )


def problems(known: tuple[str, ...], typed: Typed) -> dict[str, str]:
    """Lines that are no key; those that the node has already may be of a form of its own, with options."""
    found = {}
    for number, text in enumerate(_lines(typed)):
        if text and text not in known:
            try:
                ssh_key(text)
            except ValueError as error:
                found[f"{KEY}{number}"] = str(error)
    return found


def _lines(typed: Typed) -> tuple[str, ...]:
    count = sum(key.startswith(KEY) for key in typed.values)
    return tuple(typed.text(f"{KEY}{number}").strip() for number in range(count))


def _save(world: World, known: tuple[str, ...], typed: Typed) -> str:
    keys = tuple(dict.fromkeys(text if text in known else ssh_key(text) for text in _lines(typed) if text))
    world.set_keys(keys)
    return counted("{count} key gets root in now.", "{count} keys get root in now.", len(keys))


TOPIC: Topic[tuple[str, ...]] = Topic(
    "keys",
    lambda: _("SSH keys"),
    lambda world: world.keys(),
    elements,
    lambda known: {f"{KEY}{number}": key for number, key in enumerate(known)},
    problems,
    (Button("save", lambda: _("Save"), _save),),
)
