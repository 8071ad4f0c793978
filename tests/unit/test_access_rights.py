"""Rights: users, groups, tokens, roles, paths → allowed or not; Proxmox VE's rules."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.accounts import NOW, accounts

from trebol_common.errors import TrebolError
from trebol_node.access import Accounts, Identity
from trebol_node.access.errors import Denied, Invalid
from trebol_node.access.names import identity
from trebol_node.access.privileges import BUILT_IN, PRIVILEGES

#: A tree with an entry of each kind; the table below is read against it.
TREE: dict[str, Any] = {
    "/": {
        "groups": {"admins": {"PVEAdmin": True}, "operators": {"PVEAuditor": True}},
        "tokens": {"ana@pam!less": {"PVEAuditor": True}, "root@pam!less": {"PVEAuditor": True}},
        "users": {"eva@trebol": {"PVEAuditor": False}},
    },
    "/vms": {
        "groups": {"operators": {"PVEVMUser": True}},
        "users": {"ana@pam": {"PVEVMAdmin": True}},
        "tokens": {"eva@trebol!less": {"Administrator": True}},
    },
    "/vms/100": {"users": {"carla@trebol": {"Starter": True}, "eva@trebol": {"PVEVMAdmin": True}}},
    "/vms/200": {
        "groups": {"operators": {"NoAccess": True}, "admins": {"PVEVMAdmin": True}},
        "tokens": {"ana@pam!less": {"NoAccess": True}},
    },
    "/vms/300": {"users": {"carla@trebol": {"NoAccess": True, "PVEVMAdmin": True}}},
    "/storage": {"groups": {"operators": {"PVEDatastoreUser": False}}},
    "/storage/nfs": {"users": {"carla@trebol": {"PVEDatastoreAdmin": False}}},
    "/nodes/one": {"users": {"ben@trebol": {"NoAccess": False}}},
    "/sdn/zones/z1": {"groups": {"nobody": {"Administrator": True}, "gone": {"Administrator": True}}},
    "/pool": {"users": {"carla@trebol": {"NoSuchRole": True}}},
    "/access": {"users": {"carla@trebol": {"Grantor": True}}},
}

#: Who, path, privilege → allowed. One line, one rule.
ALLOWED = [
    # root@pam may everything, whatever the tree says; of its tokens one without separation.
    ("root@pam", "/", "Sys.Modify", True),
    ("root@pam", "/vms/200", "Permissions.Modify", True),
    ("root@pam", "/no/such/thing", "Realm.Allocate", True),
    ("root@pam!full", "/", "Sys.Modify", True),
    ("root@pam!less", "/", "Sys.Modify", False),
    ("root@pam!less", "/", "Sys.Audit", True),
    ("root@pam!less", "/nodes/one", "Sys.Audit", True),
    ("root@pam!unknown", "/", "Sys.Audit", False),
    # Users without entries, and those who are not there.
    ("eva@trebol", "/vms/101", "VM.Audit", False),
    ("fay@trebol", "/", "VM.Audit", False),
    ("ana@trebol", "/", "Sys.Audit", False),
    ("root@trebol", "/", "Sys.Audit", False),
    # A group's entry holds for its members, and for all below.
    ("ana@pam", "/", "Sys.Audit", True),
    ("ana@pam", "/nodes", "Sys.Syslog", True),
    ("ana@pam", "/nodes/two", "Sys.Syslog", True),
    ("ana@pam", "/storage/nfs", "Datastore.Allocate", True),
    ("ana@pam", "/mapping/pci/gpu", "Mapping.Use", True),
    # PVEAdmin has neither what is for Administrators nor device mappings.
    ("ana@pam", "/", "Sys.Modify", False),
    ("ana@pam", "/", "Sys.PowerMgmt", False),
    ("ana@pam", "/", "Permissions.Modify", False),
    ("ana@pam", "/", "Realm.Allocate", False),
    ("ana@pam", "/mapping", "Mapping.Modify", False),
    ("ana@pam", "/access/realm/trebol", "Realm.AllocateUser", True),
    # Several groups: what any of them gives.
    ("ben@trebol", "/", "Sys.Audit", True),
    ("ben@trebol", "/", "Sys.Console", True),
    ("carla@trebol", "/", "Sys.Audit", True),
    ("carla@trebol", "/", "Sys.Console", False),
    # An entry nearer to the path takes the place of those above, even where it gives less.
    ("carla@trebol", "/vms", "VM.PowerMgmt", True),
    ("carla@trebol", "/vms", "Sys.Audit", False),
    ("carla@trebol", "/vms/101", "VM.Console", True),
    ("ana@pam", "/vms", "VM.Allocate", True),
    ("ana@pam", "/vms", "Sys.Audit", False),
    ("ana@pam", "/vms/101", "Datastore.Audit", False),
    # On one path one's own entries come before those of one's groups.
    ("carla@trebol", "/vms/100", "VM.PowerMgmt", True),
    ("carla@trebol", "/vms/100", "VM.Console", False),
    ("carla@trebol", "/vms/100", "VM.Audit", True),
    # NoAccess takes all, of the nearest entries; another group does not give it back.
    ("carla@trebol", "/vms/200", "VM.Audit", False),
    ("ben@trebol", "/vms/200", "VM.Audit", False),
    ("ana@pam", "/vms/200", "VM.Allocate", True),
    ("carla@trebol", "/vms/300", "VM.Audit", False),
    ("carla@trebol", "/vms/301", "VM.Audit", True),
    ("ben@trebol", "/nodes/one", "Sys.Audit", False),
    ("ben@trebol", "/nodes/two", "Sys.Audit", True),
    # What does not propagate holds on its path alone, and hides nothing below.
    ("eva@trebol", "/", "Sys.Audit", True),
    ("eva@trebol", "/nodes", "Sys.Audit", False),
    ("carla@trebol", "/storage", "Datastore.AllocateSpace", True),
    ("carla@trebol", "/storage", "Sys.Audit", False),
    ("carla@trebol", "/storage/lvm", "Datastore.AllocateSpace", False),
    ("carla@trebol", "/storage/lvm", "Datastore.Audit", True),
    ("carla@trebol", "/storage/nfs", "Datastore.Allocate", True),
    ("carla@trebol", "/storage/nfs/content", "Datastore.Allocate", False),
    ("carla@trebol", "/storage/nfs/content", "Datastore.Audit", True),
    ("ben@trebol", "/nodes/one/disks", "Sys.Audit", True),
    # Paths are compared by parts, not by letters.
    ("eva@trebol", "/vms/100", "VM.Audit", True),
    ("eva@trebol", "/vms/1000", "VM.Audit", False),
    ("eva@trebol", "/vms/10", "VM.Audit", False),
    ("eva@trebol", "/vms/100/x", "VM.Audit", True),
    # However a path is written, it is the same one.
    ("carla@trebol", "//vms///200/", "VM.Audit", False),
    ("carla@trebol", "vms/200", "VM.Audit", False),
    ("eva@trebol", "/vms/100/", "VM.Audit", True),
    # What is no path gives no rights.
    ("ana@pam", "", "Sys.Audit", False),
    ("ana@pam", "/vms/../nodes", "Sys.Audit", False),
    ("ana@pam", "/vms/./100", "VM.Audit", False),
    ("ana@pam", "/vms/1 00", "VM.Audit", False),
    ("ana@pam", "/vms/100\n", "VM.Audit", False),
    ("ana@pam", "/vms/١٠٠", "VM.Audit", False),
    ("ana@pam", "/" + "x/" * 400, "Sys.Audit", False),
    # A disabled user's rights are for `require_enabled`; groups and roles that are gone give nothing.
    ("eva@trebol", "/sdn/zones/z1", "SDN.Use", False),
    ("carla@trebol", "/pool", "Pool.Audit", False),
    ("carla@trebol", "/pool/one", "Pool.Audit", False),
    # Roles of one's own.
    ("carla@trebol", "/access", "Permissions.Modify", True),
    ("carla@trebol", "/access/groups/admins", "Permissions.Modify", True),
    ("carla@trebol", "/access", "User.Modify", False),
    # A token without separation has what its user has.
    ("ana@pam!full", "/", "Sys.Console", True),
    ("ana@pam!full", "/vms/100", "VM.Allocate", True),
    ("ana@pam!full", "/", "Sys.Modify", False),
    # One with separation has what both have.
    ("ana@pam!less", "/", "Sys.Audit", True),
    ("ana@pam!less", "/", "Sys.Console", False),
    ("ana@pam!less", "/vms/100", "VM.Audit", True),
    ("ana@pam!less", "/vms/100", "Sys.Audit", False),
    ("ana@pam!less", "/vms/100", "VM.Allocate", False),
    ("ana@pam!less", "/vms/200", "VM.Audit", False),
    ("eva@trebol!less", "/vms/100", "VM.Allocate", True),
    ("eva@trebol!less", "/vms/100", "Sys.Modify", False),
    ("eva@trebol!less", "/vms/101", "VM.Audit", False),
    ("eva@trebol!less", "/", "Sys.Audit", False),
    # A token that is not there, or is somebody else's.
    ("ana@pam!unknown", "/", "Sys.Audit", False),
    ("ben@trebol!less", "/", "Sys.Audit", False),
    ("fay@trebol!less", "/", "Sys.Audit", False),
]


@pytest.mark.parametrize(("who", "path", "privilege", "allowed"), ALLOWED)
def test_rights(who: str, path: str, privilege: str, allowed: bool) -> None:
    assert accounts(TREE).may(identity(who), path, (privilege,)) is allowed


PROPAGATES = [
    ("carla@trebol", "/storage", {"Datastore.AllocateSpace": False, "Datastore.Audit": False}),
    ("carla@trebol", "/vms/100", {"VM.Audit": True, "VM.PowerMgmt": True}),
    ("eva@trebol!less", "/", {}),
    ("carla@trebol", "/vms/200", {}),
]


@pytest.mark.parametrize(("who", "path", "held"), PROPAGATES)
def test_permissions_say_whether_they_hold_for_all_below(who: str, path: str, held: dict[str, bool]) -> None:
    assert accounts(TREE).permissions(identity(who), path) == held


def test_a_tokens_right_propagates_where_both_its_own_and_its_users_do() -> None:
    both = accounts(
        {
            "/vms": {
                "users": {"eva@trebol": {"Starter": False, "PVETemplateUser": True}},
                "tokens": {"eva@trebol!less": {"Starter": True}},
            }
        }
    )

    assert both.permissions(Identity("eva@trebol", "less"), "/vms") == {"VM.Audit": True, "VM.PowerMgmt": False}


def test_a_role_of_two_groups_propagates_if_one_of_them_says_so() -> None:
    two = accounts({"/vms": {"groups": {"admins": {"Starter": False}, "operators": {"Starter": True}}}})

    assert two.permissions(Identity("ben@trebol"), "/vms/100") == {"VM.Audit": True, "VM.PowerMgmt": True}


def test_all_or_any_of_several_privileges() -> None:
    mine = accounts(TREE)
    carla = Identity("carla@trebol")

    assert mine.may(carla, "/vms", ("VM.Console", "VM.PowerMgmt"))
    assert not mine.may(carla, "/vms", ("VM.Console", "VM.Allocate"))
    assert mine.may(carla, "/vms", ("VM.Console", "VM.Allocate"), any=True)
    assert not mine.may(carla, "/vms", ("VM.Migrate", "VM.Allocate"), any=True)


@pytest.mark.parametrize("privileges", [(), ("VM.Monitor",), ("VM.Audit", "vm.audit")])
@pytest.mark.parametrize("any_of", [False, True])
def test_a_route_that_asks_for_what_is_no_privilege_is_told(privileges: tuple[str, ...], any_of: bool) -> None:
    with pytest.raises(Invalid, match="invalid privilege"):
        accounts(TREE).may(Identity("root@pam"), "/", privileges, any=any_of)


REFUSED = [
    (("VM.Audit", "VM.Allocate"), False, "Permission check failed (/vms, VM.Allocate)"),
    (("VM.Migrate", "VM.Allocate"), True, "Permission check failed (/vms, VM.Migrate|VM.Allocate)"),
]


@pytest.mark.parametrize(("privileges", "any_of", "words"), REFUSED)
def test_a_refusal_names_privilege_and_path(privileges: tuple[str, ...], any_of: bool, words: str) -> None:
    with pytest.raises(Denied) as error:
        accounts(TREE).require(Identity("carla@trebol"), "/vms", privileges, any=any_of)

    assert str(error.value) == words


ENDED = [
    ("ana@pam", None),
    ("eva@trebol", None),
    ("eva@trebol!less", None),
    ("dora@trebol", "user 'dora@trebol' is disabled"),
    ("old@trebol", "user 'old@trebol' access expired"),
    ("fay@trebol", "no such user ('fay@trebol')"),
    ("ana@pam!past", "token 'past' access expired"),
    ("ana@pam!none", "no such token 'none' for user 'ana@pam'"),
    ("dora@trebol!fresh", "user 'dora@trebol' is disabled"),
    ("root@pam", None),
]


@pytest.mark.parametrize(("who", "words"), ENDED)
def test_disabled_and_expired_accounts_end(who: str, words: str | None) -> None:
    mine = accounts(
        **{
            "users__old@trebol": {"expire": NOW - 1},
            "tokens__ana@pam!past": {"hash": "0" * 64, "expire": NOW - 1},
            "tokens__dora@trebol!fresh": {"hash": "0" * 64, "expire": NOW + 1},
        }
    )

    if words is None:
        mine.require_enabled(identity(who), NOW)
    else:
        with pytest.raises(TrebolError) as error:
            mine.require_enabled(identity(who), NOW)
        assert str(error.value) == words


#: How many privileges the built-in roles of Proxmox VE 9 have, and some that tell them from each other.
ROLES = [
    ("NoAccess", 0, "", "VM.Audit"),
    ("Administrator", 47, "Permissions.Modify", ""),
    ("PVEAdmin", 40, "User.Modify", "Permissions.Modify"),
    ("PVEAuditor", 7, "VM.GuestAgent.Audit", "VM.Console"),
    ("PVEDatastoreAdmin", 4, "Datastore.AllocateTemplate", "Sys.Audit"),
    ("PVEDatastoreUser", 2, "Datastore.AllocateSpace", "Datastore.Allocate"),
    ("PVEMappingAdmin", 3, "Mapping.Modify", "Sys.Audit"),
    ("PVEMappingUser", 2, "Mapping.Use", "Mapping.Modify"),
    ("PVEPoolAdmin", 2, "Pool.Allocate", "VM.Audit"),
    ("PVEPoolUser", 1, "Pool.Audit", "Pool.Allocate"),
    ("PVESDNAdmin", 3, "SDN.Allocate", "Sys.Audit"),
    ("PVESDNUser", 2, "SDN.Use", "SDN.Allocate"),
    ("PVESysAdmin", 3, "Sys.Syslog", "Sys.Modify"),
    ("PVETemplateUser", 2, "VM.Clone", "VM.Console"),
    ("PVEUserAdmin", 3, "Realm.AllocateUser", "Realm.Allocate"),
    ("PVEVMAdmin", 23, "VM.Replicate", "Permissions.Modify"),
    ("PVEVMUser", 10, "VM.Config.CDROM", "VM.Config.Disk"),
]


@pytest.mark.parametrize(("role", "count", "has", "lacks"), ROLES)
def test_built_in_roles_are_those_of_proxmox_ve(role: str, count: int, has: str, lacks: str) -> None:
    held = BUILT_IN[role]

    assert (len(held), not has or has in held, lacks in held) == (count, True, False)


def test_there_are_no_other_built_in_roles() -> None:
    assert sorted(BUILT_IN) == sorted(name for name, *_ in ROLES)
    assert "VM.Monitor" not in PRIVILEGES  # Gone in 9.0.


UNREADABLE: list[tuple[str, Any, str, str, bool]] = [
    # Record, its value, who, on which path, may VM.Audit?
    ("users/carla@trebol", {"groups": 7}, "carla@trebol", "/vms", False),
    ("users/root@pam", {"enable": "perhaps"}, "root@pam", "/vms", True),
    ("groups/operators", {"comment": []}, "carla@trebol", "/vms/200", False),
    ("roles/Starter", {"privs": 1}, "carla@trebol", "/vms/100", False),
    ("tokens/ana@pam!less", {}, "ana@pam!less", "/vms", False),
    ("tokens/ana@pam!less", {"hash": "é" * 64}, "ana@pam!less", "/vms", False),
    ("tfa/ana@pam", {"totp": [{"id": "1", "secret": "A"}]}, "ana@pam", "/vms", True),
    ("tfa/ana@pam", {"totp": [{"id": "1", "secret": "AAAAAAAA", "step": 0}]}, "ana@pam", "/vms", True),
    ("tfa/ana@pam", {"recovery": {"salt": "salt", "hashes": []}}, "ana@pam", "/vms", True),
    ("keys", {"current": {"secret": "short", "created": 0}}, "ana@pam", "/vms", True),
    ("acl", {"paths": []}, "ana@pam", "/vms", False),
    ("acl", {"paths": {"/": {"users": {"ana@pam": ["PVEAdmin"]}}}}, "root@pam", "/vms", True),
    ("users/a/b@pam", {}, "ana@pam", "/vms", True),
]


@pytest.mark.parametrize(("key", "value", "who", "path", "allowed"), UNREADABLE)
def test_a_record_that_cannot_be_read_only_takes_rights_away(
    key: str, value: Any, who: str, path: str, allowed: bool
) -> None:
    mine = Accounts.of({**accounts(TREE).values(), key: value})

    assert mine.unreadable == (key,)
    assert mine.may(identity(who), path, ("VM.Audit",)) is allowed


def test_a_record_cannot_change_a_built_in_role_nor_invent_a_privilege() -> None:
    mine = accounts(
        {"/": {"users": {"eva@trebol": {"PVEAuditor": True, "Odd": True}}}},
        roles__PVEAuditor={"privs": ["Sys.Modify"]},
        roles__Odd={"privs": ["Everything", "VM.Clone"]},
    )

    held = mine.permissions(Identity("eva@trebol"), "/")

    assert set(held) == BUILT_IN["PVEAuditor"] | {"VM.Clone"}
    assert mine.roles["PVEAuditor"] == BUILT_IN["PVEAuditor"]


def test_there_is_a_root_before_there_are_records() -> None:
    assert Accounts.of({}).may(Identity("root@pam"), "/", ("Permissions.Modify",))


def test_what_a_later_version_added_stays_and_is_no_reason_to_stumble() -> None:
    mine = accounts(
        {"/": {"users": {"eva@trebol": {"PVEAuditor": True}}, "machines": {"x": 1}}},
        **{"users__eva@trebol": {"colour": "green"}, "badges__one": {"x": 1}},
    )

    assert mine.unreadable == ()
    assert mine.values()["users/eva@trebol"] == {"colour": "green"}
    assert mine.values()["acl"]["paths"]["/"]["machines"] == {"x": 1}
