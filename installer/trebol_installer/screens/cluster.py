"""The screen of the cluster: whether the node is to stand alone, create one or join one. Its first boot does it."""

from __future__ import annotations

from trebol_common.answers.cluster import KEYS, ClusterMode
from trebol_common.i18n import _
from trebol_common.tui.page import Choice, Element, Gap, Input, Option, Text, Tone
from trebol_installer.screens.draft import Checked, Draft

TABLE = "cluster"
MODE = f"{TABLE}.mode"
NAME = f"{TABLE}.name"
PEER = f"{TABLE}.peer"
TOKEN = f"{TABLE}.token"
NODES = f"{TABLE}.nodes"
#: The keys of the draft that go with each mode.
OF_MODE = {mode: tuple(f"{TABLE}.{key}" for key in keys) for mode, keys in KEYS.items()}
ALL = tuple(dict.fromkeys(key for keys in OF_MODE.values() for key in keys))


def page(draft: Draft, checked: Checked, *, insist: bool) -> tuple[Element, ...]:
    """Its elements; see `node.page` for `insist`."""
    mode = mode_of(draft)
    fields = _fields(mode, draft, checked, insist=insist)
    nodes = draft.get(NODES) or ()
    # What is missing stands beside its field.
    whole = checked.of_table(TABLE) if not any(field.problem for field in fields) else ""
    return (
        Choice(MODE, _("This node"), _modes(), mode, problem=checked.of(MODE)),
        *((Gap(),) if fields else ()),
        *fields,
        *((Text(whole, Tone.BAD, "→"),) if whole and insist else ()),
        Gap(),
        *((Text(_("For: {nodes}").format(nodes=", ".join(map(str, nodes))), Tone.DIM),) if nodes else ()),
        Text(_("The node's first boot does it; nothing is joined during the installation."), Tone.DIM),
    )


def _fields(mode: str, draft: Draft, checked: Checked, *, insist: bool) -> tuple[Input, ...]:
    """What is asked for in a mode."""

    def field(key: str, label: str, hint: str, *, needed: bool = True, secret: bool = False) -> Input:
        missing = _("is needed") if insist and needed else ""
        problem = checked.of(key) if draft.get(key) else missing
        return Input(key, label, draft.text(key), hint, problem, secret)

    match mode:
        case ClusterMode.CREATE:
            hint = _("Others join with it by themselves: openssl rand -hex 16. May be empty.")
            return (
                field(NAME, _("Cluster name"), _("Letters, digits and -, at most 15, such as clover-1.")),
                field(TOKEN, _("Join token"), hint, needed=False, secret=True),
            )
        case ClusterMode.JOIN:
            hint = _("A member makes it, or has it too. May be empty: then the console asks.")
            return (
                field(PEER, _("Member"), _("Address or name of any node of the cluster.")),
                field(TOKEN, _("Join token"), hint, needed=False, secret=True),
            )
        case _:
            return ()


def mode_of(draft: Draft) -> str:
    """What the draft wants of a cluster; nothing, where it does not say."""
    return draft.text(MODE) or ClusterMode.STAND_ALONE


def _modes() -> tuple[Option, ...]:
    return (
        Option(ClusterMode.STAND_ALONE, _("stands alone")),
        Option(ClusterMode.CREATE, _("creates a cluster")),
        Option(ClusterMode.JOIN, _("joins a cluster")),
    )
