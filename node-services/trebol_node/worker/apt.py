"""Packages: asking the mirrors, and bringing the node up to date.

Programs of apt run in a unit of their own, `trebol-apt.service`, outside of the worker's sandbox, and write into the
task's log themselves: what has begun goes on when the worker, or the task, is gone, which an upgrade of this very
package may bring about. There is one such unit at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trebol_common.errors import Refused
from trebol_common.files import write_text
from trebol_common.run import CommandFailed
from trebol_node.facts import REBOOT
from trebol_node.tasks import FOLDER, Upid
from trebol_node.tasks.inside import Interrupted, Log
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.operations import RefreshPackages, UpgradePackages

UNIT = "trebol-apt.service"

#: Types of tasks, as in Proxmox VE.
_REFRESHES, _UPGRADES = "aptupdate", "aptupgrade"

#: Nobody is there to be asked: a configuration file that somebody changed stays as it is.
ENVIRONMENT = {
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C.UTF-8",
    "UCF_FORCE_CONFFOLD": "1",
}
_KEEP = ("--force-confdef", "--force-confold")

#: What was cut short before is done first.
FINISH = ("dpkg", *_KEEP, "--configure", "-a")

#: Seconds that apt waits for another one to end, such as Debian's daily timer.
_PATIENCE = 120

_APT = ("apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={_PATIENCE}", "-o", "Dpkg::Use-Pty=0")

#: A mirror that does not answer is a failure, old lists or not.
REFRESH = (*_APT, "-o", "APT::Update::Error-Mode=any", "update")

#: A node never loses a package without somebody who looks: apt then refuses, and says which.
_CONFFILES = tuple(word for each in _KEEP for word in ("-o", f"Dpkg::Options::={each}"))
UPGRADE = (*_APT, *_CONFFILES, "--no-remove", "dist-upgrade")

#: What a machine runs with until it boots again.
_RUNNING = frozenset({"amd64-microcode", "dbus", "intel-microcode", "libc6", "systemd"})
_KERNEL = "linux-image-"

_INSTALLED = ("dpkg-query", "--show", "--showformat=${db:Status-Status}\\t${Package}:${Architecture}\\t${Version}\\n")


def refresh(operation: RefreshPackages, context: Context, who: str) -> str:
    """See `RefreshPackages`. Raises Refused while apt is at work."""
    _refuse_at_work(context)
    return str(context.start(_REFRESHES, "", who, operation))


def upgrade(operation: UpgradePackages, context: Context, who: str) -> str:
    """See `UpgradePackages`. Raises Refused while apt is at work."""
    _refuse_at_work(context)
    return str(context.start(_UPGRADES, "", who, operation))


def run_refresh(operation: RefreshPackages, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `refresh`."""
    _outside(REFRESH, machine, upid, log)


def run_upgrade(operation: UpgradePackages, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `upgrade`: what was cut short before is finished first."""
    _outside(FINISH, machine, upid, log)
    before = _installed(machine)
    try:
        _outside(UPGRADE, machine, upid, log)
    finally:
        after = _installed(machine)
        for line in changes(before, after):
            log.say(line)
        _tell_reboot(needs_reboot(before, after), machine, log)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """What became of packages, a line each; nothing changed is a line too. Versions by name and architecture."""
    if before == after:
        yield "nothing was changed"
    for name in sorted({*before, *after}):
        match before.get(name), after.get(name):
            case None, new:
                yield f"installed: {name} {new}"
            case old, None:
                yield f"removed: {name} {old}"
            case old, new if old != new:
                yield f"upgraded: {name} {old} → {new}"


def needs_reboot(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Packages whose new version counts only after a boot."""
    names = sorted({name.partition(":")[0] for name, version in after.items() if before.get(name) != version})
    return tuple(name for name in names if name in _RUNNING or name.startswith(_KERNEL))


def _tell_reboot(names: Sequence[str], machine: Machine, log: Log) -> None:
    """In the log and where Debian's tools look for it: until the next boot, /run forgets."""
    path = machine.at(REBOOT)
    if names:
        listed = path.with_name(f"{path.name}.pkgs")
        known = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
        write_text(listed, "".join(f"{name}\n" for name in dict.fromkeys((*known, *names))))
        write_text(path, "*** System restart required ***\n")
    if path.exists():
        log.say(f"a reboot is due{': ' if names else ''}{', '.join(names)}")
    else:
        log.say("no reboot is due")


def _installed(machine: Machine) -> dict[str, str]:
    lines = (line.split("\t") for line in machine.runner.run(_INSTALLED).stdout.splitlines())
    return {name: version for state, name, version in lines if state == "installed"}


def _refuse_at_work(context: Context) -> None:
    """While there is the unit, which outlives its task, and while there is the task, which has it more than once."""
    shown = context.machine.runner.run(["systemctl", "is-active", "--", UNIT], check=False).stdout.strip()
    active = shown in ("active", "activating", "deactivating", "reloading")
    if active or any(context.tasks.list(source="active", kind=kind, limit=1) for kind in (_REFRESHES, _UPGRADES)):
        raise Refused("apt is at work already", hint="wait for the end of its task")


def _outside(command: Sequence[str], machine: Machine, upid: Upid, log: Log) -> None:
    """Run a program in UNIT until its end. Raises CommandFailed; one whose task is ended is ended too."""
    log.say(" ".join(command))
    settings = (
        *(f"--setenv={name}={value}" for name, value in ENVIRONMENT.items()),
        f"--property=StandardOutput=append:{FOLDER / str(upid) / 'log'}",
        "--property=StandardError=inherit",
    )
    try:
        machine.runner.run(
            ["systemd-run", "--quiet", "--collect", "--wait", f"--unit={UNIT}", *settings, "--", *command],
            on_line=log.say,
        )
    except CommandFailed as error:
        # What was run for this, and with which settings, stands in the log.
        raise CommandFailed(f"{command[0]} {command[-1]}", error.status, error.last_lines) from None
    except Interrupted:
        machine.runner.run(["systemctl", "stop", "--no-block", "--", UNIT], check=False)
        raise
