"""The other members of the cluster: who they are, where they answer, whether corosync sees them. From memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trebol_node.cluster import records as cluster
from trebol_node.store.records import Records

#: Names of the members that corosync sees here; None where it does not say.
There = Callable[[], frozenset[str] | None]


@dataclass(frozen=True)
class Member:
    """Another node: `addresses` by which it is reached, the best first; `fingerprint` of its API's certificate as it
    wrote it into the store ("AB:CD:…"), empty where it has not yet; `seen` by corosync, None: that does not say."""

    name: str
    addresses: tuple[str, ...]
    fingerprint: str = ""
    seen: bool | None = None


class Members:
    """The members of the cluster of `node` but itself; none where it stands alone, or is of the cluster no more."""

    def __init__(self, records: Records, node: str, there: There) -> None:
        self._records = records
        self._node = node
        self._there = there
        #: Addresses by name, as of a revision of corosync's configuration.
        self._read: tuple[int, Mapping[str, tuple[str, ...]]] = (0, {})

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, sorted."""
        return tuple(self._addresses())

    @property
    def is_member(self) -> bool:
        """Whether this node is of a cluster."""
        return cluster.settings(self._records) is not None and not cluster.is_foreign(self._records, self._node)

    def find(self, name: str) -> Member | None:
        """The member of that name."""
        addresses = self._addresses().get(name)
        if addresses is None:
            return None
        record, there = self._records.get(f"nodes/{name}"), self._there()
        shown = "" if record is None else str(record.value.get("fingerprint", ""))
        return Member(name, addresses, shown, None if there is None else name in there)

    def _addresses(self) -> Mapping[str, tuple[str, ...]]:
        record = self._records.get(cluster.COROSYNC)
        if record is None or self._records.get(f"{cluster.NODES}{self._node}") is None:
            return {}
        if self._read[0] != record.revision:
            totem = cluster.totem(self._records)
            others = [each for each in totem.nodes if each.name != self._node] if totem is not None else []
            ordered = sorted(others, key=lambda each: each.name)
            self._read = (
                record.revision,
                {each.name: tuple(each.addresses[link] for link in sorted(each.addresses)) for each in ordered},
            )
        return self._read[1]
