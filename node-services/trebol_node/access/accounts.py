"""All accounts as one value, and what each may do where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from trebol_node.access.errors import Denied, Invalid, Missing, shown
from trebol_node.access.names import ROOT, Identity, full_token_id, group_id, normal_path, role_id, user_id
from trebol_node.access.privileges import ADMINISTRATOR, BUILT_IN, NO_ACCESS, PRIVILEGES
from trebol_node.access.records import Acl, AclNode, Group, Keys, Password, Role, Stored, Tfa, Token, User

ACL = "acl"
KEYS = "keys"


class Write(NamedTuple):
    """One change of the store: `key` relative to "access/"; without a value it is deleted."""

    key: str
    value: dict[str, Any] | None


#: Made in this order, each key once: a change that is cut short never leaves more rights than there were or will be.
Writes = tuple[Write, ...]

#: Reads, of the entries of one path, those of somebody: role → whether it holds for all below.
_Source = Callable[[AclNode], Mapping[str, bool]]

_Model = TypeVar("_Model", bound=Stored)


@dataclass(frozen=True)
class Accounts:
    """Users, groups, roles, tokens, ACL and secrets at one moment; `root@pam` is always there.

    `unreadable` are keys of records that no version of Trebol wrote like this. One of them cannot lock out all, and
    takes rights only away: a user or token is not there, a role may nothing, a group keeps its entries in the ACL,
    and without a readable ACL only `root@pam` may do anything.
    """

    users: Mapping[str, User] = field(default_factory=lambda: {ROOT: User()})
    groups: Mapping[str, Group] = field(default_factory=dict)
    own_roles: Mapping[str, Role] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)
    acl: Acl = field(default_factory=Acl)
    passwords: Mapping[str, Password] = field(default_factory=dict, repr=False)
    tfa: Mapping[str, Tfa] = field(default_factory=dict, repr=False)
    keys: Keys | None = field(default=None, repr=False)
    unreadable: tuple[str, ...] = ()

    #: Roles → what they give together: lists of guests ask the same for each.
    _given: dict[frozenset[tuple[str, bool]], dict[str, bool]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, values: Mapping[str, Mapping[str, Any]]) -> Accounts:
        """Accounts out of the store's values; keys are relative to "access/", unknown kinds are left alone."""
        reader = _Reader(values)
        users = reader.below("users/", User, user_id)
        return cls(
            users={ROOT: User(), **users},
            groups=reader.below("groups/", Group, group_id, instead=Group()),
            own_roles=reader.below("roles/", Role, role_id),
            tokens=reader.below("tokens/", Token, lambda name: str(full_token_id(name))),
            acl=reader.one(ACL, Acl) or Acl(),
            passwords=reader.below("passwords/", Password, user_id),
            tfa=reader.below("tfa/", Tfa, user_id),
            keys=reader.one(KEYS, Keys),
            unreadable=tuple(reader.unreadable),
        )

    def after(self, writes: Iterable[Write]) -> Accounts:
        """These accounts once `writes` were made."""
        values = self.values()
        for key, value in writes:
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
        return replace(Accounts.of(values), unreadable=self.unreadable)

    def values(self) -> dict[str, Mapping[str, Any]]:
        """The store's values of these accounts: what `of` reads."""
        kinds: dict[str, Mapping[str, Stored]] = {
            "users": self.users,
            "groups": self.groups,
            "roles": self.own_roles,
            "tokens": self.tokens,
            "passwords": self.passwords,
            "tfa": self.tfa,
        }
        values: dict[str, Mapping[str, Any]] = {
            f"{kind}/{name}": record.value() for kind, records in kinds.items() for name, record in records.items()
        }
        values[ACL] = self.acl.value()
        if self.keys is not None:
            values[KEYS] = self.keys.value()
        return values

    def holds(self, key: str) -> bool:
        """Whether there is a record of that key, readable or not."""
        return key in self.unreadable or key in self.values()

    @property
    def roles(self) -> Mapping[str, frozenset[str]]:
        """What each role may. A record never changes a built-in one, and adds no privilege that is none."""
        own = {name: frozenset(role.privs) & PRIVILEGES for name, role in self.own_roles.items()}
        return {**own, **BUILT_IN}

    def user(self, name: str) -> User:
        """The user of that id; raises Invalid, Missing."""
        user = self.users.get(user_id(name))
        if user is None:
            raise Missing(f"no such user ('{shown(name)}')")
        return user

    def token(self, user: str, token: str) -> Token:
        """The token of that user; raises Invalid, Missing."""
        self.user(user)
        found = self.tokens.get(f"{user}!{token}")
        if found is None:
            raise Missing(f"no such token '{shown(token)}' for user '{shown(user)}'")
        return found

    def group(self, name: str) -> Group:
        """The group of that id; raises Missing."""
        found = self.groups.get(name)
        if found is None:
            raise Missing(f"group '{shown(name)}' does not exist")
        return found

    def members(self, group: str) -> tuple[str, ...]:
        """Ids of the users in a group, sorted."""
        return tuple(sorted(name for name, user in self.users.items() if group in user.groups))

    def require_enabled(self, identity: Identity, now: float) -> None:
        """Raise Missing or Denied, saying why, unless user (and token) are there, enabled and not expired.

        Whatever a ticket or token is good for ends with the account: to be asked at each request.
        """
        user = self.user(identity.user)
        if not user.enable:
            raise Denied(f"user '{identity.user}' is disabled")
        if user.expire and user.expire < now:
            raise Denied(f"user '{identity.user}' access expired")
        if identity.token is not None:
            expire = self.token(identity.user, identity.token).expire
            if expire and expire < now:
                raise Denied(f"token '{identity.token}' access expired")

    def permissions(self, identity: Identity, path: str) -> dict[str, bool]:
        """Each privilege that `identity` has on `path` → whether on all below, too, where no entry there differs.

        Of the entries on the way from "/" to `path` those nearest to it count; of one path, the identity's own before
        those of its groups. `NoAccess` among them leaves nothing. A path that is none gives no rights.
        """
        if identity.user not in self.users:
            return {}
        if identity.token is None:
            return self._of_user(identity.user, path)
        token = self.tokens.get(str(identity))
        if token is None:
            return {}
        owner = self._of_user(identity.user, path)
        if not token.privsep:
            return owner
        own = self._privileges(self._roles_on(path, lambda node: node.tokens.get(str(identity), {})))
        return {name: below and owner[name] for name, below in own.items() if name in owner}

    def may(self, identity: Identity, path: str, privileges: Iterable[str], *, any: bool = False) -> bool:
        """Whether `identity` has all `privileges` (or any of them) on `path`. Invalid where one of them is none."""
        wanted = tuple(privileges)
        if not wanted or (unknown := [name for name in wanted if name not in PRIVILEGES]):
            raise Invalid(f"invalid privilege '{unknown[0] if wanted else ''}'")
        held = self.permissions(identity, path)
        found = [name in held for name in wanted]
        return True in found if any else False not in found

    def require(self, identity: Identity, path: str, privileges: Iterable[str], *, any: bool = False) -> None:
        """Raise Denied, naming path and privileges, unless `may` says yes."""
        wanted = tuple(privileges)
        if any:
            if not self.may(identity, path, wanted, any=True):
                raise Denied.of_check(path, *wanted)
            return
        for name in wanted:
            if not self.may(identity, path, (name,)):
                raise Denied.of_check(path, name)

    def roles_of(self, identity: Identity, path: str) -> dict[str, bool]:
        """The roles that the ACL gives on `path` → whether they propagate; of a token with `privsep`, its own."""
        token = self.tokens.get(str(identity)) if identity.token is not None else None
        if token is not None and token.privsep:
            return self._roles_on(path, lambda node: node.tokens.get(str(identity), {}))
        return self._roles_of_user(identity.user, path)

    def _of_user(self, user: str, path: str) -> dict[str, bool]:
        if user == ROOT:
            return dict.fromkeys(BUILT_IN[ADMINISTRATOR], True)
        return self._privileges(self._roles_of_user(user, path))

    def _roles_of_user(self, user: str, path: str) -> dict[str, bool]:
        record = self.users.get(user, User())
        groups = [group for group in record.groups if group in self.groups]
        return self._roles_on(
            path,
            lambda node: node.users.get(user, {}),
            lambda node: _united(node.groups[group] for group in groups if group in node.groups),
        )

    def _roles_on(self, path: str, *sources: _Source) -> dict[str, bool]:
        """The nearest entries that hold on `path`; on one path, those of the first source that has any."""
        normal = normal_path(path)
        roles: dict[str, bool] = {}
        if normal is None:
            return roles
        for step in _way(normal):
            node = self.acl.paths.get(step)
            if node is None:
                continue
            for source in sources:
                holding = {role: below for role, below in source(node).items() if below or step == normal}
                if holding:
                    roles = holding
                    break
        return {NO_ACCESS: roles[NO_ACCESS]} if NO_ACCESS in roles else roles

    def _privileges(self, roles: Mapping[str, bool]) -> dict[str, bool]:
        key = frozenset(roles.items())
        if key not in self._given:
            self._given[key] = _united(dict.fromkeys(self.role_privileges(role), below) for role, below in key)
        return dict(self._given[key])

    def role_privileges(self, role: str) -> frozenset[str]:
        """What a role may; nothing where there is none of that name."""
        if role in BUILT_IN:
            return BUILT_IN[role]
        own = self.own_roles.get(role)
        return frozenset() if own is None else frozenset(own.privs) & PRIVILEGES


