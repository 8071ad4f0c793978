"""What is personal to a node, written into a made-up target."""

from __future__ import annotations

import json
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.answer_files import DHCP, SSH_KEY, answers, made_machine, manifest

from trebol_common import CLUSTER_INTENT
from trebol_common.answer_slot import pack
from trebol_common.answers import Answers
from trebol_common.answers.model import Cluster, Keyboard
from trebol_common.errors import BadInput, TrebolError
from trebol_common.events import Context, Event
from trebol_common.first_boot import EXECUTABLE, PENDING, TO_DO, Stage, Task, ToDo, read_to_do
from trebol_common.keyboard import CACHED_KEYMAP, KEYMAPS, XKB, keyboard_file
from trebol_common.medium import SLOT
from trebol_common.network import HostNetwork, Link
from trebol_common.run import ScriptedRunner
from trebol_installer.execute import configure, first_boot
from trebol_installer.execute.passwords import hash_password, with_root_password
from trebol_installer.execute.state import Run
from trebol_installer.plan import plan
from trebol_installer.report import EVENTS, LOG, logging_to, write_report
from trebol_installer.steps import (
    GetExecutable,
    Mount,
    PartitionRef,
    WriteAccess,
    WriteClusterIntent,
    WriteFirstBoot,
    WriteIdentity,
    WriteLocale,
    WriteMounts,
    WriteNetwork,
    WriteNodeConfiguration,
    WriteReport,
)

SHADOW = "root:*:20370:0:99999:7:::\ndaemon:*:20370:0:99999:7:::\n"


@dataclass
class Target:
    """A target under a temporary folder, and the run that configures it."""

    run: Run
    runner: ScriptedRunner
    events: list[Event] = field(default_factory=list)

    def text(self, path: str) -> str:
        return self.run.inside(path).read_text()

    def mode(self, path: str) -> int:
        return stat.S_IMODE(self.run.inside(path).stat().st_mode)


def make_target(folder: Path, wanted: Answers) -> Target:
    runner = ScriptedRunner()
    events: list[Event] = []
    machine = made_machine()
    run = Run(
        plan=plan(machine, wanted, manifest()),
        answers=wanted,
        machine=machine,
        manifest=manifest(),
        medium=folder / "medium",
        runner=runner,
        context=Context(events.append),
        target=folder / "target",
        logs=folder / "logs",
    )
    for name in ("etc/ssh", "etc/default", "var/lib/dbus", "usr/share/zoneinfo/Europe", "root"):
        run.inside(name).mkdir(parents=True)
    run.inside("/etc/shadow").write_text(SHADOW)
    run.inside("/etc/hostname").write_text("image\n")
    run.inside("/usr/share/zoneinfo/Europe/Madrid").write_text("TZif")
    run.inside("/etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
    run.inside("/etc/default/keyboard").write_text(keyboard_file(Keyboard.EN_US))
    return Target(run, runner, events)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return make_target(tmp_path, answers())


STATIC = WriteIdentity("node1.example.org", "node1", "192.0.2.10")


def expect_host_keys(target: Target, comment: str) -> None:
    for kind in ("ed25519", "ecdsa"):
        path = target.run.inside(f"/etc/ssh/ssh_host_{kind}_key")
        target.runner.expect("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(path))


def test_a_node_has_its_own_name_id_and_keys(target: Target) -> None:
    for name in ("ssh_host_rsa_key", "ssh_host_rsa_key.pub"):
        target.run.inside(f"/etc/ssh/{name}").write_text("the image's")
    expect_host_keys(target, "root@node1.example.org")

    configure.write_identity(STATIC, target.run)

    assert target.text("/etc/hostname") == "node1\n"
    identity = target.text("/etc/machine-id").strip()
    assert len(identity) == 32 and int(identity, 16) >= 0
    assert not list(target.run.inside("/etc/ssh").glob("*rsa*")), "no key of the image is left"


def test_two_nodes_have_two_machine_ids(target: Target) -> None:
    seen = set()
    for _ in range(2):
        expect_host_keys(target, "root@node1.example.org")
        configure.write_identity(STATIC, target.run)
        seen.add(target.text("/etc/machine-id"))

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (STATIC, "192.0.2.10 node1.example.org node1"),
        (WriteIdentity("node1.example.org", "node1", None), None),
        (WriteIdentity(None, "trebol-123456", None), None),
    ],
)
def test_the_nodes_name_never_means_loopback(step: WriteIdentity, line: str | None) -> None:
    lines = configure.hosts_file(step).splitlines()

    assert lines[0] == "127.0.0.1 localhost"
    assert not [each for each in lines if each.startswith("127.0.1.1")]
    assert ("node1" in lines[-1]) == (line is not None)
    if line:
        assert lines[-1] == line


