"""Accounts as Proxmox VE's API shows them below /access; never a secret, nor a hash of one. Booleans are 1 and 0."""

from __future__ import annotations

import re
from typing import Any

from trebol_node.access import rules, totp
from trebol_node.access.accounts import Accounts
from trebol_node.access.errors import Missing, shown
from trebol_node.access.factors import RECOVERY
from trebol_node.access.names import Identity, realm_of
from trebol_node.access.names import identity as identity_of
from trebol_node.access.privileges import BUILT_IN
from trebol_node.access.realms import REALMS
from trebol_node.access.records import Tfa, Token

Shown = dict[str, Any]

_SUBJECTS = {
    "vms": re.compile(r"VM\.|Permissions\.Modify"),
    "access": re.compile(r"User\.|Group\.|Permissions\.Modify"),
    "storage": re.compile(r"Datastore\.|Permissions\.Modify"),
    "nodes": re.compile(r"Sys\.|Permissions\.Modify"),
    "sdn": re.compile(r"SDN\.|Permissions\.Modify"),
    "dc": re.compile(r"Sys\.Audit|Sys\.Modify|SDN\."),
    "mapping": re.compile(r"Mapping\.|Permissions\.Modify"),
}
_ASKED = ("/", "/nodes", "/access/groups", "/vms", "/storage", "/sdn", "/mapping")
_TOP = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")


def users(accounts: Accounts, identity: Identity, *, enabled: bool | None = None, full: bool = False) -> list[Shown]:
    """GET /access/users: oneself, and those whom `identity` may see; with `full` their groups and tokens."""
    return [
        _listed(accounts, name, full=full)
        for name in _seen(accounts, identity)
        if enabled is None or accounts.users[name].enable == enabled
    ]


def _seen(accounts: Accounts, identity: Identity) -> list[str]:
    if accounts.may(identity, rules.GROUPS, rules.SEE, any=True):
        return sorted(accounts.users)
    allowed = rules.allowed_users(accounts, identity, rules.SEE)
    return [name for name in sorted(accounts.users) if name in allowed or name == str(identity)]


def _listed(accounts: Accounts, name: str, *, full: bool) -> Shown:
    entry = {"userid": name, **_particulars(accounts, name)}
    realm = REALMS.get(realm_of(name))
    if realm is not None:
        entry["realm-type"] = realm["type"]
    if full:
        entry["groups"] = ",".join(_groups_of(accounts, name))
        entry["tokens"] = tokens(accounts, name)
    return entry


def _groups_of(accounts: Accounts, name: str) -> list[str]:
    return [group for group in accounts.users[name].groups if group in accounts.groups]


def _particulars(accounts: Accounts, name: str) -> Shown:
    record = accounts.users[name]
    entry: Shown = {"enable": int(record.enable), "expire": record.expire}
    texts = {part: getattr(record, part) for part in ("firstname", "lastname", "email", "comment")}
    entry.update({part: text for part, text in texts.items() if text})
    tfa = accounts.tfa.get(name)
    if totp.challenge(tfa) is not None:
        entry["keys"] = "x"  # How clients of old see that there is a second factor.
    if tfa is not None and totp.is_locked(tfa):
        entry["totp-locked"] = 1
    return entry


def user(accounts: Accounts, name: str) -> Shown:
    """GET /access/users/{userid}."""
    accounts.user(name)
    entry = _particulars(accounts, name)
    entry.pop("totp-locked", None)
    return {
        **entry,
        "groups": _groups_of(accounts, name),
        "tokens": {held.pop("tokenid"): held for held in tokens(accounts, name)},
    }


def tokens(accounts: Accounts, user: str) -> list[Shown]:
    """GET /access/users/{userid}/token."""
    accounts.user(user)
    mine = sorted((name.rpartition("!"), held) for name, held in accounts.tokens.items())
    return [{"tokenid": name, **_token(held)} for (owner, _, name), held in mine if owner == user]


def token(accounts: Accounts, user: str, name: str) -> Shown:
    """GET /access/users/{userid}/token/{tokenid}."""
    return _token(accounts.token(user, name))


def _token(held: Token) -> Shown:
    entry: Shown = {"expire": held.expire, "privsep": int(held.privsep)}
    return {**entry, "comment": held.comment} if held.comment else entry


def new_token(accounts: Accounts, user: str, name: str, secret: str) -> Shown:
    """POST /access/users/{userid}/token/{tokenid}, once it is made: the only time that the secret is shown."""
    return {"full-tokenid": f"{user}!{name}", "info": token(accounts, user, name), "value": secret}


def groups(accounts: Accounts, identity: Identity) -> list[Shown]:
    """GET /access/groups: those that `identity` may see."""
    wanted = ("User.Modify", "Sys.Audit", "Group.Allocate")
    return [
        {
            "groupid": name,
            **({"comment": record.comment} if record.comment else {}),
            "users": ",".join(accounts.members(name)),
        }
        for name, record in sorted(accounts.groups.items())
        if accounts.may(identity, f"{rules.GROUPS}/{name}", wanted, any=True)
    ]


