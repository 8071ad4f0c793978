"""A node as a container: the layers of the last build booted by systemd-nspawn on a network of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.control_group import own_control_group
from tests.image.trees import latest, tree_of

from trebol_common.run import CommandRunner, spawn
from trebol_image.store import Store, default_folder

#: On the disk: memory is too small for whole systems.
OUT = Path(__file__).resolve().parents[2] / "out"

PASSWORD = "correct horse battery"
#: `openssl passwd -6 -salt trebol "correct horse battery"`
HASH = "$6$trebol$VJsm2YlNsKCFTAvDp.7I6q/2vsxkCrLBSl0JeGxjzn2jWEPFA8XBd/XKqIskEpg1RiK1quhJAeFYhRpkHEJN90"
UP_WITHIN = 180.0

NETPLAN = """\
network:
  version: 2
  ethernets:
    host0: {{}}
  bridges:
    vmbr0:
      interfaces: [host0]
      addresses: [{address}/24]
      routes: [{{to: default, via: {gateway}}}]
"""


@dataclass(frozen=True)
class ContainerNode:
    """A running node: its name, address, tree, the process id of its first process, and root's SSH key."""

    name: str
    address: str
    tree: Path
    leader: int
    key: Path

    def run(self, *command: str, check: bool = True) -> str:
        """What a command in the node says; with `check`, it has to end well."""
        inside = ("nsenter", f"--target={self.leader}", "--all", "--wdns=/", "--", *command)
        done = subprocess.run(
            inside, capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + ("" if check else done.stderr)

    def await_state(self, unit: str, state: str = "active") -> None:
        """Wait until a unit is in a state."""
        end = time.monotonic() + UP_WITHIN
        while (seen := self.run("systemctl", "is-active", unit, check=False).split()[0]) != state:
            if time.monotonic() > end:
                raise AssertionError(f"{unit} is {seen}: {self.run('systemctl', 'status', unit, check=False)}")
            time.sleep(0.2)


@dataclass(frozen=True)
class Link:
    """A node's way to others: its address, the gateway, what nspawn is told, and the interface on this machine.
    `own`: nothing else is on it, and this machine is the gateway.
    """

    address: str
    gateway: str
    option: str
    interface: str
    own: bool = False


def own_link(name: str, number: int) -> Link:
    """To this machine and nowhere else."""
    return Link(f"10.123.{number}.2", f"10.123.{number}.1", "--network-veth", f"ve-{name}", own=True)


@contextmanager
def built_node(name: str, link: Link, seed: Callable[[Path], None] | None = None) -> Iterator[ContainerNode]:
    """A node as the last build makes it, once its daemon runs; `seed` puts into its tree what an installer leaves."""
    with built_tree() as tree:
        if seed is not None:
            seed(tree)
        with container_node(tree, name, link) as running:
            running.await_state("trebold.service")
            yield running


@contextmanager
def built_tree() -> Iterator[Path]:
    """What the last build makes, for one node; it outlives its containers."""
    OUT.mkdir(exist_ok=True)
    store = Store(default_folder(), CommandRunner())
    folder = Path(tempfile.mkdtemp(prefix="test-cluster.", dir=OUT))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield tree_of(stack, [latest(store, "base"), latest(store, "appliance")], folder)


@contextmanager
def container_node(tree: Path, name: str, link: Link) -> Iterator[ContainerNode]:
    """Boot a node in this tree, in which one may have run before."""
    address = link.address
    (tree / "etc/hostname").write_text(f"{name}\n", encoding="utf-8")
    (tree / "etc/hosts").write_text(f"127.0.0.1 localhost\n{address} {name}.example.org {name}\n", encoding="utf-8")
    netplan = tree / "etc/netplan/50-trebol.yaml"
    netplan.parent.mkdir(exist_ok=True)
    netplan.write_text(NETPLAN.format(address=address, gateway=link.gateway), encoding="utf-8")
    netplan.chmod(0o600)
    shadow = tree / "etc/shadow"
    others = [line for line in shadow.read_text().splitlines() if not line.startswith("root:")]
    shadow.write_text("\n".join((f"root:{HASH}:20000:0:99999:7:::", *others, "")), encoding="utf-8")
    runner = CommandRunner()
    # As the installer does.
    runner.run(["ssh-keygen", "-A", "-f", tree])
    key = tree.parent / "id_ed25519"
    if not key.exists():
        runner.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", key])
    authorized = tree / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700, exist_ok=True)
    authorized.write_bytes(key.with_suffix(".pub").read_bytes())
    # A container of a host with control groups of version 1 cannot make any; guests' limits are for the machines of
    # tests/e2e.
    with (tree / "etc/libvirt/qemu.conf").open("a", encoding="utf-8") as settings:
        settings.write("cgroup_controllers = []\n")
    boot = (
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", f"--directory={tree}"),
        *(f"--machine={name}", link.option, "--console=pipe", "--kill-signal=SIGRTMIN+4"),
    )
    with own_control_group(name) as enter, spawn((*enter, *boot), log=tree.parent / "boot.log") as process:
        try:
            leader = _leader(process.pid)
            # Its first process is there before its network.
            await_path(Path("/sys/class/net") / link.interface)
            if link.own:
                runner.run(["ip", "address", "replace", f"{link.gateway}/24", "dev", link.interface])
            runner.run(["ip", "link", "set", link.interface, "up"])
            yield ContainerNode(name, address, tree, leader, key)
        finally:
            process.terminate()
            process.wait(timeout=60)


def await_path(path: Path) -> None:
    """Wait until something is there."""
    end = time.monotonic() + UP_WITHIN
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.1)


def _leader(nspawn: int) -> int:
    """The first process of the container."""
    children = Path(f"/proc/{nspawn}/task/{nspawn}/children")
    end = time.monotonic() + UP_WITHIN
    while time.monotonic() < end:
        for child in children.read_text().split():
            # nspawn's own helper is there too; the container's first process has a name space of processes.
            status = Path(f"/proc/{child}/status").read_text()
            spaces = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
            if spaces[-1] == "1" and len(spaces) > 2:
                return int(child)
        time.sleep(0.1)
    raise AssertionError("the container did not start")