def test_a_name_from_dhcp_needs_an_absent_hostname(target: Target) -> None:
    expect_host_keys(target, "root@trebol-123456")

    configure.write_identity(WriteIdentity(None, "trebol-123456", None), target.run)

    assert not target.run.inside("/etc/hostname").exists()


def test_the_file_system_table_names_uuids(target: Target) -> None:
    esp = PartitionRef("/dev/disk/by-id/x", 2)
    target.run.uuids.update({"/dev/trebol/root": "r-1", str(esp): "AB12-CD34", "/dev/trebol/swap": "s-1"})

    step = WriteMounts(
        (
            Mount("/dev/trebol/root", "/", "ext4"),
            Mount(esp, "/boot/efi", "vfat"),
            Mount("/dev/trebol/swap", "none", "swap"),
            Mount("/dev/trebol/root", "/x", "xfs"),
            Mount("/dev/trebol/root", "/b", "btrfs", ("subvol=data", "compress=zstd")),
        )
    )
    configure.write_mounts(step, target.run)

    assert target.text("/etc/fstab").splitlines()[1:] == [
        "UUID=r-1 / ext4 errors=remount-ro 0 1",
        "UUID=AB12-CD34 /boot/efi vfat umask=0077,nofail,x-systemd.device-timeout=180s 0 2",
        "UUID=s-1 none swap sw 0 0",
        "UUID=r-1 /x xfs defaults 0 0",
        "UUID=r-1 /b btrfs subvol=data,compress=zstd 0 0",
    ]


def test_the_network_is_the_owners_alone_to_read(target: Target) -> None:
    network = HostNetwork((), (), (Link("nic0", "52:54:00:12:34:56"),))

    configure.write_network(WriteNetwork(network), target.run)

    assert target.mode("/etc/netplan/50-trebol.yaml") == 0o600
    assert "Name=nic0" in target.text("/etc/systemd/network/10-trebol-nic0.link")
    assert target.mode("/etc/systemd/network/10-trebol-nic0.link") == 0o644


def test_the_console_gets_the_keymap_that_was_compiled_with_the_image(target: Target) -> None:
    keymap = target.run.inside(f"{KEYMAPS}/es.kmap.gz")
    keymap.parent.mkdir(parents=True)
    keymap.write_text("es")
    target.run.inside("/etc/console-setup").mkdir()

    configure.write_locale(WriteLocale(Keyboard.ES, "Europe/Madrid"), target.run)

    assert 'XKBLAYOUT="es"' in target.text("/etc/default/keyboard")
    assert target.text(f"/{CACHED_KEYMAP}") == "es"
    assert str(target.run.inside("/etc/localtime").readlink()) == "/usr/share/zoneinfo/Europe/Madrid"
    assert target.text("/etc/locale.conf") == "LANG=C.UTF-8\n"
    assert target.runner.seen == []


def test_a_time_zone_that_the_system_lacks_is_told(target: Target) -> None:
    with pytest.raises(TrebolError, match="time zone Europe/Paris is not in the system"):
        configure.write_locale(WriteLocale(Keyboard.EN_US, "Europe/Paris"), target.run)


def test_every_keyboard_of_the_answer_file_has_a_layout() -> None:
    assert set(XKB) == set(Keyboard)