def group(accounts: Accounts, name: str) -> Shown:
    """GET /access/groups/{groupid}."""
    record = accounts.group(name)
    entry: Shown = {"members": list(accounts.members(name))}
    return {**entry, "comment": record.comment} if record.comment else entry


def roles(accounts: Accounts) -> list[Shown]:
    """GET /access/roles."""
    return [
        {"roleid": name, "privs": ",".join(sorted(privileges)), "special": int(name in BUILT_IN)}
        for name, privileges in sorted(accounts.roles.items())
    ]


def role(accounts: Accounts, name: str) -> Shown:
    """GET /access/roles/{roleid}."""
    privileges = accounts.roles.get(name)
    if privileges is None:
        raise Missing(f"role '{shown(name)}' does not exist")
    return dict.fromkeys(sorted(privileges), 1)


def acl(accounts: Accounts, identity: Identity) -> list[Shown]:
    """GET /access/acl: entries of paths whose entries `identity` may change, or all for who audits /access."""
    audit = accounts.may(identity, "/access", ("Sys.Audit",))
    return [
        {"path": path, "type": kind, "ugid": name, "roleid": role, "propagate": int(below)}
        for path, node in sorted(accounts.acl.paths.items())
        if audit or rules.may_change_acl(accounts, identity, path)
        for kind, grants in (("user", node.users), ("group", node.groups), ("token", node.tokens))
        for name, held in sorted(grants.items())
        for role, below in sorted(held.items())
    ]


def domains() -> list[Shown]:
    """GET /access/domains: for everybody, as one logs in with it."""
    return [{"realm": name, **realm} for name, realm in REALMS.items()]


def domain(name: str) -> Shown:
    """GET /access/domains/{realm}."""
    realm = REALMS.get(name)
    if realm is None:
        raise Missing(f"domain '{shown(name)}' does not exist")
    return dict(realm)


def permissions(
    accounts: Accounts, identity: Identity, *, userid: str | None = None, path: str | None = None
) -> dict[str, dict[str, int]]:
    """GET /access/permissions: path → privilege → whether it propagates, of `identity` or, for auditors, of another.

    Without `path`, of all paths that the ACL has entries for.
    """
    asked = identity if userid is None else identity_of(userid)
    own = asked == identity or (identity.token is None and asked.user == identity.user)
    if not own:
        accounts.require(identity, "/access", ("Sys.Audit",))
    if path is not None:
        return {path: _held(accounts, asked, path)}
    paths = sorted({*_TOP, *accounts.acl.paths})
    return {each: held for each in paths if (held := _held(accounts, asked, each))}


def _held(accounts: Accounts, identity: Identity, path: str) -> dict[str, int]:
    return {name: int(below) for name, below in sorted(accounts.permissions(identity, path).items())}


def capabilities(accounts: Accounts, identity: Identity) -> dict[str, dict[str, int]]:
    """`cap` of a ticket's answer: what a client may offer, by subject, somewhere in the tree."""
    found: dict[str, dict[str, int]] = {subject: {} for subject in _SUBJECTS}
    for path in dict.fromkeys((*_ASKED, *accounts.acl.paths)):
        top = path.strip("/").partition("/")[0] or "dc"
        for privilege in accounts.permissions(identity, path):
            for subject in ("vms", "storage") if top == "pool" else (top,):
                pattern = _SUBJECTS.get(subject)
                if pattern is not None and pattern.match(privilege):
                    found[subject][privilege] = 1
    return found


def tfa(accounts: Accounts, identity: Identity) -> list[Shown]:
    """GET /access/tfa: of oneself, and of those whom `identity` may see."""
    return [
        {
            "userid": name,
            "entries": _entries(accounts.tfa[name]),
            **({"totp-locked": 1} if totp.is_locked(accounts.tfa[name]) else {}),
        }
        for name in _seen(accounts, identity)
        if name in accounts.tfa
    ]


def user_tfa(accounts: Accounts, user: str) -> list[Shown]:
    """GET /access/tfa/{userid}."""
    accounts.user(user)
    return _entries(accounts.tfa.get(user, Tfa()))


def tfa_entry(accounts: Accounts, user: str, identity: str) -> Shown:
    """GET /access/tfa/{userid}/{id}."""
    for entry in user_tfa(accounts, user):
        if entry["id"] == identity:
            return entry
    raise Missing(f"No such tfa entry '{shown(identity)}'")


def tfa_types(accounts: Accounts, user: str, *, multiple: bool = False) -> Shown:
    """GET /access/users/{userid}/tfa: kinds of second factors; with `multiple` all of them."""
    kinds = list(dict.fromkeys(entry["type"] for entry in user_tfa(accounts, user)))
    if multiple:
        return {"user": kinds}
    return {"user": "oath"} if "totp" in kinds else {}


def _entries(tfa: Tfa) -> list[Shown]:
    entries = [
        {
            "id": entry.id,
            "type": "totp",
            "description": entry.description,
            "created": entry.created,
            "enable": int(entry.enable),
        }
        for entry in tfa.totp
    ]
    if tfa.recovery is None:
        return entries
    return [
        *entries,
        {"id": RECOVERY, "type": RECOVERY, "description": "", "created": tfa.recovery.created, "enable": 1},
    ]
