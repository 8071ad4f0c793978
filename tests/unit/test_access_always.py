"""What holds for every tree of entries, every user and token, and every text from outside."""

from __future__ import annotations

from typing import Any

import pyotp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.effort import effort
from tests.unit.accounts import KEYS, NOW, accounts

from trebol_common.errors import TrebolError
from trebol_node.access import Accounts, Identity, Write, changes, csrf, keys, listings, names, tickets, tokens, totp
from trebol_node.access.errors import Invalid, NotAuthenticated
from trebol_node.access.names import ROOT, identity
from trebol_node.access.privileges import BUILT_IN, PRIVILEGES
from trebol_node.access.records import Tfa, Totp

ENOUGH = settings(max_examples=effort(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])

USERS = ["root@pam", "ana@pam", "ben@trebol", "carla@trebol", "eva@trebol"]
TOKENS = ["ana@pam!full", "ana@pam!less", "eva@trebol!less", "root@pam!full", "root@pam!less"]
GROUPS = ["admins", "operators", "nobody", "ghosts"]
PATHS = ["/", "/vms", "/vms/100", "/vms/200", "/nodes", "/nodes/one", "/access", "/access/groups/admins", "/storage"]
ROLES = ["Administrator", "NoAccess", "PVEAdmin", "PVEAuditor", "PVEVMUser", "Starter", "Grantor", "Gone"]


def grants(who: list[str]) -> st.SearchStrategy[dict[str, dict[str, bool]]]:
    roles = st.dictionaries(st.sampled_from(ROLES), st.booleans(), min_size=1, max_size=2)
    return st.dictionaries(st.sampled_from(who), roles, max_size=3)


nodes = st.fixed_dictionaries({"users": grants(USERS), "groups": grants(GROUPS), "tokens": grants(TOKENS)})
trees = st.dictionaries(st.sampled_from(PATHS), nodes, max_size=5)
paths = st.sampled_from([*PATHS, "/vms/100/x", "/vms/300", "/pool/a", "//vms/", "x", "", "/../vms"])
anybody = st.sampled_from([*USERS, *TOKENS, "fay@pam", "ana@pam!none"])


@ENOUGH
@given(trees, paths, st.sampled_from(TOKENS))
def test_a_token_never_has_more_than_its_user(tree: dict[str, Any], path: str, token: str) -> None:
    mine = accounts(tree)
    who = identity(token)
    held, owner = mine.permissions(who, path), mine.permissions(Identity(who.user), path)

    assert held.keys() <= owner.keys()
    assert all(owner[privilege] for privilege, below in held.items() if below)
    if not mine.tokens[token].privsep:
        assert held == owner


@ENOUGH
@given(trees, paths)
def test_root_may_everything(tree: dict[str, Any], path: str) -> None:
    assert accounts(tree).permissions(Identity(ROOT), path) == dict.fromkeys(PRIVILEGES, True)


@ENOUGH
@given(trees, paths, anybody)
def test_there_are_no_rights_without_an_entry_on_the_way(tree: dict[str, Any], path: str, who: str) -> None:
    mine = accounts(tree)
    asked = identity(who)
    normal = names.normal_path(path)
    entries = [
        node
        for place, node in tree.items()
        if normal is not None and (place in ("/", normal) or normal.startswith(f"{place}/"))
    ]
    groups = set(mine.users[asked.user].groups) if asked.user in mine.users else set()
    given_to = {name for node in entries for kind in node.values() for name in kind}

    if asked.user != ROOT and not given_to & {who, asked.user, *groups}:
        assert mine.permissions(asked, path) == {}


@ENOUGH
@given(trees, st.sampled_from(USERS[1:]))
def test_what_propagates_is_had_below_where_no_entry_differs(tree: dict[str, Any], who: str) -> None:
    mine = accounts({place: node for place, node in tree.items() if not place.startswith("/nodes/")})
    above, below = (mine.permissions(Identity(who), path) for path in ("/nodes", "/nodes/two/disks"))

    # Unless an entry further up comes through where one on the path itself does not propagate.
    if all(above.values()) and "/nodes" not in tree:
        assert below == above


@ENOUGH
@given(trees, paths, anybody)
def test_no_access_on_the_path_itself_leaves_nothing(tree: dict[str, Any], path: str, who: str) -> None:
    asked = identity(who)
    normal = names.normal_path(path)
    if asked.user == ROOT or normal is None:
        return
    node = tree.get(normal, {"users": {}, "groups": {}, "tokens": {}})
    shut = {**node, "users": {**node["users"], asked.user: {"NoAccess": False, "Administrator": True}}}

    assert accounts({**tree, normal: shut}).permissions(asked, path) == {}


@ENOUGH
@given(trees, st.sampled_from([*USERS, *TOKENS]), st.sampled_from(PATHS[:7]), st.sampled_from(ROLES), st.booleans())
def test_nobody_can_give_themselves_more(
    tree: dict[str, Any], who: str, path: str, role: str, propagate: bool
) -> None:
    mine = accounts(tree)
    asked = identity(who)
    before = mine.permissions(asked, path)
    if "Permissions.Modify" in before:
        return
    users, own = (None, who) if asked.token else (who, None)
    try:
        writes = changes.update_acl(mine, asked, path, roles=role, propagate=propagate, users=users, tokens=own)
    except TrebolError:
        return

    assert mine.after(writes).permissions(asked, path).keys() <= before.keys()