def test_root_gets_a_hash_of_the_password_and_the_keys(target: Target) -> None:
    configure.write_access(WriteAccess(1, False), target.run)

    root, daemon = target.text("/etc/shadow").splitlines()
    assert root.startswith("root:$y$") and "correct horse" not in root
    assert daemon == SHADOW.splitlines()[1]
    assert target.mode("/etc/shadow") == 0o640
    assert target.text("/root/.ssh/authorized_keys") == f"{SSH_KEY}\n"
    assert target.mode("/root/.ssh/authorized_keys") == 0o600
    assert target.mode("/root/.ssh") == 0o700
    assert target.runner.seen == [], "no program sees the password"


def test_a_hash_is_taken_as_it_is_and_the_subscription_key_kept_private(tmp_path: Path) -> None:
    hashed = "$6$salt$hash"
    wanted = answers(
        ("global.root-password", None),
        ("global.root-password-hashed", hashed),
        ("global.subscription-key", "pve-1234"),
    )
    target = make_target(tmp_path, wanted)

    configure.write_access(WriteAccess(1, True), target.run)

    assert target.text("/etc/shadow").startswith(f"root:{hashed}:")
    assert target.text("/etc/trebol/subscription.key") == "pve-1234\n"
    assert target.mode("/etc/trebol/subscription.key") == 0o600


def test_a_password_hash_is_yescrypt_with_its_own_salt() -> None:
    first, second = hash_password("pässword ñ"), hash_password("pässword ñ")

    assert first.startswith("$y$") and len(first) > 60
    assert first != second


def test_the_day_of_the_change_is_written_and_the_rest_stays() -> None:
    assert with_root_password(SHADOW, "HASH", now=86400 * 20000 + 5).startswith("root:HASH:20000:0:99999:7:::\n")


def test_a_shadow_file_without_root_is_told() -> None:
    with pytest.raises(TrebolError, match="no line for root"):
        with_root_password("daemon:*:1:::::\n", "x")


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ((), {"fqdn": "node1.example.org"}),
        (
            (*DHCP, ("global.fqdn", {"source": "from-dhcp", "domain": "example.org"})),
            {"fqdn": "from-dhcp", "domain": "example.org"},
        ),
    ],
)
def test_trebol_keeps_what_it_needs_later(
    tmp_path: Path, changes: tuple[tuple[str, object], ...], kept: dict[str, str]
) -> None:
    target = make_target(tmp_path, answers(*changes))

    configure.write_node_configuration(WriteNodeConfiguration("admin@example.org", "es"), target.run)

    assert tomllib.loads(target.text("/etc/trebol/node.toml")) == {
        **kept,
        "mailto": "admin@example.org",
        "country": "es",
    }


TOKEN = "hunter2-9f2c4e81b7d3605a1c88"


@pytest.mark.parametrize(
    "wanted",
    [
        {"mode": "create", "name": "clover"},
        {"mode": "join", "peer": "192.0.2.11", "token": "hunter2-9f2c4e81b7d3605a1c88"},
    ],
    ids=["create", "join"],
)
def test_what_is_wanted_of_a_cluster_is_left_for_the_first_boot(tmp_path: Path, wanted: dict[str, str]) -> None:
    said = answers(("cluster", wanted))
    target = make_target(tmp_path, said)
    steps = [step for step in target.run.plan.steps if isinstance(step, WriteClusterIntent)]

    for _ in range(2):
        configure.write_cluster_intent(steps[0], target.run)

    assert tomllib.loads(target.text(CLUSTER_INTENT)) == {"cluster": wanted}
    assert Cluster.model_validate(tomllib.loads(target.text(CLUSTER_INTENT))["cluster"]) == said.cluster
    assert target.mode(CLUSTER_INTENT) == 0o600
    assert [step.to_do for step in target.run.plan.steps if isinstance(step, WriteFirstBoot)] == [ToDo(cluster=True)]
    assert target.mode(str(Path(CLUSTER_INTENT).parent)) == 0o700


SCRIPT = b"#!/bin/sh\necho hello\n"


def seeded(folder: Path, wanted: Answers, executable: bytes | None) -> Target:
    target = make_target(folder, wanted)
    (target.run.medium / SLOT).parent.mkdir(parents=True)
    (target.run.medium / SLOT).write_bytes(pack(b"[global]\n", executable))
    return target


