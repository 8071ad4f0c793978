"""Names as Proxmox VE's API writes them: `user@realm`, `user@realm!token`, groups, roles, paths of the ACL tree."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from trebol_node.access.errors import Invalid, shown

ROOT = "root@pam"

_USER_LENGTH = 64
#: Its `user_regex` is `[^\s:/]+`. Left out too are what separates a token and lists: such a name could not be named.
_USER = re.compile(r"[^\s:/!,;]+")
_REALM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,31}")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,63}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PATH = re.compile(r"/|(/[A-Za-z0-9._-]+)+")
_PATH_LENGTH = 512
_SEPARATORS = re.compile(r"[,;\s\0]+")

_WORD = r"[A-Za-z0-9._-]+"
#: The paths that entries of the ACL can be made for.
_ACL_PATH = re.compile(
    rf"""/
    | /access | /access/groups(/{_WORD})? | /access/realm(/{_WORD})?
    | /nodes(/{_WORD})?
    | /pool(/{_WORD}){{0,3}}
    | /sdn | /sdn/controllers(/[A-Za-z0-9_-]+)? | /sdn/(dns|fabrics|ipams)(/[A-Za-z0-9]+)?
    | /sdn/zones(/{_WORD}(/{_WORD}(/[1-9][0-9]{{0,3}})?)?)?
    | /storage(/{_WORD})?
    | /vms(/[1-9][0-9]{{2,8}})?
    | /mapping(/{_WORD}){{0,2}}
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Identity:
    """Who asks: `user` is "name@realm"; `token` the id of the API token that speaks for them, without the user."""

    user: str
    token: str | None = None

    def __str__(self) -> str:
        return self.user if self.token is None else f"{self.user}!{self.token}"


def user_id(text: str) -> str:
    """`text` where it is the id of a user; Invalid otherwise.

    Of two ways to write one character (NFC and NFD) only the composed one is a name, and none that is invisible: two
    users must not look alike.
    """
    if len(text) < 3:
        raise Invalid(f"user name '{shown(text)}' is too short", argument="userid")
    if len(text) > _USER_LENGTH:
        raise Invalid(f"user name '{shown(text)}' is too long ({len(text)} > {_USER_LENGTH})", argument="userid")
    name, at, realm = text.rpartition("@")
    if not at or not _USER.fullmatch(name) or not _REALM.fullmatch(realm) or not _visible(name):
        raise Invalid(f"value '{shown(text)}' does not look like a valid user name", argument="userid")
    return text


def _visible(name: str) -> bool:
    return unicodedata.normalize("NFC", name) == name and not any(unicodedata.category(c)[0] in "CZ" for c in name)


def realm_of(user: str) -> str:
    """The realm of a user's id."""
    return user.rpartition("@")[2]


def token_id(text: str) -> str:
    """`text` where it is the id of a token of some user; Invalid otherwise."""
    if not _TOKEN.fullmatch(text):
        raise Invalid(f"value '{shown(text)}' does not look like a valid token ID", argument="tokenid")
    return text


def full_token_id(text: str) -> Identity:
    """The identity that "user@realm!token" names; Invalid otherwise."""
    user, mark, token = text.rpartition("!")
    if not mark or not _TOKEN.fullmatch(token):
        raise Invalid(
            f"'{shown(text)}' is not a valid token ID - not able to split into user and token parts",
            argument="tokens",
        )
    return Identity(user_id(user), token)


def identity(text: str) -> Identity:
    """The identity that "user@realm" or "user@realm!token" names; Invalid otherwise."""
    return full_token_id(text) if "!" in text else Identity(user_id(text))


def group_id(text: str) -> str:
    """`text` where it is the id of a group; Invalid otherwise."""
    if not _NAME.fullmatch(text):
        raise Invalid(f"group name '{shown(text)}' contains invalid characters", argument="groupid")
    return text


def role_id(text: str) -> str:
    """`text` where it is the id of a role; Invalid otherwise."""
    if not _NAME.fullmatch(text):
        raise Invalid(f"role name '{shown(text)}' contains invalid characters", argument="roleid")
    return text


def normal_path(text: str) -> str | None:
    """A path of the ACL tree with single slashes before each part and none at its end; None where it is none.

    "." and ".." are no parts: nothing resolves them, and what reads like one path must not be another.
    """
    if not text or len(text) > _PATH_LENGTH:
        return None
    parts = [part for part in text.split("/") if part]
    path = "/" + "/".join(parts)
    return path if _PATH.fullmatch(path) and not {".", ".."} & set(parts) else None


def acl_path(text: str, *, known: bool = True) -> str:
    """The normal path that an entry of the ACL is for; Invalid where there is none, or, with `known`, no such thing.

    What is not known any more can still be deleted.
    """
    path = normal_path(text)
    if path is None or (known and not _ACL_PATH.fullmatch(path)):
        raise Invalid(f"invalid ACL path '{shown(text)}'", argument="path")
    return path


def split_list(text: str | None) -> tuple[str, ...]:
    """What a list in one argument names: separated by commas, semicolons or white space, in order, each once."""
    return tuple(dict.fromkeys(part for part in _SEPARATORS.split(text or "") if part))
