"""Changes of accounts: what is written, what is refused and in which words, and what a change cut short leaves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.unit.accounts import NOW, SECRET, accounts

from trebol_common.errors import TrebolError
from trebol_node.access import Accounts, Identity, Write, Writes, changes
from trebol_node.access.errors import Denied, Exists, Invalid, Missing
from trebol_node.access.names import identity
from trebol_node.access.privileges import PRIVILEGES

ROOT = Identity("root@pam")

Change = Callable[[Accounts], Writes]


def change(function: Callable[..., Writes], *arguments: Any, **named: Any) -> Change:
    """A change of whichever accounts it is given."""
    return lambda mine: function(mine, *arguments, **named)


create_user = partial(change, changes.create_user, now=NOW)
modify_user = partial(change, changes.modify_user)
acl = partial(change, changes.update_acl, ROOT)

#: What the caller reads, as Proxmox VE says it, and its kind.
REFUSED: list[tuple[Change, type[TrebolError], str]] = [
    (create_user("ana@pam"), Exists, "user 'ana@pam' already exists"),
    (create_user("root@pam"), Exists, "user 'root@pam' already exists"),
    (create_user("fay@ldap"), Missing, "auth domain 'ldap' does not exist"),
    (create_user("fay@trebol", groups="admins,ghosts"), Missing, "no such group 'ghosts'"),
    (create_user("fay@pam", password_hash="x"), Invalid, "can't set password on auth type 'pam'"),
    (create_user("fay@trebol", expire=-1), Invalid, "value must have a minimum value of 0"),
    (create_user("fay@trebol", expire=2**60), Invalid, "value is too large"),
    (create_user("fay@trebol", email="no mail"), Invalid, "value does not look like a valid email address"),
    (create_user("fay@trebol", comment="x" * 2049), Invalid, "value may only be 2048 characters long"),
    (create_user("fay@trebol", firstname="\ud800"), Invalid, "value contains control characters"),
    (create_user("fay@trebol", lastname="a\x1b[2J"), Invalid, "value contains control characters"),
    (create_user("@trebol"), Invalid, "value '@trebol' does not look like a valid user name"),
    (modify_user("fay@trebol"), Missing, "no such user ('fay@trebol')"),
    (modify_user("ana@pam", groups="ghosts"), Missing, "no such group 'ghosts'"),
    (modify_user("ana@pam", append=True), Invalid, "missing property - 'append' requires this property"),
    (change(changes.delete_user, "fay@trebol"), Missing, "no such user ('fay@trebol')"),
    (change(changes.delete_user, "root@pam"), Denied, "user 'root@pam' cannot be deleted"),
    (change(changes.create_group, "admins"), Exists, "group 'admins' already exists"),
    (change(changes.create_group, "a b"), Invalid, "group name 'a b' contains invalid characters"),
    (change(changes.modify_group, "ghosts"), Missing, "group 'ghosts' does not exist"),
    (change(changes.delete_group, "ghosts"), Missing, "group 'ghosts' does not exist"),
    (change(changes.create_role, "Starter"), Exists, "role 'Starter' already exists"),
    (change(changes.create_role, "Administrator"), Exists, "role 'Administrator' already exists"),
    (
        change(changes.create_role, "pveMine"),
        Invalid,
        "cannot use role ID starting with the (case-insensitive) 'PVE' namespace",
    ),
    (change(changes.create_role, "a/b"), Invalid, "role name 'a/b' contains invalid characters"),
    (change(changes.create_role, "Mine", privs="VM.Fly"), Invalid, "invalid privilege 'VM.Fly'"),
    (change(changes.modify_role, "NoAccess"), Denied, "auto-generated role 'NoAccess' cannot be modified"),
    (change(changes.modify_role, "Mine"), Missing, "role 'Mine' does not exist"),
    (
        change(changes.modify_role, "Starter", append=True),
        Invalid,
        "missing property - 'append' requires this property",
    ),
    (change(changes.delete_role, "PVEAdmin"), Denied, "auto-generated role 'PVEAdmin' cannot be deleted"),
    (change(changes.delete_role, "Mine"), Missing, "role 'Mine' does not exist"),
    (acl("/vms", roles="Mine", users="ana@pam"), Missing, "role 'Mine' does not exist"),
    (acl("/vms", roles="", users="ana@pam"), Invalid, "property is missing and it is not optional"),
    (acl("/vms", roles="Starter"), Invalid, "either 'users', 'groups' or 'tokens' is required."),
    (acl("/vms", roles="Starter", users="fay@pam"), Missing, "user 'fay@pam' does not exist"),
    (acl("/vms", roles="Starter", groups="ghosts"), Missing, "group 'ghosts' does not exist"),
    (acl("/vms", roles="Starter", tokens="ana@pam!x1"), Missing, "no such token 'x1' for user 'ana@pam'"),
    (
        acl("/vms", roles="Starter", tokens="ana@pam"),
        Invalid,
        "'ana@pam' is not a valid token ID - not able to split into user and token parts",
    ),
    (acl("/nowhere", roles="Starter", users="ana@pam"), Invalid, "invalid ACL path '/nowhere'"),
    (acl("/vms/99", roles="Starter", users="ana@pam"), Invalid, "invalid ACL path '/vms/99'"),
    (acl("/vms/../x", roles="Starter", users="ana@pam"), Invalid, "invalid ACL path '/vms/../x'"),
    (acl("", roles="Starter", users="ana@pam"), Invalid, "invalid ACL path ''"),
    (change(changes.create_token, "fay@pam", "one", secret=SECRET), Missing, "no such user ('fay@pam')"),
    (change(changes.create_token, "ana@pam", "full", secret=SECRET), Exists, "Token already exists."),
    (
        change(changes.create_token, "ana@pam", "1st", secret=SECRET),
        Invalid,
        "value '1st' does not look like a valid token ID",
    ),
    (change(changes.modify_token, "ana@pam", "no"), Missing, "no such token 'no' for user 'ana@pam'"),
    (change(changes.delete_token, "ana@pam", "no"), Missing, "no such token 'no' for user 'ana@pam'"),
    (
        change(changes.set_password, "ana@pam", "hash", by="root@pam", now=NOW),
        Invalid,
        "can't set password on auth type 'pam'",
    ),
    (
        change(changes.set_password, "fay@trebol", "hash", by="root@pam", now=NOW),
        Missing,
        "no such user ('fay@trebol')",
    ),
]


@pytest.mark.parametrize(("wanted", "kind", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_what_cannot_be_is_refused_in_the_words_that_clients_know(
    wanted: Change, kind: type[TrebolError], words: str
) -> None:
    with pytest.raises(kind) as error:
        wanted(accounts())

    assert str(error.value) == words


def test_an_error_of_an_argument_names_it() -> None:
    with pytest.raises(Invalid) as error:
        changes.create_role(accounts(), "Mine", privs="VM.Audit;Nonsense")

    assert error.value.argument == "privs"


def test_a_new_user_is_all_that_was_said_of_it() -> None:
    writes = changes.create_user(
        accounts(),
        "fay@trebol",
        now=NOW,
        enable=False,
        expire=NOW + 9,
        groups="admins, operators",
        firstname="Fay",
        lastname="Núñez",
        email="fay@example.org",
        comment="night shift\nevenings too",
        password_hash="$scrypt$…",
    )

    assert writes == (
        Write("passwords/fay@trebol", {"hash": "$scrypt$…"}),
        Write(
            "users/fay@trebol",
            {
                "enable": False,
                "expire": NOW + 9,
                "groups": ["admins", "operators"],
                "firstname": "Fay",
                "lastname": "Núñez",
                "email": "fay@example.org",
                "comment": "night shift\nevenings too",
                "tickets_from": NOW + 1,
            },
        ),
    )


MODIFIED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"enable": False}, {"enable": False}),
    ({"expire": 7}, {"expire": 7}),
    ({"comment": "x", "firstname": ""}, {"comment": "x"}),
    ({"groups": "operators"}, {"groups": ["operators"]}),
    ({"groups": "nobody operators", "append": True}, {"groups": ["admins", "operators", "nobody"]}),
    ({"groups": ""}, {"groups": None}),
]


@pytest.mark.parametrize(("arguments", "changed"), MODIFIED)
def test_what_is_not_said_stays(arguments: dict[str, Any], changed: dict[str, Any]) -> None:
    before = {"groups": ["admins", "operators"]}

    ((key, value),) = changes.modify_user(accounts(), "ben@trebol", **arguments)

    expected = {name: new for name, new in {**before, **changed}.items() if new is not None}
    assert key == "users/ben@trebol"
    assert {**(value or {}), "groups": sorted((value or {}).get("groups", []))} == {
        **expected,
        "groups": sorted(expected.get("groups", [])),
    }


FULL_TREE = {
    "/": {"users": {"ana@pam": {"PVEAdmin": True}, "carla@trebol": {"Starter": True}}},
    "/vms": {
        "users": {"ana@pam": {"Starter": True}},
        "tokens": {"ana@pam!less": {"PVEVMUser": True}, "ana@pam!full": {"PVEVMUser": True}},
        "groups": {"operators": {"Starter": False, "PVEAuditor": True}},
    },
    "/vms/100": {"groups": {"operators": {"Starter": True}}},
}


def test_with_a_user_goes_all_that_it_had() -> None:
    mine = accounts(FULL_TREE, **{"passwords__carla@trebol": {"hash": "x"}, "tfa__ana@pam": {"misses": 1}})

    without_ana = mine.after(changes.delete_user(mine, "ana@pam"))
    after = without_ana.after(changes.delete_user(without_ana, "carla@trebol"))

    left = {key for key in after.values() if "ana@pam" in key or "carla@trebol" in key}
    assert left == set()
    assert "ana@pam" not in str(after.acl)


def test_who_gets_the_name_of_a_deleted_user_gets_nothing_of_it() -> None:
    mine = accounts(FULL_TREE, **{"passwords__ana@pam": {"hash": "x"}, "tfa__ana@pam": {"misses": 1}})
    half_deleted = mine.after([Write("users/ana@pam", None)])

    again = half_deleted.after(changes.create_user(half_deleted, "ana@pam", now=NOW))

    assert {key for key in again.values() if "ana@pam" in key} == {"users/ana@pam"}
    assert again.permissions(Identity("ana@pam"), "/vms") == {}


def test_with_a_group_go_its_entries_and_memberships() -> None:
    mine = accounts(FULL_TREE)

    after = mine.after(changes.delete_group(mine, "operators"))
    again = after.after(changes.create_group(after, "operators"))

    assert again.members("operators") == ()
    assert "operators" not in str(again.acl)
    assert again.users["ben@trebol"].groups == ("admins",)
    assert again.users["dora@trebol"].enable is False


def test_with_a_role_go_its_entries() -> None:
    mine = accounts(FULL_TREE)

    after = mine.after(changes.delete_role(mine, "Starter"))

    assert "Starter" not in str(after.acl)
    assert after.acl.paths.keys() == {"/", "/vms"}


def test_with_a_token_go_its_entries() -> None:
    mine = accounts(FULL_TREE)

    after = mine.after(changes.delete_token(mine, "ana@pam", "less"))

    assert after.acl.paths["/vms"].tokens == {"ana@pam!full": {"PVEVMUser": True}}
    assert "ana@pam!less" not in after.tokens


TAKES_AWAY: list[Change] = [
    change(changes.delete_user, "ana@pam"),
    change(changes.delete_user, "carla@trebol"),
    change(changes.delete_group, "operators"),
    change(changes.delete_role, "Starter"),
    change(changes.delete_token, "ana@pam", "less"),
]

#: One's own entry hides a larger one of a group, and a token's smaller one a larger one above.
HIDING = {
    **FULL_TREE,
    "/": {"groups": {"admins": {"Administrator": True}}, "tokens": {"ana@pam!less": {"Administrator": True}}},
    "/vms/200": {"users": {"ana@pam": {"NoAccess": True}}, "tokens": {"ana@pam!less": {"NoAccess": True}}},
}


@pytest.mark.parametrize("tree", [FULL_TREE, HIDING])
@pytest.mark.parametrize("wanted", TAKES_AWAY)
def test_a_deletion_cut_short_never_leaves_more_than_there_was_or_will_be(
    wanted: Change, tree: dict[str, Any]
) -> None:
    before = accounts(tree, **{"tfa__ana@pam": {"misses": 1}})
    writes = wanted(before)
    whole = before.after(writes)

    for count in range(len(writes) + 1):
        after = before.after(writes[:count])
        for who in [*map(Identity, before.users), *map(identity, before.tokens)]:
            for path in ("/", "/vms", "/vms/100", "/vms/200"):
                fair = before.permissions(who, path).keys() | whole.permissions(who, path).keys()
                assert after.permissions(who, path).keys() <= fair, (who, path, count)
        assert "ana@pam" in after.tfa or "ana@pam" not in after.users


AGAIN: list[tuple[Change, Change]] = [
    (change(changes.delete_user, "carla@trebol"), create_user("carla@trebol")),
    (change(changes.delete_user, "carla@trebol"), create_user("carla@trebol", password_hash="y")),
    (change(changes.delete_group, "operators"), change(changes.create_group, "operators")),
    (change(changes.delete_role, "Starter"), change(changes.create_role, "Starter", privs="VM.Audit")),
    (change(changes.delete_token, "ana@pam", "less"), change(changes.create_token, "ana@pam", "less", secret="x")),
]


@pytest.mark.parametrize(("deletion", "creation"), AGAIN)
def test_a_name_that_is_used_again_inherits_nothing_of_a_deletion_cut_short(
    deletion: Change, creation: Change
) -> None:
    before = accounts(FULL_TREE, **{"passwords__carla@trebol": {"hash": "x"}, "tfa__carla@trebol": {"misses": 1}})
    writes = deletion(before)
    whole = before.after(writes)

    for count in range(1, len(writes) + 1):
        after = before.after(writes[:count])
        assert after.after(creation(after)) == whole.after(creation(whole))
        for made in (writes, creation(after)):
            assert len({write.key for write in made}) == len(made)


ROLE_PRIVILEGES = [
    ({"privs": "VM.Clone"}, ["VM.Clone"]),
    ({"privs": "VM.Clone,VM.Audit", "append": True}, ["VM.Audit", "VM.Clone", "VM.PowerMgmt"]),
    ({}, None),
    ({"privs": ""}, None),
]


@pytest.mark.parametrize(("arguments", "privileges"), ROLE_PRIVILEGES)
def test_a_role_gets_other_privileges_or_more(arguments: dict[str, Any], privileges: list[str] | None) -> None:
    writes = changes.modify_role(accounts(), "Starter", **arguments)

    assert writes == (Write("roles/Starter", {} if privileges is None else {"privs": privileges}),)


def test_entries_are_added_changed_and_taken_away() -> None:
    mine = accounts()
    for arguments in (
        {"path": "/vms/", "roles": "Starter,PVEAuditor", "users": "ana@pam carla@trebol", "tokens": "ana@pam!less"},
        {"path": "/vms", "roles": "Starter", "users": "ana@pam", "groups": "admins", "propagate": False},
        {"path": "//vms", "roles": "PVEAuditor", "users": "carla@trebol", "delete": True},
        {"path": "/vms", "roles": "PVEAuditor", "tokens": "ana@pam!less", "delete": True},
        {"path": "/vms", "roles": "NoAccess", "users": "ana@pam", "delete": True},
        {"path": "/storage", "roles": "Starter", "users": "ana@pam", "delete": True},
    ):
        path = str(arguments.pop("path"))
        mine = mine.after(changes.update_acl(mine, ROOT, path, **arguments))

    assert mine.values()["acl"] == {
        "paths": {
            "/vms": {
                "users": {"ana@pam": {"PVEAuditor": True, "Starter": False}, "carla@trebol": {"Starter": True}},
                "groups": {"admins": {"Starter": False}},
                "tokens": {"ana@pam!less": {"Starter": True}},
            }
        }
    }


def test_entries_of_a_path_that_is_none_any_more_can_be_taken_away() -> None:
    mine = accounts({"/old/thing": {"users": {"ana@pam": {"Starter": True}}}})

    (write,) = changes.update_acl(mine, ROOT, "/old/thing", roles="Starter", users="ana@pam", delete=True)

    assert write == Write("acl", {})


#: What Carla has on /vms/100 → role, propagate, delete → refused in these words, or given.
GIVES: list[tuple[dict[str, bool], str, bool, bool, str]] = [
    ({"Grantor": True}, "Administrator", True, False, ""),
    ({"Grantor": False}, "NoAccess", True, False, ""),
    ({"PVEVMAdmin": True}, "Starter", True, False, ""),
    ({"PVEVMAdmin": True}, "PVEVMAdmin", True, False, ""),
    (
        {"PVEVMAdmin": True},
        "PVEAdmin",
        True,
        False,
        "Cannot add role 'PVEAdmin' - requires 'Permissions.Modify' or superset of privileges.",
    ),
    ({"PVEVMAdmin": True}, "NoAccess", True, False, "Cannot add role 'NoAccess' - requires 'Permissions.Modify'"),
    ({"PVEVMAdmin": False}, "Starter", False, False, ""),
    (
        {"PVEVMAdmin": False},
        "Starter",
        True,
        False,
        "Cannot add role 'Starter' with propagation - requires 'Permissions.Modify' or propagated superset of"
        " privileges.",
    ),
    ({"PVEVMAdmin": False}, "Starter", True, True, ""),
    (
        {"PVEVMAdmin": True},
        "PVEAdmin",
        True,
        True,
        "Cannot remove role 'PVEAdmin' - requires 'Permissions.Modify' or superset of privileges.",
    ),
]


@pytest.mark.parametrize(("held", "role", "propagate", "delete", "words"), GIVES)
def test_nobody_gives_away_more_than_they_have(
    held: dict[str, bool], role: str, propagate: bool, delete: bool, words: str
) -> None:
    mine = accounts({"/vms/100": {"users": {"carla@trebol": held}}})
    give = partial(
        changes.update_acl,
        mine,
        Identity("carla@trebol"),
        "/vms/100",
        roles=role,
        users="eva@trebol",
        propagate=propagate,
        delete=delete,
    )

    if not words:
        assert [write.key for write in give()] == ["acl"]
    else:
        with pytest.raises(Denied) as error:
            give()
        assert str(error.value) == words


def test_of_a_token_only_a_hash_is_kept() -> None:
    mine = accounts()

    writes = changes.create_token(mine, "eva@trebol", "ci", secret=SECRET, comment="builds")
    writes += changes.modify_token(mine, "ana@pam", "full", secret="another", expire=5, privsep=True)

    assert SECRET not in repr(mine.after(writes)) + str(writes)
    assert "another" not in str(writes)
    after = mine.after(writes)
    assert (after.tokens["eva@trebol!ci"].privsep, after.tokens["ana@pam!full"].privsep) == (True, True)


def test_no_secret_is_in_what_accounts_look_like() -> None:
    mine = accounts(
        **{
            "passwords__eva@trebol": {"hash": "SECRET-HASH"},
            "tfa__eva@trebol": {"totp": [{"id": "1", "secret": "SECRETSEEDSEEDSE"}]},
        }
    )

    shown = f"{mine!r} {mine.keys!r} {mine.tfa['eva@trebol']!r} {mine.passwords['eva@trebol']!r}"

    assert "SECRET" not in shown
    assert "c" * 64 not in shown
    assert mine.tokens["ana@pam!full"].hash not in repr(mine.tokens["ana@pam!full"])


def test_all_privileges_can_be_given_at_once() -> None:
    (write,) = changes.create_role(accounts(), "All", privs=",".join(sorted(PRIVILEGES)))

    assert write.value == {"privs": sorted(PRIVILEGES)}
