"""The screens in their order, and which one each answer belongs to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trebol_common.answers.partial import is_below
from trebol_common.i18n import _
from trebol_common.tui.wizard import Step, Wizard
from trebol_installer.screens import location
from trebol_installer.screens.draft import Draft

#: Keys of the draft that each screen is about; a problem below one of them belongs to that screen.
KEYS: Mapping[str, tuple[str, ...]] = {
    "disks": ("disk-setup",),
    "location": (location.COUNTRY, location.TIMEZONE, location.KEYBOARD),
    "node": ("global",),
    "network": ("network",),
    "cluster": ("cluster",),
}

#: The screens before the review.
NAMES = ("welcome", "hardware", "disks", "location", "node", "network", "cluster")


def _is_asked(name: str) -> Callable[[Draft], bool]:
    """Whether a screen is shown: all are, but where most of the answers are known already."""
    keys = KEYS.get(name)
    return lambda draft: draft.asks_for(*keys) if keys else draft.asked is None


#: The review is never left out: it is where somebody agrees.
WIZARD: Wizard[Draft] = Wizard(
    [
        *(Step(name, _is_asked(name)) for name in NAMES),
        Step("review"),
    ]
)


def title(name: str) -> str:
    """What a screen is called at its top."""
    return {
        "welcome": _("Install Trebol"),
        "hardware": _("This machine"),
        "disks": _("Disks"),
        "location": _("Place and keyboard"),
        "node": _("The node"),
        "network": _("Network"),
        "cluster": _("Cluster"),
        "review": _("What will be done"),
    }[name]


def screen_of(where: str) -> str:
    """The screen on which a problem with this key is mended; the narrowest key counts."""
    fitting: Sequence[tuple[int, str]] = [
        (len(key), name) for name, keys in KEYS.items() for key in keys if is_below(where, key)
    ]
    return max(fitting)[1] if fitting else "disks"
