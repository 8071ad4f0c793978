"""What GET below /access shows, in Proxmox VE's shapes, and who may change whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.accounts import NOW, SECRET, accounts
from tests.unit.test_access_totp import SEED

from trebol_common.errors import TrebolError
from trebol_node.access import Accounts, Identity, changes, listings, rules
from trebol_node.access.errors import Denied, Missing
from trebol_node.access.names import identity
from trebol_node.access.privileges import PRIVILEGES

ROOT = Identity("root@pam")
TREE: dict[str, Any] = {
    "/": {"users": {"ana@pam": {"Administrator": True}}},
    "/access/groups/operators": {"users": {"eva@trebol": {"PVEUserAdmin": True}}},
    "/access/realm/trebol": {"users": {"eva@trebol": {"PVEUserAdmin": True}}},
    "/vms": {"groups": {"operators": {"PVEVMUser": True}}, "tokens": {"ana@pam!less": {"PVEAuditor": False}}},
    "/vms/100": {"users": {"carla@trebol": {"PVEVMAdmin": True}}},
    "/pool/lab": {"users": {"ben@trebol": {"PVEVMUser": True}}},
}


@pytest.fixture
def mine() -> Accounts:
    """The company of `TREE`, where Carla has second factors and a password."""
    return accounts(
        TREE,
        **{
            "passwords__carla@trebol": {"hash": "SECRET"},
            "tfa__carla@trebol": {
                "totp": [{"id": "t1", "secret": SEED, "description": "phone", "created": NOW}],
                "recovery": {"salt": "ab" * 32, "hashes": ["cd" * 32], "created": NOW},
                "misses": 8,
            },
        },
    )


def test_users(mine: Accounts) -> None:
    assert listings.users(mine, ROOT) == [
        {
            "userid": "ana@pam",
            "enable": 1,
            "expire": 0,
            "firstname": "Ana",
            "email": "ana@example.org",
            "realm-type": "pam",
        },
        {"userid": "ben@trebol", "enable": 1, "expire": 0, "realm-type": "pve"},
        {"userid": "carla@trebol", "enable": 1, "expire": 0, "keys": "x", "totp-locked": 1, "realm-type": "pve"},
        {"userid": "dora@trebol", "enable": 0, "expire": 0, "realm-type": "pve"},
        {"userid": "eva@trebol", "enable": 1, "expire": NOW + 1000, "realm-type": "pve"},
        {"userid": "root@pam", "enable": 1, "expire": 0, "realm-type": "pam"},
    ]


def test_users_with_all_that_there_is(mine: Accounts) -> None:
    shown = {user["userid"]: user for user in listings.users(mine, ROOT, full=True)}

    assert shown["ben@trebol"]["groups"] == "admins,operators"
    assert shown["ben@trebol"]["tokens"] == []
    assert shown["ana@pam"]["tokens"] == [
        {"tokenid": "full", "expire": 0, "privsep": 0},
        {"tokenid": "less", "expire": 0, "privsep": 1},
    ]


SEES = [
    ("root@pam", None, ["ana@pam", "ben@trebol", "carla@trebol", "dora@trebol", "eva@trebol", "root@pam"]),
    ("root@pam", False, ["dora@trebol"]),
    ("ana@pam", True, ["ana@pam", "ben@trebol", "carla@trebol", "eva@trebol", "root@pam"]),
    ("eva@trebol", None, ["ben@trebol", "carla@trebol", "dora@trebol", "eva@trebol"]),
    ("carla@trebol", None, ["carla@trebol"]),
    ("carla@trebol", False, []),
    ("eva@trebol!less", None, []),
]


@pytest.mark.parametrize(("who", "enabled", "seen"), SEES)
def test_one_sees_oneself_and_whom_one_looks_after(
    mine: Accounts, who: str, enabled: bool | None, seen: list[str]
) -> None:
    assert [user["userid"] for user in listings.users(mine, identity(who), enabled=enabled)] == seen


def test_one_user(mine: Accounts) -> None:
    assert listings.user(mine, "ana@pam") == {
        "enable": 1,
        "expire": 0,
        "firstname": "Ana",
        "email": "ana@example.org",
        "groups": ["admins"],
        "tokens": {"full": {"expire": 0, "privsep": 0}, "less": {"expire": 0, "privsep": 1}},
    }


def test_groups(mine: Accounts) -> None:
    assert listings.groups(mine, ROOT) == [
        {"groupid": "admins", "comment": "Those who may", "users": "ana@pam,ben@trebol"},
        {"groupid": "nobody", "users": ""},
        {"groupid": "operators", "users": "ben@trebol,carla@trebol,dora@trebol"},
    ]
    assert [group["groupid"] for group in listings.groups(mine, Identity("eva@trebol"))] == ["operators"]
    assert listings.groups(mine, Identity("carla@trebol")) == []
    assert listings.group(mine, "admins") == {"members": ["ana@pam", "ben@trebol"], "comment": "Those who may"}


def test_roles(mine: Accounts) -> None:
    shown = {role["roleid"]: role for role in listings.roles(mine)}

    assert shown["Starter"] == {"roleid": "Starter", "privs": "VM.Audit,VM.PowerMgmt", "special": 0}
    assert shown["NoAccess"] == {"roleid": "NoAccess", "privs": "", "special": 1}
    assert listings.role(mine, "Starter") == {"VM.Audit": 1, "VM.PowerMgmt": 1}


def test_acl(mine: Accounts) -> None:
    assert listings.acl(mine, Identity("carla@trebol")) == [
        {"path": "/vms/100", "type": "user", "ugid": "carla@trebol", "roleid": "PVEVMAdmin", "propagate": 1}
    ]
    assert listings.acl(mine, Identity("ana@pam"))[-2:] == [
        {"path": "/vms", "type": "token", "ugid": "ana@pam!less", "roleid": "PVEAuditor", "propagate": 0},
        {"path": "/vms/100", "type": "user", "ugid": "carla@trebol", "roleid": "PVEVMAdmin", "propagate": 1},
    ]
    assert len(listings.acl(mine, ROOT)) == 7


def test_domains() -> None:
    assert [(entry["realm"], entry["type"]) for entry in listings.domains()] == [("pam", "pam"), ("trebol", "pve")]
    assert listings.domain("pam") == {"type": "pam", "comment": "Linux PAM standard authentication"}


def test_permissions(mine: Accounts) -> None:
    carla = Identity("carla@trebol")

    assert listings.permissions(mine, carla).keys() == {"/vms", "/vms/100"}
    assert listings.permissions(mine, carla, path="/vms")["/vms"]["VM.Console"] == 1
    assert listings.permissions(mine, carla, path="/nodes") == {"/nodes": {}}
    assert listings.permissions(mine, Identity("ana@pam"), userid="ana@pam!less").keys() == {"/vms"}
    assert listings.permissions(mine, ROOT, userid="carla@trebol") == listings.permissions(mine, carla)
    assert listings.permissions(mine, ROOT)["/"] == dict.fromkeys(sorted(PRIVILEGES), 1)
    for userid in ("eva@trebol", "ana@pam!less"):
        with pytest.raises(Denied, match=r"\(/access, Sys\.Audit\)"):
            listings.permissions(mine, carla, userid=userid)
    with pytest.raises(Denied):
        listings.permissions(mine, Identity("ana@pam", "less"), userid="ana@pam")


def test_capabilities(mine: Accounts) -> None:
    cap = listings.capabilities(mine, Identity("carla@trebol"))

    assert cap.keys() == {"vms", "access", "storage", "nodes", "sdn", "dc", "mapping"}
    assert {subject for subject, held in cap.items() if held} == {"vms"}
    assert cap["vms"]["VM.Console"] == 1
    assert listings.capabilities(mine, Identity("ben@trebol"))["vms"]["VM.PowerMgmt"] == 1
    assert listings.capabilities(mine, Identity("ana@pam"))["dc"] == {
        "SDN.Allocate": 1,
        "SDN.Audit": 1,
        "SDN.Use": 1,
        "Sys.Audit": 1,
        "Sys.Modify": 1,
    }


PHONE = {"id": "t1", "type": "totp", "description": "phone", "created": NOW, "enable": 1}
RECOVERY = {"id": "recovery", "type": "recovery", "description": "", "created": NOW, "enable": 1}


def test_second_factors(mine: Accounts) -> None:
    whole = {"userid": "carla@trebol", "entries": [PHONE, RECOVERY], "totp-locked": 1}

    assert listings.tfa(mine, ROOT) == [whole]
    assert listings.tfa(mine, Identity("eva@trebol")) == [whole]
    assert listings.tfa(mine, Identity("ben@trebol")) == []
    assert listings.user_tfa(mine, "ana@pam") == []
    assert listings.tfa_entry(mine, "carla@trebol", "t1") == PHONE
    assert listings.tfa_types(mine, "carla@trebol", multiple=True) == {"user": ["totp", "recovery"]}
    assert listings.tfa_types(mine, "carla@trebol") == {"user": "oath"}
    assert listings.tfa_types(mine, "ana@pam") == {}


def test_a_new_token_is_shown_once(mine: Accounts) -> None:
    after = mine.after(changes.create_token(mine, "ana@pam", "ci", secret=SECRET, expire=NOW, comment="builds"))

    assert listings.new_token(after, "ana@pam", "ci", SECRET) == {
        "full-tokenid": "ana@pam!ci",
        "info": {"expire": NOW, "privsep": 1, "comment": "builds"},
        "value": SECRET,
    }


ABSENT: list[tuple[Callable[[Accounts], Any], str]] = [
    (lambda mine: listings.user(mine, "fay@pam"), "no such user ('fay@pam')"),
    (lambda mine: listings.tokens(mine, "fay@pam"), "no such user ('fay@pam')"),
    (lambda mine: listings.token(mine, "ana@pam", "ci"), "no such token 'ci' for user 'ana@pam'"),
    (lambda mine: listings.group(mine, "ghosts"), "group 'ghosts' does not exist"),
    (lambda mine: listings.role(mine, "Mine"), "role 'Mine' does not exist"),
    (lambda mine: listings.domain("ldap"), "domain 'ldap' does not exist"),
    (lambda mine: listings.tfa_entry(mine, "carla@trebol", "t2"), "No such tfa entry 't2'"),
    (lambda mine: listings.user_tfa(mine, "fay@pam"), "no such user ('fay@pam')"),
]


@pytest.mark.parametrize(("ask", "words"), ABSENT, ids=[words for _, words in ABSENT])
def test_what_is_not_there(mine: Accounts, ask: Callable[[Accounts], Any], words: str) -> None:
    with pytest.raises(Missing) as error:
        ask(mine)

    assert str(error.value) == words


def test_no_listing_shows_a_secret(mine: Accounts) -> None:
    shown = str(
        [
            listings.users(mine, ROOT, full=True),
            listings.tfa(mine, ROOT),
            [listings.user(mine, name) for name in mine.users],
            [listings.user_tfa(mine, name) for name in mine.users],
        ]
    )

    assert SEED not in shown
    assert "SECRET" not in shown
    assert "abab" not in shown
    assert "cdcd" not in shown
    assert mine.tokens["ana@pam!full"].hash not in shown


Rule = Callable[[Accounts, Identity], None]


def about(rule: Callable[..., None], user: str, **named: Any) -> Rule:
    return lambda mine, who: rule(mine, who, user, **named)


#: Who does what to whom → whether they may.
RULES: list[tuple[str, Rule, bool]] = [
    # Users: all groups, one of the user's groups, or not at all.
    ("root@pam", about(rules.require_user, "carla@trebol"), True),
    ("ana@pam", about(rules.require_user, "eva@trebol"), True),
    ("eva@trebol", about(rules.require_user, "carla@trebol"), True),
    ("eva@trebol", about(rules.require_user, "ana@pam"), False),
    ("eva@trebol", about(rules.require_user, "eva@trebol"), False),
    ("carla@trebol", about(rules.require_user, "carla@trebol"), False),
    # Into which groups.
    ("eva@trebol", about(rules.require_user, "carla@trebol", groups="operators"), True),
    ("eva@trebol", about(rules.require_user, "carla@trebol", groups="operators,admins"), False),
    ("eva@trebol", about(rules.require_user, "carla@trebol", groups="ghosts"), False),
    ("eva@trebol", about(rules.require_user, "carla@trebol", groups=""), False),
    ("ana@pam", about(rules.require_user, "carla@trebol", groups="operators,admins"), True),
    # Only root@pam changes root@pam; an administrator may look.
    ("ana@pam", about(rules.require_user, "root@pam"), False),
    ("ana@pam", about(rules.require_user, "root@pam", privileges=rules.SEE, change=False), True),
    ("ana@pam", about(rules.require_self_or_user, "root@pam"), False),
    ("root@pam", about(rules.require_self_or_user, "root@pam"), True),
    ("root@pam!full", about(rules.require_self_or_user, "root@pam"), True),
    ("root@pam!less", about(rules.require_self_or_user, "root@pam"), False),
    # One's own tokens and second factors.
    ("carla@trebol", about(rules.require_self_or_user, "carla@trebol"), True),
    ("carla@trebol", about(rules.require_self_or_user, "eva@trebol"), False),
    ("eva@trebol", about(rules.require_self_or_user, "carla@trebol"), True),
    ("ana@pam!less", about(rules.require_self_or_user, "ana@pam"), False),
    # New users and none any more.
    ("ana@pam", about(rules.require_new_user, "fay@trebol", groups=None), True),
    ("eva@trebol", about(rules.require_new_user, "fay@trebol", groups="operators"), True),
    ("eva@trebol", about(rules.require_new_user, "fay@trebol", groups=None), False),
    ("eva@trebol", about(rules.require_new_user, "fay@trebol", groups="operators;admins"), False),
    ("eva@trebol", about(rules.require_new_user, "fay@pam", groups="operators"), False),
    ("eva@trebol", about(rules.require_no_user, "carla@trebol"), True),
    ("eva@trebol", about(rules.require_no_user, "ana@pam"), False),
    ("ana@pam", about(rules.require_no_user, "root@pam"), False),
    # Passwords.
    ("carla@trebol", about(rules.require_new_password, "carla@trebol"), True),
    ("ana@pam", about(rules.require_new_password, "ana@pam"), True),
    ("eva@trebol", about(rules.require_new_password, "carla@trebol"), True),
    ("carla@trebol", about(rules.require_new_password, "eva@trebol"), False),
    ("ana@pam", about(rules.require_new_password, "root@pam"), False),
    ("root@pam", about(rules.require_new_password, "ana@pam"), True),
    ("root@pam!full", about(rules.require_new_password, "ana@pam"), False),
    ("ana@pam!full", about(rules.require_new_password, "ana@pam"), False),
    # The ACL: who may change all entries, or makes the things there.
    ("ana@pam", about(rules.require_acl_change, "/nodes"), True),
    ("carla@trebol", about(rules.require_acl_change, "/vms/100"), True),
    ("carla@trebol", about(rules.require_acl_change, "/vms"), False),
    ("carla@trebol", about(rules.require_acl_change, "/vms/101"), False),
    ("carla@trebol", about(rules.require_acl_change, "nonsense/.."), False),
    ("ben@trebol", about(rules.require_acl_change, "/pool/lab"), False),
]


@pytest.mark.parametrize(("who", "rule", "allowed"), RULES)
def test_who_may_change_whom(mine: Accounts, who: str, rule: Rule, allowed: bool) -> None:
    if allowed:
        rule(mine, identity(who))
    else:
        with pytest.raises(Denied, match="Permission check failed"):
            rule(mine, identity(who))


@pytest.mark.parametrize(
    "rule",
    [
        about(rules.require_user, "fay@pam"),
        about(rules.require_self_or_user, "fay@pam"),
        about(rules.require_no_user, "fay@pam"),
        about(rules.require_new_password, "fay@pam"),
    ],
)
def test_nobody_changes_who_is_not_there(mine: Accounts, rule: Rule) -> None:
    with pytest.raises(TrebolError, match="no such user"):
        rule(mine, ROOT)


def test_whoever_is_not_root_shows_their_own_password_again() -> None:
    assert not rules.needs_own_password(ROOT)
    assert rules.needs_own_password(Identity("ana@pam"))
