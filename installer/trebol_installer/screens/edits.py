"""What a changed field does to the draft: most set their key, some more than that. Pure."""

from __future__ import annotations

from typing import Any

from trebol_common.answers.model import BondMode, ClusterMode, NetworkSource
from trebol_installer.screens import cluster, disks, location, network, node, review, sizes, welcome
from trebol_installer.screens.draft import Draft

#: What is typed and no answer.
ASIDE = (node.PASSWORD_AGAIN, node.KEYS_URL, disks.PASSPHRASE_AGAIN, location.TRIAL, review.CONFIRMED)


def edit(draft: Draft, key: str, value: Any) -> None:
    """Give the field with this key another value."""
    match key:
        case welcome.LANGUAGE:
            draft.language = str(value)
        case location.COUNTRY:
            draft.put(key, value)
            for suggested, likely in location.suggested(str(value)).items():
                draft.put(suggested, likely)
        case disks.DISKS:
            draft.put(key, value)
            # What was agreed to was about other disks.
            draft.put_aside(review.CONFIRMED, "")
        case disks.FILESYSTEM:
            draft.put(key, value)
            for table in sizes.KEYS:
                _aside_or_back(draft, table, back=table == sizes.TABLES[value])
            if not draft.get(disks.RAID[value]):
                draft.put(disks.RAID[value], disks.raid_levels(value)[0].value)
        case disks.KEEP:
            draft.put(key, ("data",) if value else ())
            # What was agreed to was to lose less, or more.
            draft.put_aside(review.CONFIRMED, "")
        case disks.ENCRYPTED:
            draft.put_aside(key, "yes" if value else "")
            if not value:
                draft.put("disk-setup.encryption", None)
                draft.put_aside(disks.PASSPHRASE_AGAIN, "")
        case _ if key in ASIDE:
            draft.put_aside(key, str(value))
        case network.SOURCE:
            for other in (network.CIDR, network.GATEWAY, network.DNS, network.IPV6):
                _aside_or_back(draft, other, back=value == NetworkSource.ANSWER)
            draft.put(key, value)
        case network.BONDED:
            _aside_or_back(draft, network.FILTER, back=not value)
            _aside_or_back(draft, network.BOND, back=bool(value))
            if value and draft.get(network.BOND) is None:
                draft.put(network.BOND_MODE, BondMode.ACTIVE_BACKUP)
        case network.VLAN | network.MTU:
            draft.put_number(key, str(value))
        case _ if key in sizes.NUMBERS:
            draft.put_number(key, str(value))
        case _ if key.startswith(sizes.BY_HAND):
            draft.put_aside(key, "yes" if value else "")
            for size in sizes.KEYS[key.removeprefix(sizes.BY_HAND)]:
                _aside_or_back(draft, size, back=bool(value))
        case cluster.MODE if value != cluster.mode_of(draft):
            for other in cluster.ALL:
                _aside_or_back(draft, other, back=other in cluster.OF_MODE[ClusterMode(value)])
            # A file without the table says the same.
            draft.put(key, None if value == ClusterMode.STAND_ALONE else value)
        case cluster.MODE:
            pass
        case _ if key.startswith(f"{node.KEYS}."):
            _put_ssh_key(draft, int(key.rpartition(".")[2]), str(value))
        case _:
            draft.put(key, value)


def _put_ssh_key(draft: Draft, number: int, value: str) -> None:
    keys = list(draft.get(node.KEYS, ()))
    if number < len(keys):
        keys[number] = value
    elif value:
        keys.append(value)
    draft.put(node.KEYS, tuple(key for key in keys if key))


def _aside_or_back(draft: Draft, key: str, *, back: bool) -> None:
    """What belongs to another choice stays typed while this one is tried, and comes back."""
    if back and key in draft.aside:
        draft.put(key, draft.aside.pop(key))
    elif not back and draft.get(key) is not None:
        draft.put_aside(key, draft.get(key))
        draft.put(key, None)
