"""Accounts that tests of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trebol_node.access import Accounts
from trebol_node.access.records import Key, Keys
from trebol_node.access.tokens import hash_secret

NOW = 1_800_000_000
SECRET = "0b7f2f4e-6a0e-4f0e-9d0e-1c2d3e4f5a6b"
KEYS = Keys(current=Key(secret="c" * 64, created=NOW - 3600), previous=Key(secret="d" * 64, created=NOW - 90_000))


def accounts(acl: Mapping[str, Any] | None = None, /, **records: Any) -> Accounts:
    """A small company: admins Ana and Ben, operators Carla and Ben, Eva alone; tokens of Ana and Eva.

    `acl` is path → kind → who → role → propagate; `records` are further values, "/" written as "__".
    """
    token = {"hash": hash_secret(SECRET)}
    values: dict[str, Mapping[str, Any]] = {
        "keys": KEYS.value(),
        "users/ana@pam": {"groups": ["admins"], "firstname": "Ana", "email": "ana@example.org"},
        "users/ben@trebol": {"groups": ["admins", "operators"]},
        "users/carla@trebol": {"groups": ["operators"]},
        "users/dora@trebol": {"groups": ["operators"], "enable": False},
        "users/eva@trebol": {"expire": NOW + 1000},
        "groups/admins": {"comment": "Those who may"},
        "groups/operators": {},
        "groups/nobody": {},
        "roles/Starter": {"privs": ["VM.Audit", "VM.PowerMgmt"]},
        "roles/Grantor": {"privs": ["Permissions.Modify"]},
        "tokens/ana@pam!full": {**token, "privsep": False},
        "tokens/ana@pam!less": token,
        "tokens/eva@trebol!less": token,
        "tokens/root@pam!less": token,
        "tokens/root@pam!full": {**token, "privsep": False},
        "acl": {"paths": dict(acl or {})},
    }
    values |= {name.replace("__", "/"): value for name, value in records.items()}
    return Accounts.of(values)
