"""What is personal to a node, written into the unpacked target: identity, mounts, network, locale, access."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import tomli_w

from trebol_common import CLUSTER_INTENT
from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.keyboard import CACHED_KEYMAP, KEYBOARD_FILE, KEYMAPS, keyboard_file
from trebol_common.network import to_link_files, to_netplan
from trebol_installer.execute.passwords import hash_password, with_root_password
from trebol_installer.execute.state import Run, key_of
from trebol_installer.steps import (
    Mount,
    WriteAccess,
    WriteClusterIntent,
    WriteIdentity,
    WriteLocale,
    WriteMounts,
    WriteNetwork,
    WriteNodeConfiguration,
)

#: No RSA: making it takes longer than the rest of the configuration together, and every OpenSSH since 6.5 (2014)
#: speaks one of these.
HOST_KEYS = ("ed25519", "ecdsa")

#: Folders on the way to a secret are the owner's alone.
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600

_HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
"""


def write_identity(step: WriteIdentity, run: Run) -> None:
    """See `WriteIdentity`.

    With DHCP the node's own name stands in no file: libnss-myhostname resolves it to whatever address the node has,
    whereas a line with a loopback address would make cluster services listen where no other node hears them. A name
    from DHCP is set by networkd at boot, which needs `/etc/hostname` to be absent.
    """
    hostname = run.inside("/etc/hostname")
    if step.fqdn is None:
        hostname.unlink(missing_ok=True)
    else:
        write_text(hostname, step.fqdn.split(".")[0] + "\n")
    write_text(run.inside("/etc/hosts"), hosts_file(step))
    write_text(run.inside("/etc/machine-id"), uuid.uuid4().hex + "\n", mode=0o444)
    # An older copy would be what D-Bus says, another than systemd's.
    run.inside("/var/lib/dbus/machine-id").unlink(missing_ok=True)
    ssh = run.inside("/etc/ssh")
    for old in ssh.glob("ssh_host_*"):
        old.unlink()
    comment = f"root@{step.fqdn or step.fallback}"
    for kind in HOST_KEYS:
        path = ssh / f"ssh_host_{kind}_key"
        run.runner.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", path])


def hosts_file(step: WriteIdentity) -> str:
    """`/etc/hosts`: the node's own names at its static address, so that they resolve before any DNS does."""
    if step.address is None or step.fqdn is None:
        return _HOSTS
    return f"{_HOSTS}{step.address} {step.fqdn} {step.fqdn.split('.')[0]}\n"


def write_mounts(step: WriteMounts, run: Run) -> None:
    """See `WriteMounts`."""
    lines = ["# Written by Trebol; see fstab(5)."]
    for mount in step.mounts:
        identity = run.uuids.get(key_of(mount.device))
        if identity is None and mount.optional:
            continue
        if identity is None:
            raise TrebolError(_("no UUID was made for it"), where=str(mount.device))
        lines.append(fstab_line(identity, mount))
    write_text(run.inside("/etc/fstab"), "\n".join(lines) + "\n")


#: Options and fsck's turn of each kind of file system: fsck.xfs(8) and fsck.btrfs(8) do nothing at boot.
_USUAL = {
    "ext4": (("errors=remount-ro",), 1),
    "xfs": ((), 0),
    "btrfs": ((), 0),
    # A node whose ESP is damaged or gone with its disk still boots once a kernel is loaded: it must not stop here.
    # Nothing waits for this mount, so there is time for a disk that udev is slow to name.
    "vfat": (("umask=0077", "nofail", "x-systemd.device-timeout=180s"), 2),
    "swap": (("sw",), 0),
}


def fstab_line(identity: str, mount: Mount) -> str:
    """One line of fstab(5) for `mount`, whose file system has the UUID `identity`."""
    usual, turn = _USUAL[mount.kind]
    options = ",".join((*usual, *mount.options)) or "defaults"
    return f"UUID={identity} {mount.at} {mount.kind} {options} 0 {turn}"


