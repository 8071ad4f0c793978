"""Who may change whose account: what Proxmox VE's API asks for beyond one privilege on one path.

Each raises Denied (403), or Missing where the user is not there.
"""

from __future__ import annotations

from collections.abc import Iterable

from trebol_node.access.accounts import Accounts
from trebol_node.access.errors import Denied
from trebol_node.access.names import ROOT, Identity, normal_path, realm_of, split_list

GROUPS = "/access/groups"
MODIFY = ("User.Modify",)
SEE = ("User.Modify", "Sys.Audit")

#: Below these paths, whoever may make a thing may give rights on it away, as far as they have them.
_MAKERS = {"/storage/": "Datastore.Allocate", "/vms/": "VM.Allocate", "/pool/": "Pool.Allocate"}


def require_person(identity: Identity) -> None:
    """Passwords, second factors and tickets are no business of API tokens."""
    if identity.token is not None:
        raise Denied("Permission check failed (not allowed with an API token)")


def require_root(accounts: Accounts, identity: Identity, user: str) -> None:
    """Only `root@pam` changes `root@pam`: a token or password of it would be all rights there are.

    For the same reason none of its tokens does that has less.
    """
    token = accounts.tokens.get(str(identity))
    if user == ROOT and (identity.user != ROOT or (identity.token is not None and (token is None or token.privsep))):
        raise Denied(f"Permission check failed (user != {ROOT})")


def require_self_or_user(
    accounts: Accounts, identity: Identity, user: str, privileges: Iterable[str] = MODIFY, *, change: bool = True
) -> None:
    """For tokens and second factors of `user`: oneself, or whoever has `privileges` on one of its groups."""
    accounts.user(user)
    if change:
        require_root(accounts, identity, user)
    if str(identity) != user:
        require_user(accounts, identity, user, privileges, change=change)


def require_user(
    accounts: Accounts,
    identity: Identity,
    user: str,
    privileges: Iterable[str] = MODIFY,
    *,
    change: bool = True,
    groups: str | None = None,
) -> None:
    """Any of `privileges` on all groups, or on one that `user` is in and on each of `groups`, where it is to be."""
    accounts.user(user)
    if change:
        require_root(accounts, identity, user)
    wanted = tuple(privileges)
    if accounts.may(identity, GROUPS, wanted, any=True):
        return
    if groups is not None:
        _require_groups(accounts, identity, groups, wanted)
    if user not in allowed_users(accounts, identity, wanted):
        raise Denied.of_check(GROUPS, *wanted)


def require_new_user(accounts: Accounts, identity: Identity, user: str, *, groups: str | None) -> None:
    """Realm.AllocateUser on its realm, and User.Modify on each group that it is to be in, or on all groups."""
    accounts.require(identity, f"/access/realm/{realm_of(user)}", ("Realm.AllocateUser",))
    if not accounts.may(identity, GROUPS, MODIFY):
        _require_groups(accounts, identity, groups, MODIFY)


def require_no_user(accounts: Accounts, identity: Identity, user: str) -> None:
    """For deleting: Realm.AllocateUser on its realm, and User.Modify on one of its groups."""
    accounts.require(identity, f"/access/realm/{realm_of(user)}", ("Realm.AllocateUser",))
    require_user(accounts, identity, user)


def require_new_password(accounts: Accounts, identity: Identity, user: str) -> None:
    """Oneself; else as for deleting, but not of a user of the system, which only `root@pam` may."""
    require_person(identity)
    accounts.user(user)
    require_root(accounts, identity, user)
    if identity.user in (user, ROOT):
        return
    if realm_of(user) == "pam":
        raise Denied("Permission check failed (users of realm pam)")
    require_no_user(accounts, identity, user)


def needs_own_password(identity: Identity) -> bool:
    """Whether who changes a password or a second factor must show their own password again."""
    return identity.user != ROOT


def require_acl_change(accounts: Accounts, identity: Identity, path: str) -> None:
    """Permissions.Modify on the path, or what makes things there; `changes.update_acl` then limits the roles."""
    normal = normal_path(path) or "/"
    wanted = ["Permissions.Modify"]
    wanted += [name for prefix, name in _MAKERS.items() if normal.startswith(prefix)]
    accounts.require(identity, normal, wanted, any=True)


def may_change_acl(accounts: Accounts, identity: Identity, path: str) -> bool:
    """`require_acl_change` as a question."""
    try:
        require_acl_change(accounts, identity, path)
    except Denied:
        return False
    return True


def allowed_users(accounts: Accounts, identity: Identity, privileges: Iterable[str]) -> frozenset[str]:
    """Users in a group on which `identity` has any of `privileges`."""
    wanted = tuple(privileges)
    groups = {group for group in accounts.groups if accounts.may(identity, f"{GROUPS}/{group}", wanted, any=True)}
    return frozenset(name for name, user in accounts.users.items() if groups.intersection(user.groups))


def _require_groups(accounts: Accounts, identity: Identity, groups: str | None, wanted: tuple[str, ...]) -> None:
    named = split_list(groups)
    if not named:
        raise Denied.of_check(GROUPS, *wanted)
    for group in named:
        path = f"{GROUPS}/{group}"
        if group not in accounts.groups or not accounts.may(identity, path, wanted, any=True):
            raise Denied.of_check(path, *wanted)