def _way(path: str) -> Iterator[str]:
    """Paths from "/" down to `path`."""
    yield "/"
    if path != "/":
        parts = path.split("/")
        for end in range(2, len(parts) + 1):
            yield "/".join(parts[:end])


def _united(grants: Iterable[Mapping[str, bool]]) -> dict[str, bool]:
    """What several groups or roles give: it propagates where one of them says so."""
    united: dict[str, bool] = {}
    for grant in grants:
        for name, below in grant.items():
            united[name] = united.get(name, False) or below
    return united


class _Reader:
    """Reads records by kind, and collects the keys of those that are none."""

    def __init__(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        self._values = values
        self.unreadable: list[str] = []

    def below(
        self, prefix: str, model: type[_Model], check: Callable[[str], str], *, instead: _Model | None = None
    ) -> dict[str, _Model]:
        found: dict[str, _Model] = {}
        for key in self._values:
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                try:
                    check(name)
                except Invalid:
                    self.unreadable.append(key)
                    continue
                record = self.one(key, model) or instead
                if record is not None:
                    found[name] = record
        return found

    def one(self, key: str, model: type[_Model]) -> _Model | None:
        if key not in self._values:
            return None
        try:
            return model.model_validate(self._values[key])
        except ValidationError:  # Its text would quote the value, which may be secret.
            self.unreadable.append(key)
            return None
