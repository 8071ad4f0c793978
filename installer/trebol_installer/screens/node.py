"""The screen of the node itself: its name, root's password, and the keys that get in over SSH."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.i18n import _
from trebol_common.passwords import strength
from trebol_common.tui.page import Action, Element, Gap, Input, Text, Tone
from trebol_installer.screens.draft import TYPED_TWICE, Checked, Draft

FQDN = "global.fqdn"
MAIL = "global.mailto"
PASSWORD = "global.root-password"
PASSWORD_AGAIN = TYPED_TWICE[PASSWORD]
HASHED = "global.root-password-hashed"
KEYS = "global.root-ssh-keys"
#: Where a list of keys is, which is no answer, and the buttons that fetch keys from elsewhere.
KEYS_URL = "ssh-keys-url"
FROM_URL = "keys from url"
FROM_STICK = "keys from stick"
#: Lines for keys beyond those that are there.
ONE_MORE = 1


def page(draft: Draft, checked: Checked, said: Sequence[Text] = (), *, insist: bool) -> tuple[Element, ...]:
    """Its elements; `said` is what came of looking for keys elsewhere. With `insist`, fields that nothing was typed
    into are wrong too, where they are needed."""
    first, second = draft.text(PASSWORD), draft.aside.get(PASSWORD_AGAIN, "")
    keys = draft.get(KEYS, ())

    def problem(key: str) -> str:
        if draft.text(key):
            return checked.of(key)
        hashed = key == PASSWORD and draft.get(HASHED) is not None
        return _("is needed") if insist and not hashed else ""

    return (
        Input(
            FQDN,
            _("Full name"),
            draft.text(FQDN),
            hint=_("Host name and domain, such as node1.example.org. A cluster tells its nodes apart by it."),
            problem=problem(FQDN),
        ),
        Input(
            MAIL,
            _("Mail to"),
            draft.text(MAIL),
            hint=_("Where the node's own messages go, such as those of a failing disk."),
            problem=problem(MAIL),
        ),
        Gap(),
        Input(PASSWORD, _("Root password"), first, secret=True, problem=problem(PASSWORD)),
        Input(
            PASSWORD_AGAIN,
            _("Again"),
            second,
            secret=True,
            problem=_("is not the same") if (second or insist) and first != second else "",
        ),
        *((Text(strength(first), Tone.DIM),) if first else ()),
        Gap(),
        Text(_("SSH keys of root, one per line (optional)"), Tone.STRONG),
        *(
            Input(
                f"{KEYS}.{number}",
                str(number + 1),
                keys[number] if number < len(keys) else "",
                hint=_("A line of a .pub file: ssh-ed25519 AAAA… admin@laptop"),
                problem=checked.of(f"{KEYS}.{number}") if number < len(keys) else "",
            )
            for number in range(len(keys) + ONE_MORE)
        ),
        Input(
            KEYS_URL,
            "URL",
            draft.aside.get(KEYS_URL, ""),
            hint=_("Where a list of such lines is: https://example.org/admin.keys"),
        ),
        Action(FROM_URL, _("Keys from URL")),
        Action(FROM_STICK, _("Keys from USB stick")),
        *said,
    )