def perform_first_boot(target: Target) -> None:
    for step in target.run.plan.steps:
        if isinstance(step, GetExecutable):
            first_boot.get_executable(step, target.run)
        elif isinstance(step, WriteFirstBoot):
            first_boot.write_first_boot(step, target.run)


def test_what_the_first_boot_does_is_left_on_the_node(tmp_path: Path) -> None:
    table = {"source": "from-iso", "ordering": "before-network", "updates": True, "time-servers": ["ntp1"]}
    wanted = answers(("first-boot", table), ("cluster", {"mode": "create", "name": "clover"}))
    target = seeded(tmp_path, wanted, SCRIPT)

    for _ in range(2):
        perform_first_boot(target)

    left = read_to_do(target.run.target)
    assert left == ToDo(Stage.BEFORE_NETWORK, time_servers=("ntp1",), updates=True, cluster=True)
    assert left.tasks == (Task.EXECUTABLE, Task.TIME_SERVERS, Task.UPDATES, Task.CLUSTER)
    assert target.run.inside(EXECUTABLE).read_bytes() == SCRIPT
    modes = {path: target.mode(path) for path in (str(Path(TO_DO).parent), TO_DO, EXECUTABLE, PENDING)}
    assert list(modes.values()) == [0o700, 0o600, 0o700, 0o600]
    enabled = target.run.inside("/etc/systemd/system/multi-user.target.wants")
    assert {str(link.readlink()) for link in enabled.iterdir()} == {
        "/usr/lib/systemd/system/trebol-firstboot-before-network.service",
        "/usr/lib/systemd/system/trebol-firstboot-fully-up.service",
    }


@pytest.mark.parametrize(
    ("executable", "told"),
    [(None, "the medium holds no executable"), (b"<html>", "is neither a script nor a program")],
    ids=["none", "a page"],
)
def test_an_executable_that_is_none_stops_the_installation(
    tmp_path: Path, executable: bytes | None, told: str
) -> None:
    target = seeded(tmp_path, answers(("first-boot", {"source": "from-iso"})), executable)

    with pytest.raises(BadInput, match=told):
        perform_first_boot(target)


def test_a_node_that_has_nothing_to_do_by_itself_is_left_nothing(tmp_path: Path) -> None:
    target = make_target(tmp_path, answers())
    perform_first_boot(target)

    assert read_to_do(target.run.target) is None


def test_the_report_tells_everything_but_secrets(tmp_path: Path) -> None:
    wanted = answers(
        ("global.root-password", "hunter2-hunter2"),
        ("global.subscription-key", "hunter2-key"),
        ("cluster", {"mode": "join", "peer": "node2", "token": "hunter2-9f2c4e81b7d3605a1c88"}),
    )
    target = make_target(tmp_path, wanted)
    with logging_to(target.run.logs) as sink, Context(sink).child("install", "Install Trebol") as context:
        context.log("$ wipefs --all /dev/vda")

    target.runner.expect("sync", "--file-system", str(target.run.target))
    write_report(WriteReport(), target.run)

    folder = target.run.inside("/var/log/trebol")
    assert {path.name for path in folder.iterdir()} == {
        "answers.toml",
        "events.jsonl",
        "hardware.json",
        "hardware.txt",
        "install.log",
        "machine.json",
        "plan.json",
        "plan.txt",
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "hunter2" not in path.read_text()
    assert "wipefs --all /dev/vda" in (folder / LOG).read_text()
    assert '"kind": "finish"' in (folder / EVENTS).read_text()
    hardware = json.loads(target.text("/var/log/trebol/hardware.json"))
    assert hardware["role"] == "node"
    assert [found["code"] for found in hardware["findings"]] == [found.code for found in target.run.plan.findings]
    assert f"{len(hardware['findings'])} checks:" in target.text("/var/log/trebol/hardware.txt")
    marker = json.loads(target.text("/var/lib/trebol/installed.json"))
    assert marker["layers"] == {"base": "0" * 64, "appliance": "0" * 64}
    assert marker["medium"] == "5c06"
