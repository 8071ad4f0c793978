"""Changes of users, groups, roles, ACL and tokens: each a pure function of accounts and arguments.

Each returns the writes that make it, or raises `errors.Invalid`, `Missing`, `Exists` or `Denied` in Proxmox VE's
words. Arguments that are None stay as they are. Whether somebody may is for `rules` to say, but for roles in the ACL,
where that depends on what is given away.

What is deleted goes first, and what hung on it after: left over, that counts for nothing, and whoever uses the name
again has it swept before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from trebol_node.access.accounts import ACL, Accounts, Write, Writes
from trebol_node.access.errors import Denied, Exists, Invalid, Missing, require_text, shown
from trebol_node.access.names import (
    ROOT,
    Identity,
    acl_path,
    full_token_id,
    group_id,
    role_id,
    split_list,
    token_id,
    user_id,
)
from trebol_node.access.privileges import BUILT_IN, NO_ACCESS, require_privileges
from trebol_node.access.realms import OWN, require_realm
from trebol_node.access.records import Acl, AclNode, Grants, Group, Password, Role, Token, User
from trebol_node.access.tokens import hash_secret

#: Characters that texts may have, as in Proxmox VE.
_LENGTHS = {"firstname": 1024, "lastname": 1024, "email": 254, "comment": 2048}
_EMAIL = re.compile(r"[\w+~-]+(\.[\w+~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

#: The last second that every client can read.
_LATEST = 2**53


def create_user(
    accounts: Accounts,
    user: str,
    *,
    now: float,
    enable: bool = True,
    expire: int = 0,
    groups: str | None = None,
    firstname: str = "",
    lastname: str = "",
    email: str = "",
    comment: str = "",
    password_hash: str | None = None,
) -> Writes:
    """A new user. `password_hash` (`passwords.hash_password`) is for realm trebol; the system keeps those of pam.

    Tickets of a deleted one of that name do not count.
    """
    user_id(user)
    realm = require_realm(user)
    if user in accounts.users:
        raise Exists(f"user '{user}' already exists")
    fields = _texts(firstname=firstname, lastname=lastname, email=email, comment=comment)
    record = User.model_validate(
        {
            **fields,
            "enable": enable,
            "expire": _seconds(expire),
            "groups": _groups(accounts, groups),
            "tickets_from": _after(now),
        }
    )
    writes = dict(_traces(accounts, user))
    if password_hash is not None:
        if realm != OWN:
            raise Invalid(f"can't set password on auth type '{realm}'", argument="password")
        writes[f"passwords/{user}"] = Password(hash=password_hash).value()
    writes[f"users/{user}"] = record.value()
    return tuple(Write(key, value) for key, value in writes.items())


def modify_user(
    accounts: Accounts,
    user: str,
    *,
    enable: bool | None = None,
    expire: int | None = None,
    groups: str | None = None,
    append: bool = False,
    firstname: str | None = None,
    lastname: str | None = None,
    email: str | None = None,
    comment: str | None = None,
) -> Writes:
    """Other particulars of a user; `groups` are all that it is in, or, with `append`, more of them."""
    record = accounts.user(user)
    changed: dict[str, Any] = _texts(firstname=firstname, lastname=lastname, email=email, comment=comment)
    if enable is not None:
        changed["enable"] = enable
    if expire is not None:
        changed["expire"] = _seconds(expire)
    if groups is not None:
        kept = [group for group in record.groups if append and group in accounts.groups]
        changed["groups"] = tuple(dict.fromkeys((*kept, *_groups(accounts, groups))))
    elif append:
        raise Invalid("missing property - 'append' requires this property", argument="groups")
    return (Write(f"users/{user}", record.model_copy(update=changed).value()),)


def delete_user(accounts: Accounts, user: str) -> Writes:
    """Without user: entries in the ACL, tokens, password and second factors go with it."""
    accounts.user(user)
    if user == ROOT:
        raise Denied(f"user '{ROOT}' cannot be deleted")
    return (Write(f"users/{user}", None), *_traces(accounts, user))


def set_password(accounts: Accounts, user: str, password_hash: str, *, by: str, now: float) -> Writes:
    """Another password of a user of realm trebol. One set by somebody else ends the tickets that there are."""
    record = accounts.user(user)
    realm = require_realm(user)
    if realm != OWN:
        raise Invalid(f"can't set password on auth type '{realm}'", argument="password")
    write = Write(f"passwords/{user}", Password(hash=password_hash).value())
    if by == user:
        return (write,)
    return (write, Write(f"users/{user}", record.model_copy(update={"tickets_from": _after(now)}).value()))


def _traces(accounts: Accounts, user: str) -> Iterable[Write]:
    """What takes away all that hangs on a user's name."""
    tokens = [name for name in accounts.tokens if name.rpartition("!")[0] == user]
    yield from _acl_without(accounts, users={user}, tokens=set(tokens))
    yield from (Write(f"tokens/{name}", None) for name in tokens)
    yield from (Write(key, None) for key in (f"passwords/{user}", f"tfa/{user}") if accounts.holds(key))


def _after(now: float) -> int:
    """The first second of which no ticket is there yet."""
    return int(now) + 1


