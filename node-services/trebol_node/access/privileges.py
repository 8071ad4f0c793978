"""Proxmox VE 9's privileges and its built-in roles, by name.

Source: its documentation, "User Management", section "Permission Management", and its `GET /access/roles`. Each
subject has privileges of four ranks; the roles follow from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trebol_node.access.errors import Invalid, shown

NO_ACCESS = "NoAccess"
ADMINISTRATOR = "Administrator"


@dataclass(frozen=True)
class _Ranks:
    """Privileges of one subject: for Administrators alone, for its administrators, its users, and those who look."""

    root: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()


_SUBJECTS = {
    "VM": _Ranks(
        admin=(
            "VM.Allocate",
            "VM.Clone",
            "VM.Config.CPU",
            "VM.Config.Disk",
            "VM.Config.HWType",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.GuestAgent.Unrestricted",
            "VM.Migrate",
            "VM.Replicate",
            "VM.Snapshot",
            "VM.Snapshot.Rollback",
        ),
        user=(
            "VM.Backup",
            "VM.Config.CDROM",
            "VM.Config.Cloudinit",
            "VM.Console",
            "VM.GuestAgent.FileRead",
            "VM.GuestAgent.FileSystemMgmt",
            "VM.GuestAgent.FileWrite",
            "VM.PowerMgmt",
        ),
        audit=("VM.Audit", "VM.GuestAgent.Audit"),
    ),
    "Sys": _Ranks(
        root=("Sys.AccessNetwork", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt"),
        admin=("Sys.Console", "Sys.Syslog"),
        audit=("Sys.Audit",),
    ),
    "Datastore": _Ranks(
        admin=("Datastore.Allocate", "Datastore.AllocateTemplate"),
        user=("Datastore.AllocateSpace",),
        audit=("Datastore.Audit",),
    ),
    "SDN": _Ranks(admin=("SDN.Allocate",), user=("SDN.Use",), audit=("SDN.Audit",)),
    "User": _Ranks(root=("Realm.Allocate",), admin=("Group.Allocate", "Realm.AllocateUser", "User.Modify")),
    "Pool": _Ranks(admin=("Pool.Allocate",), user=("Pool.Audit",), audit=("Pool.Audit",)),
    "Mapping": _Ranks(admin=("Mapping.Modify",), user=("Mapping.Use",), audit=("Mapping.Audit",)),
}


def _all() -> Iterator[str]:
    yield "Permissions.Modify"  # Of no subject: whoever has it can give away all.
    for ranks in _SUBJECTS.values():
        yield from (*ranks.root, *ranks.admin, *ranks.user, *ranks.audit)


PRIVILEGES: frozenset[str] = frozenset(_all())


def _roles() -> Iterator[tuple[str, frozenset[str]]]:
    yield NO_ACCESS, frozenset()
    yield ADMINISTRATOR, PRIVILEGES
    for subject, ranks in _SUBJECTS.items():
        yield f"PVE{subject}Admin", frozenset((*ranks.admin, *ranks.user, *ranks.audit))
        if ranks.user:
            yield f"PVE{subject}User", frozenset((*ranks.user, *ranks.audit))
    every = _SUBJECTS.values()
    below_root = frozenset(name for ranks in every for name in (*ranks.admin, *ranks.user, *ranks.audit))
    # Whoever maps devices reaches past the guests: `PVEMappingAdmin` alone says so.
    yield "PVEAdmin", below_root - {"Mapping.Modify"}
    yield "PVEAuditor", frozenset(name for ranks in every for name in ranks.audit)
    yield "PVETemplateUser", frozenset({"VM.Audit", "VM.Clone"})


#: What each built-in role may.
BUILT_IN: Mapping[str, frozenset[str]] = MappingProxyType(dict(_roles()))


def require_privileges(names: tuple[str, ...]) -> frozenset[str]:
    """The set of `names`; Invalid where one of them is no privilege."""
    for name in names:
        if name not in PRIVILEGES:
            raise Invalid(f"invalid privilege '{shown(name)}'", argument="privs")
    return frozenset(names)