@ENOUGH
@given(trees)
def test_values_are_read_as_they_were_written(tree: dict[str, Any]) -> None:
    mine = accounts(tree)

    assert Accounts.of(mine.values()) == mine
    assert mine.unreadable == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
record_keys = st.sampled_from(
    [
        "acl",
        "keys",
        "users/ana@pam",
        "users/",
        "users/a:b",
        "groups/admins",
        "roles/Starter",
        "tokens/ana@pam!less",
        "tokens/x",
        "passwords/ana@pam",
        "tfa/ana@pam",
        "whatever",
    ]
)
record_fields = st.sampled_from(
    ["paths", "current", "groups", "privs", "hash", "totp", "recovery", "enable", "expire"]
)


@ENOUGH
@given(st.dictionaries(record_keys, st.dictionaries(record_fields | st.text(max_size=6), json_values, max_size=3)))
def test_whatever_is_in_the_store_can_be_read_and_listed(values: dict[str, dict[str, Any]]) -> None:
    mine = Accounts.of(values)

    assert mine.may(Identity(ROOT), "/", ("Sys.Modify",))
    for who in (Identity(ROOT), Identity("ana@pam")):
        listings.users(mine, who, full=True)
        listings.groups(mine, who)
        listings.acl(mine, who)
        listings.tfa(mine, who)
        listings.capabilities(mine, who)
        listings.permissions(mine, who)
    listings.roles(mine)


texts = st.text(max_size=80) | st.text(alphabet="PVE:!@=tfa.0A/ \n\0%", max_size=60)
#: As `st.text()`, but with lone surrogates, which JSON can hold.
odd = texts | st.text(alphabet=st.characters(), max_size=20)


@ENOUGH
@given(odd)
def test_no_text_from_outside_is_a_surprise(text: str) -> None:
    mine = accounts()
    for check in (names.user_id, names.token_id, names.group_id, names.role_id, names.identity, names.acl_path):
        try:
            check(text)
        except Invalid as error:
            assert str(error).isprintable()
            str(error).encode()
    for attempt in (
        lambda: tickets.check(mine, text, NOW),
        lambda: tickets.check(mine, f"PVE:ana@pam:{text}", NOW),
        lambda: tickets.check_challenge(KEYS, text, "ana@pam", NOW),
        lambda: csrf.check(KEYS, text, "ana@pam", NOW),
        lambda: tokens.check(mine, f"PVEAPIToken={text}", NOW),
        lambda: totp.answer(Tfa(), text.replace("totp:", ""), NOW),
    ):
        try:
            attempt()
        except NotAuthenticated as error:
            assert str(error) == "authentication failure"
        else:
            raise AssertionError("that was good enough")


@ENOUGH
@given(odd)
def test_no_text_is_a_device_by_chance(text: str) -> None:
    for uri in (text, f"otpauth://totp/{text}", f"otpauth://totp/x?secret={text}", f"otpauth://totp/x?{text}"):
        try:
            entry = totp.read_uri(uri, identity="x", description="d", now=NOW)
            totp.answer(Tfa(totp=(entry,)), "totp:123456", NOW)
        except Invalid as error:
            assert error.__cause__ is None


@ENOUGH
@given(st.sampled_from(USERS), st.integers(-10_000, 100_000), st.integers(-10_000, 100_000))
def test_a_ticket_counts_for_two_hours_after_it_was_made_whatever_the_keys_do(user: str, made: int, age: int) -> None:
    mine = accounts()
    mine = mine.after(keys.rotation(mine, NOW + made, "e" * 64))
    ticket = tickets.make(mine, user, NOW + made)
    later = mine.after(keys.rotation(mine, NOW + made + max(age, 0), "f" * 64))

    try:
        tickets.check(later, ticket, NOW + made + age)
        counts = True
    except NotAuthenticated:
        counts = False
    assert counts is (-300 <= age <= 7200)


@ENOUGH
@given(st.lists(st.sampled_from([-1, 0, 1, 2, 3]), max_size=8))
def test_no_one_time_password_is_good_twice(steps: list[int]) -> None:
    device = Totp(id="x", secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    factor = Tfa(totp=(device,))
    good = []
    for step in steps:
        code = pyotp.TOTP(device.secret).at(NOW + 30 * step)
        right, factor = totp.answer(factor, f"totp:{code}", NOW)
        good += [step] if right else []

    assert len(set(good)) == len(good)
    assert good == sorted(good)


@ENOUGH
@given(st.sampled_from(sorted(BUILT_IN)), st.lists(st.sampled_from(sorted(PRIVILEGES)), max_size=4))
def test_built_in_roles_stay_as_they_are(role: str, privileges: list[str]) -> None:
    mine = accounts().after([Write(f"roles/{role}", {"privs": privileges})])

    assert mine.role_privileges(role) == BUILT_IN[role]
