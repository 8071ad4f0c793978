"""The ZFS pool of the node, by OpenZFS's tools. A pool is made on the targets' partitions and on nothing else."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from trebol_common.errors import Refused, TrebolError
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.run import Argument
from trebol_hardware.sizes import show_size
from trebol_installer.execute.block import node_of
from trebol_installer.execute.encryption import passphrase_of
from trebol_installer.execute.state import Run
from trebol_installer.execute.wipe import signatures
from trebol_installer.steps import (
    CreateDataset,
    CreatePool,
    LoadZfs,
    MountDataset,
    PartitionRef,
    ReusePool,
    WritePool,
)

#: Who imported a pool: hostid(1) of the live system, which becomes the node's.
HOST_ID = Path("/etc/hostid")
_HOST_ID_SIZE = 4

#: Where parameters of the module can be set while it runs.
PARAMETERS = Path("/sys/module/zfs/parameters")

#: There while OpenZFS is loaded.
LOADED = Path("/proc/spl/kstat/zfs")

#: Where udev's stable links are.
LINKS = "/dev/disk/"

#: What this system knows of the pool's members, while it has it.
CACHE = Path("/run/trebol/zpool.cache")

#: On the node.
_NODE_CACHE = "/etc/zfs/zpool.cache"
_NODE_HOST_ID = "/etc/hostid"
_NODE_OPTIONS = "/etc/modprobe.d/zfs.conf"

#: What to do about a pool that cannot be kept.
_ANEW = "leave keep out of [disk-setup]: then all of it is made anew, and lost"

#: zfsprops(7): one passphrase for the whole pool, asked for at boot; AES-256-GCM.
_ENCRYPTED = ("encryption=on", "keyformat=passphrase", "keylocation=prompt")


def load_zfs(step: LoadZfs, run: Run) -> None:
    """See `LoadZfs`. Raises Refused with the kernel's reason, while all disks are as they were."""
    said = run.runner.run(["modprobe", "zfs"], check=False)
    if said.status:
        reason = said.stderr.strip() or _("exit status {status}").format(status=said.status)
        raise Refused(
            _("this kernel does not load ZFS: {reason}").format(reason=reason),
            where="modprobe zfs",
            hint=_("under Secure Boot, the key of its modules has to be enrolled; dmesg tells more"),
        )
    # Of itself it takes most of the memory, which is also where the live system keeps what it writes. Not by
    # modprobe: udev may have loaded it already.
    for name, size in _cache(step.cache_limit, step.cache_floor):
        (PARAMETERS / name).write_text(f"{size}\n")


def create_pool(step: CreatePool, run: Run) -> None:
    """See `CreatePool`. Raises TrebolError where a partition is not blank."""
    _require_host_id()
    members = [member for group in step.groups for member in group]
    if run.again:
        run.runner.run(["wipefs", "--all", *map(node_of, members)])
    for member in members:
        if left := signatures(node_of(member), run):
            raise TrebolError(
                _("is not blank: {left}").format(left=", ".join(left)),
                where=str(member),
                hint=_("something writes to it: restart the machine, then start again"),
            )
    paths = _paths(members, run)
    run.target.mkdir(parents=True, exist_ok=True)
    # -f: what zpool itself takes for a use may be no more than what blkid remembers of an older partition.
    command: list[Argument] = ["zpool", "create", "-f", "-R", run.target, "-o", f"ashift={step.ashift}"]
    for property in (*step.properties, *(_ENCRYPTED if step.encrypted else ())):
        command += ["-O", property]
    command.append(step.name)
    _require_free(step.name, run)
    run.undo.callback(_let_go, step.name, run)
    for group in step.groups:
        command += [*([step.level] if step.level else []), *(paths[member] for member in group)]
    if step.encrypted:
        passphrase = passphrase_of(run)
        run.runner.run(command, input=f"{passphrase}\n", secrets=(passphrase,))
    else:
        run.runner.run(command)