def create_group(accounts: Accounts, group: str, *, comment: str = "") -> Writes:
    """A new group, without members."""
    if group_id(group) in accounts.groups:
        raise Exists(f"group '{group}' already exists")
    record = Group.model_validate(_texts(comment=comment))
    return (*_members_without(accounts, group), Write(f"groups/{group}", record.value()))


def modify_group(accounts: Accounts, group: str, *, comment: str | None = None) -> Writes:
    """Another comment."""
    record = accounts.group(group)
    return (Write(f"groups/{group}", record.model_copy(update=_texts(comment=comment)).value()),)


def delete_group(accounts: Accounts, group: str) -> Writes:
    """Without group: its entries in the ACL go with it, and its members leave it."""
    accounts.group(group)
    return (Write(f"groups/{group}", None), *_members_without(accounts, group))


def _members_without(accounts: Accounts, group: str) -> Writes:
    """What takes away all that hangs on a group's name."""
    members = ((name, accounts.users[name]) for name in accounts.members(group))
    return (
        *_acl_without(accounts, groups={group}),
        *(
            Write(f"users/{name}", user.model_copy(update={"groups": tuple(_others(user.groups, group))}).value())
            for name, user in members
        ),
    )


def _others(names: Iterable[str], name: str) -> Iterable[str]:
    return (other for other in names if other != name)


def create_role(accounts: Accounts, role: str, *, privs: str | None = None) -> Writes:
    """A new role; `privs` is a list in one text."""
    if role_id(role).lower().startswith("pve"):
        raise Invalid("cannot use role ID starting with the (case-insensitive) 'PVE' namespace", argument="roleid")
    if role in accounts.roles:
        raise Exists(f"role '{role}' already exists")
    record = Role(privs=_privileges(privs))
    return (*_acl_without(accounts, roles={role}), Write(f"roles/{role}", record.value()))


def modify_role(accounts: Accounts, role: str, *, privs: str | None = None, append: bool = False) -> Writes:
    """Other privileges, or, with `append`, more of them."""
    if role in BUILT_IN:
        raise Denied(f"auto-generated role '{role}' cannot be modified")
    record = accounts.own_roles.get(role)
    if record is None:
        raise Missing(f"role '{shown(role)}' does not exist")
    if append and privs is None:
        raise Invalid("missing property - 'append' requires this property", argument="privs")
    kept = record.privs if append else ()
    changed = tuple(sorted({*kept, *_privileges(privs)}))
    return (Write(f"roles/{role}", record.model_copy(update={"privs": changed}).value()),)


def delete_role(accounts: Accounts, role: str) -> Writes:
    """Without role: its entries in the ACL go with it."""
    if role in BUILT_IN:
        raise Denied(f"auto-generated role '{role}' cannot be deleted")
    if role not in accounts.own_roles:
        raise Missing(f"role '{shown(role)}' does not exist")
    return (Write(f"roles/{role}", None), *_acl_without(accounts, roles={role}))


def update_acl(
    accounts: Accounts,
    identity: Identity,
    path: str,
    *,
    roles: str,
    users: str | None = None,
    groups: str | None = None,
    tokens: str | None = None,
    propagate: bool = True,
    delete: bool = False,
) -> Writes:
    """Give each of `roles` on `path` to users, groups and tokens, or, with `delete`, take it from them.

    `identity` asks. Without Permissions.Modify on `path` it gives away no more than it has there. From those who are
    not there any more it can be taken.
    """
    named = {"users": split_list(users), "groups": split_list(groups), "tokens": split_list(tokens)}
    if not any(named.values()):
        raise Invalid("either 'users', 'groups' or 'tokens' is required.", argument="users")
    where = acl_path(path, known=not delete)
    wanted = split_list(roles)
    if not wanted:
        raise Invalid("property is missing and it is not optional", argument="roles")
    for role in wanted:
        if role not in BUILT_IN and role not in accounts.own_roles:
            raise Missing(f"role '{shown(role)}' does not exist")
        _require_to_give(accounts, identity, where, role, propagate=propagate, delete=delete)
    if not delete:
        _require_there(accounts, named)
    node = accounts.acl.paths.get(where, AclNode())
    changed = {
        kind: _granted(getattr(node, kind), names, wanted, propagate=propagate, delete=delete)
        for kind, names in named.items()
    }
    paths = {**accounts.acl.paths, where: node.model_copy(update=changed)}
    return (Write(ACL, _tidy(accounts.acl, paths)),)


def _require_there(accounts: Accounts, named: dict[str, tuple[str, ...]]) -> None:
    for group in named["groups"]:
        accounts.group(group)
    for user in named["users"]:
        if user_id(user) not in accounts.users:
            raise Missing(f"user '{shown(user)}' does not exist")
    for token in named["tokens"]:
        identity = full_token_id(token)
        accounts.token(identity.user, str(identity.token))


