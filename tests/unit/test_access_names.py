"""Names of users, groups, roles, tokens and paths: those that there can be, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trebol_node.access import Identity, names
from trebol_node.access.errors import Invalid
from trebol_node.access.names import identity

NAMES = [
    ("ana@pam", True),
    ("a.b-c_d+e=f@trebol", True),
    ("ana@example.org@trebol", True),
    ("josé@trebol", True),
    ("用户@trebol", True),
    ("x@pve", True),
    ("a" * 59 + "@pam1", True),
    ("", False),
    ("ana", False),
    ("@pam", False),
    ("a@", False),
    ("a@p", False),
    ("a@1pam", False),
    ("ana@pam!token", False),
    ("a!b@pam", False),
    ("a:b@pam", False),
    ("a/b@pam", False),
    ("../x@pam", False),
    ("a b@pam", False),
    ("a,b@pam", False),
    ("a;b@pam", False),
    ("a\n@pam", False),
    ("ana@pam\n", False),
    ("ana@pam\0", False),
    ("a\x1b[31m@pam", False),
    ("a\x7f@pam", False),
    ("a\u200bb@pam", False),  # A space of no width.
    ("a\u202eb@pam", False),  # From here on, right to left.
    ("a\u00a0b@pam", False),
    ("a\ud800b@pam", False),
    ("jose\u0301@trebol", False),  # Looks like josé.
    ("ana@pаm", False),  # A Cyrillic a.
    ("a" * 61 + "@pam", False),
    ("a" * 1_000_000 + "@pam", False),
    ("@" * 60, False),
]


@pytest.mark.parametrize(("name", "good"), NAMES, ids=[ascii(name[:30]) for name, _ in NAMES])
def test_names_of_users(name: str, good: bool) -> None:
    if good:
        assert names.user_id(name) == name
        return
    with pytest.raises(Invalid) as error:
        names.user_id(name)
    words = str(error.value)
    assert len(words) < 600
    assert words.isprintable()
    words.encode()


BAD_NAMES = ["", "a b", "a\nb", "a\x1b[2J", "a/b", "a:b", "a!b", "a@b", "ä", "a" * 65, "x" * 10**6, "\ud800", "a,b"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=[ascii(name[:10]) for name in BAD_NAMES])
@pytest.mark.parametrize("check", [names.group_id, names.role_id, names.token_id])
def test_names_of_groups_roles_and_tokens_that_are_none(check: Callable[[str], str], name: str) -> None:
    with pytest.raises(Invalid) as error:
        check(name)
    assert str(error.value).isprintable()


TOKENS = [
    ("ana@pam!one", Identity("ana@pam", "one")),
    ("a@b@pam!one-2.x_y", Identity("a@b@pam", "one-2.x_y")),
    ("ana@pam", Identity("ana@pam")),
    ("ana@pam!", None),
    ("ana@pam!1", None),
    ("ana!one", None),
    ("!one", None),
    ("ana@pam!one!two", None),
    ("ana@pam!one\n", None),
    ("ana@pam!one=secret", None),
]


@pytest.mark.parametrize(("text", "expected"), TOKENS)
def test_identities(text: str, expected: Identity | None) -> None:
    if expected is None:
        with pytest.raises(Invalid):
            identity(text)
    else:
        assert identity(text) == expected
        assert str(expected) == text


PATHS = [
    "/",
    "/access",
    "/access/groups/admins",
    "/access/realm/trebol",
    "/nodes/node-1",
    "/pool/a/b/c",
    "/sdn/zones/z/vnet/100",
    "/sdn/controllers/c1",
    "/sdn/fabrics/f1",
    "/storage/local",
    "/vms/100",
    "/mapping/pci/gpu",
]
NO_PATHS = [
    "/users",
    "/access/users",
    "/nodes/a/b",
    "/pool/a/b/c/d",
    "/sdn/zones/z/v/0",
    "/vms/abc",
    "/vms/012",
    "/x",
]


def test_entries_are_for_the_paths_that_proxmox_ve_knows() -> None:
    assert [names.acl_path(path) for path in PATHS] == PATHS
    for path in NO_PATHS:
        with pytest.raises(Invalid):
            names.acl_path(path)
        assert names.acl_path(path, known=False) == path


LISTS = [
    (None, ()),
    ("", ()),
    (" , ;", ()),
    ("a", ("a",)),
    ("a,b;c d\te\nf\0g", ("a", "b", "c", "d", "e", "f", "g")),
    ("b,a,b", ("b", "a")),
]


@pytest.mark.parametrize(("text", "parts"), LISTS)
def test_lists_in_one_text(text: str | None, parts: tuple[str, ...]) -> None:
    assert names.split_list(text) == parts