def reuse_pool(step: ReusePool, run: Run) -> None:
    """See `ReusePool`. Raises Refused, before anything is taken away, where the pool is not as it has to be."""
    _require_host_id()
    export_pool(step.guid, run)
    members = [member for group in step.groups for member in group]
    searched = [argument for path in _paths(members, run).values() for argument in ("-d", path)]
    # -f: the old system did not export what it ran from. Looked for on the targets alone.
    take: list[Argument] = ["zpool", "import", "-f", "-N", "-R", run.target, *searched]
    _require_free(step.name, run)
    run.undo.callback(_let_go, step.name, run)
    # Read-only first, and the name no more than lent: a pool that is refused stays as it was, its labels too.
    run.runner.run([*take, "-o", "readonly=on", "-t", step.guid, step.name])
    _require_same(step, run)
    there = _require_contents(step, run)
    if step.encrypted:
        _load_key(step, run, "-n")
    run.runner.run(["zpool", "export", step.name])
    run.runner.run([*take, step.guid, step.name])
    if step.encrypted:
        _load_key(step, run)
    if step.root in there:
        run.runner.run(["zfs", "destroy", "-r", step.root])


def _load_key(step: ReusePool, run: Run, *options: str) -> None:
    passphrase = passphrase_of(run)
    run.runner.run(["zfs", "load-key", *options, step.name], input=f"{passphrase}\n", secrets=(passphrase,))


def _require_free(name: str, run: Run) -> None:
    """Raise Refused where this system has a pool of that name already: it lies on other disks."""
    if name in _imported(run):
        raise Refused(
            _("a pool named {name} is imported already, from disks that are no targets").format(name=name),
            where=_("pool {name}").format(name=name),
            hint=_("let go of it first: zpool export {name}").format(name=name),
        )


def _let_go(name: str, run: Run) -> None:
    """Export the pool of this name, where it was made or imported at all."""
    if name in _imported(run):
        run.runner.run(["zpool", "export", name])


def _imported(run: Run) -> list[str]:
    return run.runner.run(["zpool", "list", "-H", "-o", "name"]).stdout.split()


def export_pool(guid: str, run: Run) -> None:
    """Let go of the pool with this guid, whatever it is called now, where this system has it."""
    if not LOADED.is_dir():
        return
    said = run.runner.run(["zpool", "list", "-H", "-p", "-o", "guid,name"])
    for line in said.stdout.splitlines():
        found, _tab, name = line.partition("\t")
        if found == guid:
            run.runner.run(["zpool", "export", "-f", name])


def create_dataset(step: CreateDataset, run: Run) -> None:
    """See `CreateDataset`."""
    if run.again:
        run.runner.run(["zfs", "destroy", step.name], check=False)
    options = [argument for property in step.properties for argument in ("-o", property)]
    run.runner.run(["zfs", "create", "-u", *options, step.name])


def mount_dataset(step: MountDataset, run: Run) -> None:
    """See `MountDataset`. Below the target, because the pool is imported with that as its root."""
    # udev may look at the disks from here on, as with every other file system.
    run.lock.close()
    run.runner.run(["zfs", "mount", step.name])
    run.undo.callback(run.runner.run, ["umount", run.target])


def write_pool(step: WritePool, run: Run) -> None:
    """See `WritePool`."""
    run.runner.run(["zpool", "set", f"bootfs={step.root}", step.name])
    CACHE.unlink(missing_ok=True)
    # By itself, and then it is written at once. Not below the target: where it is, it is kept up to date until the
    # pool is exported, and then emptied.
    run.runner.run(["zpool", "set", f"cachefile={CACHE}", step.name])
    for source, place in ((CACHE, _NODE_CACHE), (HOST_ID, _NODE_HOST_ID)):
        inside = run.inside(place)
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, inside)
    options = " ".join(f"{name}={size}" for name, size in _cache(step.cache_limit, step.cache_floor))
    write_text(run.inside(_NODE_OPTIONS), f"# Written by Trebol; see zfs(4).\noptions zfs {options}\n")


def _cache(limit: int, floor: int) -> Iterator[tuple[str, int]]:
    """Parameters of the module, zfs(4): the floor first, or a limit below it is ignored."""
    if floor:
        yield "zfs_arc_min", floor
    yield "zfs_arc_max", limit


def _require_same(step: ReusePool, run: Run) -> None:
    """Raise Refused unless the pool is whole, and of the shape that the answers ask for."""
    where = _("pool {name}").format(name=step.name)
    health = run.runner.run(["zpool", "list", "-H", "-o", "health", step.name]).stdout.strip()
    if health != "ONLINE":
        raise Refused(
            _("is {health}: a member is damaged, or is on a disk that is no target").format(health=health),
            where=where,
            hint=_("mend it first (zpool status tells what is wrong), or name all its disks"),
        )
    said = run.runner.run(["zpool", "status", "-j", step.name], on_line=lambda line: None)
    pool = json.loads(said.stdout)["pools"][step.name]
    found = sorted(_shape(vdev) for vdev in pool["vdevs"][step.name]["vdevs"].values())
    expected = sorted((step.level, len(group)) for group in step.groups)
    if found != expected:
        what = _("is made of {found}, not of {wanted}").format(found=_words(found), wanted=_words(expected))
        raise Refused(what, where=where, hint=_(_ANEW))