def _require_to_give(
    accounts: Accounts, identity: Identity, path: str, role: str, *, propagate: bool, delete: bool
) -> None:
    held = accounts.permissions(identity, path)
    if "Permissions.Modify" in held:
        return
    verb = "remove" if delete else "add"
    if role == NO_ACCESS:  # It has no privileges that could be compared.
        raise Denied(f"Cannot {verb} role '{role}' - requires 'Permissions.Modify'")
    for privilege in accounts.role_privileges(role):
        if privilege not in held:
            raise Denied(f"Cannot {verb} role '{role}' - requires 'Permissions.Modify' or superset of privileges.")
        if propagate and not delete and not held[privilege]:
            raise Denied(
                f"Cannot {verb} role '{role}' with propagation - requires 'Permissions.Modify' or propagated"
                " superset of privileges."
            )


def _granted(
    grants: Grants, names: tuple[str, ...], roles: tuple[str, ...], *, propagate: bool, delete: bool
) -> Grants:
    changed = {name: dict(held) for name, held in grants.items()}
    for name in names:
        held = changed.setdefault(name, {})
        for role in roles:
            if delete:
                held.pop(role, None)
            else:
                held[role] = propagate
    return changed


def _acl_without(
    accounts: Accounts,
    *,
    users: Iterable[str] = (),
    groups: Iterable[str] = (),
    tokens: Iterable[str] = (),
    roles: Iterable[str] = (),
) -> Writes:
    """The ACL without entries of these, where it has any."""
    gone = {"users": set(users), "groups": set(groups), "tokens": set(tokens)}
    gone_roles = set(roles)

    def left(kind: str, grants: Grants) -> Grants:
        return {
            name: {role: below for role, below in held.items() if role not in gone_roles}
            for name, held in grants.items()
            if name not in gone[kind]
        }

    paths = {
        path: node.model_copy(update={kind: left(kind, getattr(node, kind)) for kind in gone})
        for path, node in accounts.acl.paths.items()
    }
    if paths == accounts.acl.paths:
        return ()
    return (Write(ACL, _tidy(accounts.acl, paths)),)


def _tidy(acl: Acl, paths: dict[str, AclNode]) -> dict[str, Any]:
    """The ACL's value with these paths: without those that have no entry, and without who has no role there."""
    kept: dict[str, AclNode] = {}
    for path, node in sorted(paths.items()):
        grants = {
            kind: {name: held for name, held in sorted(getattr(node, kind).items()) if held}
            for kind in ("users", "groups", "tokens")
        }
        if any(grants.values()):
            kept[path] = node.model_copy(update=grants)
    return acl.model_copy(update={"paths": kept}).value()


def create_token(
    accounts: Accounts,
    user: str,
    token: str,
    *,
    secret: str,
    expire: int = 0,
    privsep: bool = True,
    comment: str = "",
) -> Writes:
    """A new API token; of `secret` (`tokens.new_secret`) only a hash is kept."""
    accounts.user(user)
    if f"{user}!{token_id(token)}" in accounts.tokens:
        raise Exists("Token already exists.")
    record = Token.model_validate(
        {
            "hash": hash_secret(secret),
            "expire": _seconds(expire),
            "privsep": privsep,
            **_texts(comment=comment),
        }
    )
    return (*_acl_without(accounts, tokens={f"{user}!{token}"}), Write(f"tokens/{user}!{token}", record.value()))


def modify_token(
    accounts: Accounts,
    user: str,
    token: str,
    *,
    expire: int | None = None,
    privsep: bool | None = None,
    comment: str | None = None,
    secret: str | None = None,
) -> Writes:
    """Other particulars of a token; with `secret`, that instead of the one it had."""
    record = accounts.token(user, token)
    changed: dict[str, Any] = _texts(comment=comment)
    if expire is not None:
        changed["expire"] = _seconds(expire)
    if privsep is not None:
        changed["privsep"] = privsep
    if secret is not None:
        changed["hash"] = hash_secret(secret)
    return (Write(f"tokens/{user}!{token}", record.model_copy(update=changed).value()),)


def delete_token(accounts: Accounts, user: str, token: str) -> Writes:
    """Without token: its entries in the ACL go with it."""
    accounts.token(user, token)
    name = f"{user}!{token}"
    return (Write(f"tokens/{name}", None), *_acl_without(accounts, tokens={name}))


def _groups(accounts: Accounts, text: str | None) -> tuple[str, ...]:
    names = split_list(text)
    for name in names:
        if name not in accounts.groups:
            raise Missing(f"no such group '{shown(name)}'")
    return names


def _privileges(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(require_privileges(split_list(text))))


def _seconds(value: int) -> int:
    if not 0 <= value <= _LATEST:
        raise Invalid(
            "value must have a minimum value of 0" if value < 0 else "value is too large", argument="expire"
        )
    return value


def _texts(**texts: str | None) -> dict[str, Any]:
    """Those of `texts` that are given, if they can be kept."""
    given = {name: text for name, text in texts.items() if text is not None}
    for name, text in given.items():
        if len(text) > _LENGTHS[name]:
            raise Invalid(f"value may only be {_LENGTHS[name]} characters long", argument=name)
        require_text(text, argument=name)
    if given.get("email") and not _EMAIL.fullmatch(given["email"]):
        raise Invalid("value does not look like a valid email address", argument="email")
    return given