def write_network(step: WriteNetwork, run: Run) -> None:
    """See `WriteNetwork`."""
    write_text(run.inside("/etc/netplan/50-trebol.yaml"), to_netplan(step.network), mode=PRIVATE_FILE)
    for name, text in to_link_files(step.network).items():
        write_text(run.inside(f"/etc/systemd/network/{name}"), text)


def write_locale(step: WriteLocale, run: Run) -> None:
    """Keyboard, time zone, and C.UTF-8: English messages, as logs and other people's answers have them."""
    zone = Path("/usr/share/zoneinfo") / step.timezone
    if not run.inside(str(zone)).is_file():
        raise TrebolError(_("time zone {zone} is not in the system").format(zone=step.timezone), where=str(zone))
    localtime = run.inside("/etc/localtime")
    localtime.unlink(missing_ok=True)
    localtime.symlink_to(zone)
    write_text(run.inside("/etc/locale.conf"), "LANG=C.UTF-8\n")
    write_text(run.inside(KEYBOARD_FILE), keyboard_file(step.keyboard))
    # The console loads this at boot, whatever the file above says.
    shutil.copyfile(run.inside(f"{KEYMAPS}/{step.keyboard}.kmap.gz"), run.inside(CACHED_KEYMAP))


def write_access(step: WriteAccess, run: Run) -> None:
    """See `WriteAccess`. Secrets come from the answers, and never stand in a command's arguments."""
    answers = run.answers.global_
    if answers.root_password_hashed is not None:
        hashed = answers.root_password_hashed.get_secret_value()
    else:
        assert answers.root_password is not None
        hashed = hash_password(answers.root_password.get_secret_value())
    shadow = run.inside("/etc/shadow")
    before = shadow.stat()
    write_text(shadow, with_root_password(shadow.read_text(encoding="utf-8"), hashed), mode=0o640)
    os.chown(shadow, before.st_uid, before.st_gid)
    if answers.root_ssh_keys:
        folder = run.inside("/root/.ssh")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(PRIVATE_FOLDER)
        write_text(
            folder / "authorized_keys", "".join(f"{key}\n" for key in answers.root_ssh_keys), mode=PRIVATE_FILE
        )
    if answers.subscription_key is not None:
        key = answers.subscription_key.get_secret_value()
        write_text(run.inside("/etc/trebol/subscription.key"), f"{key}\n", mode=PRIVATE_FILE)


def write_node_configuration(step: WriteNodeConfiguration, run: Run) -> None:
    """See `WriteNodeConfiguration`. Keys as in the answer file; nothing secret."""
    fqdn = run.answers.global_.fqdn
    members = {
        "fqdn": fqdn if isinstance(fqdn, str) else "from-dhcp",
        "mailto": step.mailto,
        "country": step.country,
    }
    if not isinstance(fqdn, str) and fqdn.domain:
        members["domain"] = fqdn.domain
    text = "# Written by Trebol when this node was installed.\n" + tomli_w.dumps(members)
    write_text(run.inside("/etc/trebol/node.toml"), text)


def write_cluster_intent(step: WriteClusterIntent, run: Run) -> None:
    """See `WriteClusterIntent`. For root alone, because of the token; keys as in the answer file."""
    token = run.answers.cluster.token
    wanted = {
        "mode": step.mode.value,
        "name": step.name,
        "peer": step.peer,
        "token": token.get_secret_value() if token else None,
        "nodes": list(step.nodes) or None,
        "force": list(step.force) or None,
    }
    members = {"cluster": {key: value for key, value in wanted.items() if value is not None}}
    path = run.inside(CLUSTER_INTENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(PRIVATE_FOLDER)
    text = "# Written by Trebol when this node was installed, for its first boot.\n" + tomli_w.dumps(members)
    write_text(path, text, mode=PRIVATE_FILE)