def _shape(vdev: Mapping[str, Any]) -> tuple[str, int]:
    """Level and number of disks of a top-level vdev, which `zpool status` calls mirror-0."""
    if vdev["vdev_type"] == "disk":
        return "", 1
    return vdev["name"].rpartition("-")[0], len(vdev["vdevs"])


def _words(shape: list[tuple[str, int]]) -> str:
    text = _("{level} of {count}")
    return ", ".join(text.format(level=level, count=number) if level else _("a disk") for level, number in shape)


def _require_contents(step: ReusePool, run: Run) -> Set[str]:
    """The pool's file systems. Raises Refused unless those that have to be there are, and the new root has room."""
    columns = ["-r", "-t", "filesystem", "-o", "name,used,available,encryption", step.name]
    said = run.runner.run(["zfs", "list", "-H", "-p", *columns], on_line=lambda line: None)
    found = {name: values for name, *values in (line.split("\t") for line in said.stdout.splitlines())}
    where = _("pool {name}").format(name=step.name)
    if missing := [name for name in (step.root.rpartition("/")[0], step.kept) if name not in found]:
        what = _("has no {name} and no {other}") if len(missing) > 1 else _("has no {name}")
        raise Refused(what.format(name=missing[0], other=missing[-1]), where=where, hint=_(_ANEW))
    _used, available, encryption = found[step.name]
    if step.encrypted and encryption == "off":
        hint = _("take encryption.passphrase out of [disk-setup]")
        raise Refused(_("is not encrypted"), where=where, hint=hint)
    if encryption != "off" and not step.encrypted:
        raise Refused(_("is encrypted"), where=where, hint=_("add encryption.passphrase to [disk-setup]"))
    room = int(available) + (int(found[step.root][0]) if step.root in found else 0)
    if room < step.root_size:
        raise Refused(
            _("has room for {room}; the new system needs {needed}").format(
                room=show_size(room), needed=show_size(step.root_size)
            ),
            where=where,
            hint=_("make room in {name} first").format(name=step.kept),
        )
    if clones := _clones(step.root, run) if step.root in found else []:
        raise Refused(
            _("has file systems that were cloned from the old root: {names}").format(names=", ".join(clones)),
            where=where,
            hint=_("destroy them (zfs destroy), or make them stand alone (zfs promote)"),
        )
    return found.keys()


def _clones(root: str, run: Run) -> list[str]:
    """What was cloned from snapshots of a file system, and so lives by them."""
    said = run.runner.run(["zfs", "list", "-H", "-r", "-t", "snapshot", "-o", "clones", root])
    named = {name for line in said.stdout.splitlines() for name in line.split(",")}
    return sorted(named - {"", "-"})


def _require_host_id() -> None:
    """Give this system a host id, where it has none: the pool is then known as the node's, and as nobody else's."""
    if HOST_ID.is_file() and len(content := HOST_ID.read_bytes()) == _HOST_ID_SIZE and any(content):
        return
    # None of its bytes is zero: a host id of zero is none.
    HOST_ID.write_bytes(bytes(secrets.randbelow(255) + 1 for _ in range(_HOST_ID_SIZE)))


def _paths(members: list[PartitionRef], run: Run) -> dict[PartitionRef, Path]:
    """By what path the pool is to know each member: the link that stays the same, where there is one."""
    links = {member: Path(str(member)) for member in members if member.disk.startswith(LINKS)}
    if links:
        # Links of partitions are made by udev, which is kept off the disks up to here; nothing is left to do to
        # their tables, and soon the pool has a partition of each in use.
        run.lock.close()
        run.runner.run(["udevadm", "wait", "--settle", "--timeout=30", *links.values()], check=False)
    paths: dict[PartitionRef, Path] = {}
    for member in members:
        node, link = node_of(member), links.get(member)
        paths[member] = link if link is not None and link.is_symlink() and link.resolve() == node else node
    return paths
