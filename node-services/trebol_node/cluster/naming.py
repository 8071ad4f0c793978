"""What the store holds of a node by its name goes under another: the record `cluster/renaming` says that it is so,
and the rest moves. Each bears being done twice, and the same with both names swapped is its inverse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.maintenance import records as maintenance
from trebol_node.cluster.records import RENAMING, Member, State
from trebol_node.cluster.tokens.record import FOLDER as TOKENS
from trebol_node.cluster.under_way import Kind, UnderWay
from trebol_node.fencing import records as fences
from trebol_node.fencing.device import Device, Proof, digest_of
from trebol_node.fencing.options import NAMED_BY_NODE
from trebol_node.store.records import Records

#: Grants on a node, in the record of all grants (`trebol_node.access.records.Acl`).
_ACL = "access/acl"
_NODES = "/nodes/"

#: A device with its secrets sealed anew: they are bound to its id, which has the node's name in it.
Reseal = Callable[[Device, Device], Device]


@dataclass(frozen=True)
class Renaming:
    """The node that is being renamed: from `old` to `new`, since when. `known` is by which name pacemaker knows it,
    as the member says that told pacemaker."""

    old: str
    new: str
    since: str
    known: str

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        try:
            return cls(**members)
        except TypeError as error:
            raise BadInput(f"is damaged: {error}", where=RENAMING) from error

    def names_in(self, totem: Totem) -> tuple[str, str]:
        """The name that the configuration has, and the one that it has not."""
        return (self.new, self.old) if totem.has(self.new) else (self.old, self.new)


def renaming(records: Records) -> Renaming | None:
    """The one that is under way."""
    record = records.get(RENAMING)
    return None if record is None else Renaming.of(record.value)


def begin(records: Records, old: str, new: str, since: str) -> None:
    """From here on nobody else comes, goes or is renamed. Raises Refused where somebody else was faster."""
    mine = Renaming(old, new, since, old)

    def begun(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if before is not None:
            found = Renaming.of(before)
            if (found.old, found.new) != (old, new):
                raise Refused("is being renamed at the moment: one node at a time", where=found.old)
        return before or mine.to_members()

    under_way.take(records, UnderWay(Kind.RENAME, old, since, also=new))
    cluster.edit(records, RENAMING, begun)
    cluster.edit_member(records, _listed(records, old, new), lambda member: replace(member, state=State.RENAMING))


def end(records: Records, old: str, new: str) -> None:
    """It is a member like others, by whichever name it has; what its daemon wrote under the other one is gone."""
    name = _listed(records, old, new)
    cluster.edit_member(records, name, lambda member: replace(member, state=State.MEMBER))
    _drop_own(records, new if name == old else old)
    cluster.edit(records, RENAMING, lambda before: None if _is_of(before, old, new) else before)
    under_way.give_back(records, UnderWay(Kind.RENAME, old, "", also=new))


def configure(records: Records, old: str, new: str) -> Totem:
    """Corosync's configuration with the other name."""
    return cluster.edit_totem(records, lambda totem: totem.renamed(old, new) if totem.has(old) else totem)


def known(records: Records, name: str) -> None:
    """Note by which name pacemaker knows it."""
    cluster.edit(
        records,
        RENAMING,
        lambda before: None if before is None else replace(Renaming.of(before), known=name).to_members(),
    )


def is_proven(records: Records, node: str) -> bool:
    """Whether the last test of its fence devices is of these devices."""
    found = fences.proof(records, node)
    return found is not None and found.digest == digest_of(fences.of_node(records, node))


def move(records: Records, old: str, new: str, *, proven: bool, reseal: Reseal) -> None:
    """Everything of the node under its other name; `proven`: what `is_proven` said before. Raises as `edit`."""
    _move_devices(records, old, new, reseal)
    _move_proof(records, old, new, proven=proven)
    _move_tokens(records, old, new)
    _move_grants(records, old, new)
    maintenance.move(records, old, new)
    _drop_own(records, old)
    # The last: what it is found by.
    record = records.get(f"{cluster.NODES}{old}")
    if record is not None:
        moved = replace(Member.of(record.value), name=new).to_members()
        cluster.edit(records, f"{cluster.NODES}{new}", lambda before: moved)
        cluster.remove(records, f"{cluster.NODES}{old}")


def _listed(records: Records, old: str, new: str) -> str:
    return old if records.get(f"{cluster.NODES}{old}") is not None else new


def _is_of(before: Mapping[str, Any] | None, old: str, new: str) -> bool:
    return before is None or {before.get("old"), before.get("new")} == {old, new}


def _drop_own(records: Records, name: str) -> None:
    """What its daemon says by itself, under the name that it has."""
    for folder in cluster.OF_NODE:
        cluster.remove(records, f"{folder}{name}")


def _move_devices(records: Records, old: str, new: str, reseal: Reseal) -> None:
    for device in fences.of_node(records, old):
        made = reseal(device, replace(device, node=new, options=_options(device, old, new)))
        cluster.edit(records, f"{fences.DEVICES}{made.id}", lambda before, made=made: made.to_members())  # type: ignore[misc]
        cluster.remove(records, f"{fences.DEVICES}{device.id}")


def _options(device: Device, old: str, new: str) -> dict[str, str]:
    if device.agent not in NAMED_BY_NODE:
        return dict(device.options)
    return {name: new if name == "plug" and value == old else value for name, value in device.options.items()}


def _move_proof(records: Records, old: str, new: str, *, proven: bool) -> None:
    found = fences.proof(records, old)
    if found is None:
        return
    devices = fences.of_node(records, new)
    # What knows the node by its name has to be asked by the new one.
    stays = proven and not any(each.agent in NAMED_BY_NODE for each in devices)
    made: Proof = replace(found, digest=digest_of(devices) if stays else found.digest)
    cluster.edit(records, f"{fences.PROOFS}{new}", lambda before: made.to_members())
    cluster.remove(records, f"{fences.PROOFS}{old}")


def _move_tokens(records: Records, old: str, new: str) -> None:
    """Those that it made, that are for it, that it used."""

    def moved(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if before is None:
            return None
        after = {**before, **{name: new for name in ("made_by", "node") if before.get(name) == old}}
        used = after.get("used_by")
        if isinstance(used, dict) and used.get("node") == old:
            after["used_by"] = {**used, "node": new}
        return after

    for record in records.below(TOKENS):
        cluster.edit(records, record.key, moved)


def _move_grants(records: Records, old: str, new: str) -> None:
    """Who may what on the node."""

    def moved(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if before is None or not isinstance(before.get("paths"), dict):
            return before
        paths = {_path(path, old, new): value for path, value in before["paths"].items()}
        return {**before, "paths": paths}

    if any(_path(path, old, new) != path for path in _paths(records)):
        cluster.edit(records, _ACL, moved)


def _paths(records: Records) -> Iterator[str]:
    record = records.get(_ACL)
    yield from record.value.get("paths", ()) if record is not None else ()


def _path(path: str, old: str, new: str) -> str:
    own = f"{_NODES}{old}"
    return f"{_NODES}{new}{path.removeprefix(own)}" if path == own or path.startswith(f"{own}/") else path
