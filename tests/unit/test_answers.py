"""What the user is told about an answer file: every problem at once, each naming file and key, no secret in any."""

from __future__ import annotations

import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.answer_files import DHCP, SSH_KEY, STATIC, answers, changed

from trebol_common.answers import load_answers, parse_answers
from trebol_common.answers.model import (
    BondAnswers,
    BtrfsOptions,
    BtrfsRaid,
    Checks,
    ClusterMode,
    DiskSetup,
    Encryption,
    FqdnFromDhcp,
    Global,
    InterfaceNamePinning,
    Ipv6Answers,
    Keyboard,
    LvmSizes,
    Network,
    NetworkSource,
    RebootMode,
    ZfsChecksum,
    ZfsCompress,
    ZfsOptions,
    ZfsRaid,
)
from trebol_common.answers.parse import MAXIMUM_SIZE, dump_answers
from trebol_common.errors import BadInput
from trebol_installer.select import setup_problems


def problem(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        parse_answers(text, where="a.toml")
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_a_static_file_is_understood_whole() -> None:
    read = parse_answers(STATIC)

    assert read.global_.fqdn == "node1.example.org"
    assert read.global_.keyboard is Keyboard.ES
    assert read.global_.reboot_mode is RebootMode.REBOOT
    assert read.global_.root_ssh_keys == (SSH_KEY,)
    assert str(read.network.cidr) == "192.0.2.10/24"
    assert read.disk_setup.disk_list == ("vda",)


def test_a_dhcp_file_may_leave_the_name_to_the_server() -> None:
    read = answers(*DHCP, ("global.fqdn", {"source": "from-dhcp", "domain": "Example.ORG"}))

    assert read.network.source is NetworkSource.DHCP
    assert read.global_.fqdn == FqdnFromDhcp(source="from-dhcp", domain="example.org")


def test_snake_case_keys_are_the_same_keys() -> None:
    text = STATIC.replace("root-password", "root_password").replace("disk-list", "disk_list")

    assert parse_answers(text.replace("[disk-setup]", "[disk_setup]")) == parse_answers(STATIC)


SECRET = "hunter2-9f2c4e81b7d3605a1c88"
AGREED = {"mode": "create", "name": "clover", "token": SECRET}

WRONG: list[tuple[str, Any, str]] = [
    ("global.contry", "es", "a.toml: global.contry: unknown key\n  → did you mean country?"),
    ("global.country", "spain", "a.toml: global.country: 'spain' is not a country's two letters such as es"),
    ("global", "node1", "a.toml: global: 'node1': must be a table"),
    ("global.mailto", 7, "a.toml: global.mailto: 7: must be text in quotes"),
    ("global.root-ssh-keys", SSH_KEY, "a.toml: global.root-ssh-keys: must be a list"),
    ("global.reboot-on-error", 1, "a.toml: global.reboot-on-error: 1: must be true or false"),
    ("network.dns", 1, "a.toml: network.dns: must be text in quotes"),
    ("network.dns", True, "a.toml: network.dns: must be text in quotes"),
    ("network.cidr", 3221225994, "a.toml: network.cidr: must be text in quotes"),
    ("network.filter", "enx*", "a.toml: network.filter: 'enx*': must be a table"),
    ("network.interface-name-pinning.enabled", "yes", "enabled: 'yes': must be true or false"),
    ("disk-setup.lvm.hdsize", True, "a.toml: disk-setup.lvm.hdsize: true: must be a number"),
    ("disk-setup.lvm.hdsize", "40", "a.toml: disk-setup.lvm.hdsize: '40': must be a number"),
    ("global.country", None, "a.toml: global.country: missing\n"),
    ("global.fqdn", "node1", "a.toml: global.fqdn: 'node1' is not a fully qualified domain name"),
    ("global.fqdn", "123.example.org", "a.toml: global.fqdn: '123.example.org' has a host name made of digits only"),
    ("global.fqdn", "localhost.example.org", "'localhost.example.org' has the host name of every machine's loopback"),
    ("global.fqdn", {"source": "from-moon"}, "a.toml: global.fqdn.source: 'from-moon' is not one of 'from-dhcp'"),
    ("global.fqdn", {"domain": "example.org"}, "a.toml: global.fqdn.source: missing"),
    ("global.fqdn", 7, "a.toml: global.fqdn: 7: "),
    ("global.keyboard", "xx", "a.toml: global.keyboard: 'xx' is not one of 'de', 'de-ch', "),
    ("global.mailto", "admin", "a.toml: global.mailto: 'admin' is not a mail address"),
    ("global.timezone", "Europe/Sol", "a.toml: global.timezone: 'Europe/Sol' is not a time zone"),
    ("global.timezone", "../etc/passwd", "is not a time zone"),
    ("global.timezone", "Europe", "is not a time zone"),
    ("global.root-password", "short", "a.toml: global.root-password: must have 8 to 64 characters"),
    ("global.root-password", None, "a.toml: global: needs either root-password or root-password-hashed"),
    ("global.root-password-hashed", "$y$j9T$abc$def", "a.toml: global: needs either root-password or"),
    ("global.root-ssh-keys", ["hello"], "a.toml: global.root-ssh-keys.0: is not an SSH public key"),
    ("global.root-ssh-keys", ["ssh-rsa AAAA*"], "whose base64 part is damaged"),
    ("global.root-ssh-keys", [SSH_KEY.replace("ssh-ed25519", "ssh-rsa")], "says ssh-rsa but holds another type"),
    ("global.fqdn", "node1.example.org\n", "is not a fully qualified domain name"),
    ("global.fqdn", "\u017ferver.example.org", "is not a fully qualified domain name"),
    ("global.mailto", "admin@example.org\n", "is not a mail address"),
    ("global.mailto", "admin\x1b[2J@example.org", "is not a mail address"),
    ("global.root-ssh-keys", [f"{SSH_KEY}\x1b[2J"], "is not an SSH public key"),
    ("global.keyboard", "x" * 100_000, f"'{'x' * 64}'… is not one of 'de', "),
    ("global.reboot-mode", "sleep", "a.toml: global.reboot-mode: 'sleep' is not one of 'reboot' or 'power-off'"),
    ("global.reboot-on-error", "perhaps", "a.toml: global.reboot-on-error: 'perhaps': "),
    ("network.source", "magic", "a.toml: network.source: 'magic' is not one of 'from-dhcp' or 'from-answer'"),
    ("network.cidr", "192.0.2.10", "a.toml: network.cidr: '192.0.2.10' needs the prefix length, such as"),
    ("network.cidr", "192.0.2.0/24", "a.toml: network: cidr 192.0.2.0/24 is the address of the network itself"),
    ("network.cidr", "192.0.2.255/24", "a.toml: network: cidr 192.0.2.255/24 is the broadcast address"),
    ("network.cidr", "192.0.2.999/24", "a.toml: network.cidr: '192.0.2.999/24' is not an address with its prefix"),
    ("network.cidr", "fe80::1%x\ny/64", "is not an address with its prefix"),
    ("network.dns", "2001:db8::1%x y", "a.toml: network.dns: '2001:db8::1%x y' is not an IP address"),
    ("network.dns", "dns.example.org", "a.toml: network.dns: 'dns.example.org' is not an IP address"),
    ("cluster.mode", "alone", "a.toml: cluster.mode: 'alone' is not one of 'stand-alone', 'create' or 'join'"),
    ("cluster.members", 3, "a.toml: cluster.members: unknown key"),
    ("cluster.nodes", 3, "a.toml: cluster.nodes: "),
    ("cluster.name", "clover", 'a.toml: cluster: name: only with mode = "create"'),
    ("cluster", {"mode": "create"}, 'a.toml: cluster: mode = "create" also needs name'),
    ("cluster", {"mode": "create", "name": "a" * 16}, f"a.toml: cluster.name: '{'a' * 16}' is not a cluster's name"),
    ("cluster", {"mode": "create", "name": "-a"}, "is not a cluster's name such as clover-1: letters, digits and -"),
    ("cluster", {"mode": "create", "name": "a_b"}, "is not a cluster's name"),
    ("cluster", {"mode": "create", "name": "clover\n"}, "is not a cluster's name"),
    (
        "cluster",
        {"mode": "create", "name": "clover", "token": "t"},
        "cluster.token: has 1 characters",
    ),
    ("cluster", {"mode": "create", "name": "clover", "token": "trebol1-AbC"}, "token: is one that a cluster printed"),
    ("cluster", {"mode": "create", "name": "clover", "nodes": ["node2"]}, "a.toml: cluster: nodes: only with token"),
    ("cluster", {**AGREED, "nodes": ["node2", "NODE2"]}, "a.toml: cluster: nodes: names one twice"),
    (
        "cluster",
        {**AGREED, "nodes": ["node2", "node1"]},
        "a.toml: cluster.nodes: node1 is this node itself",
    ),
    ("cluster", {**AGREED, "nodes": ["node2.example.org"]}, "is not the host name of a node, without its domain"),
    ("cluster", {**AGREED, "nodes": ["22"]}, "is not the host name of a node, without its domain"),
    ("cluster.token", "trebol1-AbC", 'a.toml: cluster: token: only with mode = "create" / "join"'),
    ("cluster", {"mode": "join", "peer": "node2", "nodes": ["node3"]}, 'cluster: nodes: only with mode = "create"'),
    (
        "cluster",
        {"mode": "join", "peer": "node2", "token": "abc" * 9},
        "cluster.token: has only 3 different",
    ),
    (
        "cluster",
        {"mode": "join", "name": "clover"},
        'cluster: name: only with mode = "create"; mode = "join" also needs peer',
    ),
    ("cluster", {"mode": "join", "peer": "node_2"}, "a.toml: cluster.peer: is not the address or name of a machine"),
    ("cluster", {"mode": "join", "peer": "192.0.2.300"}, "cluster.peer: is not the address or name of a machine"),
    ("cluster", {"mode": "join", "peer": "fe80::1%a\nb"}, "is not the address or name of a machine"),
    ("cluster", {"mode": "join", "peer": "https://node2:8006"}, "is not the address or name of a machine"),
    ("cluster", {"mode": "join", "peer": "127.0.0.1"}, "cluster.peer: is no address that another machine can have"),
    ("cluster", {"mode": "join", "peer": "localhost"}, "cluster.peer: has the host name of every machine's loopback"),
    ("cluster", {"mode": "join", "peer": "192.0.2.10"}, "a.toml: cluster.peer: is this node itself\n  → give the"),
    ("cluster", {"mode": "join", "peer": "Node1"}, "a.toml: cluster.peer: is this node itself"),
    ("cluster", {"mode": "join", "peer": "node2", "token": ""}, "a.toml: cluster.token: is not a join token"),
    ("cluster", {"mode": "join", "peer": "node2", "token": "two words"}, "cluster.token: is not a join token"),
    ("network.gateway", "198.51.100.1", "a.toml: network: gateway 198.51.100.1 is not in 192.0.2.0/24"),
    ("network.gateway", "192.0.2.10", "a.toml: network: gateway is the node's own address"),
    ("network.gateway", "2001:db8::1", "a.toml: network: gateway and cidr are of different IP versions"),
    ("network.gateway", None, 'a.toml: network: source = "from-answer" also needs gateway'),
    ("network.gateway", "192.0.2.0", "a.toml: network: gateway 192.0.2.0 is the address of the network itself"),
    ("network.gateway", "192.0.2.255", "a.toml: network: gateway 192.0.2.255 is the broadcast address"),
    ("network.dns", "224.0.0.1", "a.toml: network: dns 224.0.0.1 is no address that a server can have"),
    ("network.dns", "0.0.0.0", "a.toml: network: dns 0.0.0.0 is no address that a server can have"),
    ("network.filter", {}, "a.toml: network.filter: is empty"),
    ("network.interface-name-pinning.mapping", {"52:54": "lan0"}, "'52:54' is not a MAC address"),
    ("network.interface-name-pinning.mapping", {"52:54:00:12:34:56": "0lan"}, "'0lan' is not an interface name"),
    (
        "network.interface-name-pinning.mapping",
        {"52:54:00:12:34:56": "lan", "52:54:00:12:34:57": "lan"},
        "gives one name to two MAC addresses",
    ),
    (
        "network.interface-name-pinning.mapping",
        {"52:54:00:12:34:AB": "lan0", "52-54-00-12-34-ab": "lan1"},
        "names a MAC address twice",
    ),
    ("disk-setup.filesystem", "fat", "a.toml: disk-setup.filesystem: 'fat' is not one of 'ext4', 'xfs', "),
    ("disk-setup.filesystem", "zfs", 'filesystem = "zfs" needs zfs.raid; for a single disk, zfs.raid = "raid0"'),
    ("disk-setup.zfs", {"raid": "raid1"}, 'disk-setup: zfs: not with filesystem = "ext4", which takes lvm only'),
    ("disk-setup.btrfs", {"raid": "raid1"}, 'disk-setup: btrfs: not with filesystem = "ext4", which takes lvm only'),
    ("disk-setup.btrfs", {"compress": "on"}, "a.toml: disk-setup.btrfs.raid: missing"),
    ("disk-setup.btrfs", {"raid": "raid5"}, "'raid5' is not one of 'raid0', 'raid1' or 'raid10'"),
    ("disk-setup.btrfs", {"raid": "raid1", "swapsize": 1}, "a.toml: disk-setup.btrfs.swapsize: unknown key"),
    ("disk-setup.btrfs", {"raid": "raid1", "compress": "lz4"}, "btrfs.compress: 'lz4' is not one of 'on', 'off', "),
    ("disk-setup.btrfs", {"raid": "raid1", "hdsize": "1T"}, "disk-setup.btrfs.hdsize: '1T': must be a number"),
    (
        "disk-setup.filesystem",
        "btrfs",
        'filesystem = "btrfs" needs btrfs.raid; for a single disk, btrfs.raid = "raid0"',
    ),
    ("disk-setup.lvm.raid", "raid5", "a.toml: disk-setup.lvm.raid: 'raid5' is not one of 'raid1' or 'raid10'"),
    ("disk-setup.keep", ["root"], "a.toml: disk-setup.keep.0: 'root' is not one of 'data'"),
    (
        "disk-setup",
        {
            "filesystem": "zfs",
            "zfs": {"raid": "raid0"},
            "disk-list": ["vda"],
            "encryption": {"passphrase": "long enough", "tpm2": True},
        },
        "a.toml: disk-setup.encryption: tpm2 with zfs is not served yet",
    ),
    ("disk-setup.encryption", {"tpm2": True}, "a.toml: disk-setup.encryption: needs a passphrase, with tpm2 too"),
    ("disk-setup.encryption", {"passphrase": "hunter2"}, "encryption.passphrase: must have at least 8 characters"),
    ("disk-setup.encryption", {"passphrase": "hunter2 " * 65}, "encryption.passphrase: must have at least 8"),
    (
        "disk-setup.encryption",
        {"passphrase": "hunter2\nhunter2"},
        "encryption.passphrase: must be of letters without",
    ),
    ("disk-setup.encryption", {"passphrase": "contraseña"}, "encryption.passphrase: must be of letters without"),
    ("disk-setup.encryption", {"passphrase": "long enough", "tpm2": "yes"}, "tpm2: must be true or false"),
    ("disk-setup.disk-list", ["vda", "vda"], "a.toml: disk-setup: disk-list names a disk twice"),
    ("disk-setup.disk-list", [" "], "a.toml: disk-setup: disk-list has a name that is empty"),
    ("disk-setup.disk-list", None, "a.toml: disk-setup: needs either disk-list or filter, and not both"),
    ("disk-setup.filter", {"ID_SERIAL": "*"}, "a.toml: disk-setup: needs either disk-list or filter, and not both"),
    ("disk-setup.wipe", "yes", "a.toml: disk-setup.wipe: 'yes' is not one of 'confirmed'"),
    ("disk-setup.lvm.hdsize", -1, "a.toml: disk-setup.lvm.hdsize: -1: "),
    ("disk-setup.lvm.hdsize", 1e308, "a.toml: disk-setup.lvm.hdsize: 1e+308: "),
    (
        "global.fqdn",
        {"source": "from-dhcp", "domian": "example.org"},
        "a.toml: global.fqdn.domian: unknown key\n  → did you mean domain?",
    ),
    ("disk-setup.lvm.hdsiz", 1, "a.toml: disk-setup.lvm.hdsiz: unknown key\n  → did you mean hdsize?"),
    ("first-boot", {}, "a.toml: first-boot: asks for nothing"),
    ("first-boot", {"source": "from-usb"}, "first-boot.source: 'from-usb' is not one of 'from-iso' or 'from-url'"),
    ("first-boot", {"source": "from-url"}, 'first-boot: source = "from-url" also needs url'),
    (
        "first-boot",
        {"source": "from-iso", "url": "https://x"},
        'a.toml: first-boot: url: only with source = "from-url"',
    ),
    ("first-boot", {"ordering": "fully-up", "updates": True}, "a.toml: first-boot: ordering: only with source"),
    (
        "first-boot",
        {"source": "from-url", "url": "http://x/f", "cert-fingerprint": "ab" * 32},
        "a.toml: first-boot: cert-fingerprint needs an https:// URL",
    ),
    ("first-boot", {"source": "from-url", "url": "ftp://hunter2@x"}, "first-boot.url: is not an http(s) URL"),
    ("first-boot", {"source": "from-url", "url": "https://[hunter2"}, "first-boot.url: is not an http(s) URL"),
    (
        "first-boot",
        {"source": "from-url", "url": "https://x", "cert-fingerprint": "AA:BB"},
        "first-boot.cert-fingerprint: 'AA:BB' is not the SHA-256 fingerprint of a certificate",
    ),
    ("first-boot", {"time-servers": ["ntp 1"]}, "'ntp 1' is not the address or name of a machine"),
    ("post-installation-webhook", {}, "a.toml: post-installation-webhook.url: missing"),
    ("post-installation-webhook", {"url": "hunter2"}, "webhook.url: is not an http(s) URL"),
    (
        "post-installation-webhook",
        {"url": "http://x", "cert-fingerprint": "ab" * 32},
        "a.toml: post-installation-webhook: cert-fingerprint needs an https:// URL",
    ),
    ("netwrok", {"source": "from-dhcp"}, "a.toml: netwrok: unknown key\n  → did you mean network?"),
]


@pytest.mark.parametrize(("key", "value", "told"), WRONG, ids=[f"{key}={value}" for key, value, _ in WRONG])
def test_a_wrong_key_is_named_with_what_is_wrong(key: str, value: object, told: str) -> None:
    text = problem(changed((key, value)))

    assert told in text
    assert "Value error" not in text
    assert "function-" not in text and "FqdnFromDhcp" not in text
    assert text.count("a.toml") == 1, "one wrong key is one problem"


FIRST_BOOTS: list[dict[str, Any]] = [
    {"source": "from-iso", "ordering": "before-network"},
    {"source": "from-iso"},
    {"time-servers": ["ntp1.example.org", "192.0.2.7"], "updates": True, "reboot": True},
]


@pytest.mark.parametrize("table", FIRST_BOOTS, ids=str)
def test_what_the_first_boot_is_to_do_is_understood_and_said_again(table: dict[str, Any]) -> None:
    assert tomllib.loads(dump_answers(answers(("first-boot", table))))["first-boot"] == table


def test_the_url_of_the_first_boot_is_a_secret() -> None:
    table = {"source": "from-url", "url": "https://x/f?token=hunter2", "cert-fingerprint": ":".join(["AB"] * 32)}
    read = answers(("first-boot", table))

    assert "hunter2" not in repr(read) + dump_answers(read)
    assert "# first-boot.url: not kept" in dump_answers(read)
    assert read.first_boot is not None and read.first_boot.cert_fingerprint == "ab" * 32


LAYOUTS: list[tuple[str, dict[str, Any]]] = [
    ("ext4", {}),
    ("xfs", {"lvm": {"maxroot": 20}}),
    ("ext4", {"lvm": {"raid": "raid1", "hdsize": 200, "swapsize": 0, "maxroot": 40.5, "maxvz": 0, "minfree": 8}}),
    ("btrfs", {"btrfs": {"raid": "raid0"}}),
    ("btrfs", {"btrfs": {"raid": "raid10", "compress": "zstd", "hdsize": 200}}),
]


@pytest.mark.parametrize(("filesystem", "tables"), LAYOUTS, ids=[f"{name} {tables}" for name, tables in LAYOUTS])
def test_every_layout_that_is_served_is_understood_and_said_again(filesystem: str, tables: dict[str, Any]) -> None:
    changes = (
        ("disk-setup.filesystem", filesystem),
        *((f"disk-setup.{key}", value) for key, value in tables.items()),
    )
    read = answers(*changes, ("disk-setup.disk-list", ["vda", "vdb", "vdc", "vdd"]))

    written = tomllib.loads(dump_answers(read))["disk-setup"]

    assert written["filesystem"] == filesystem
    assert written["disk-list"] == ["vda", "vdb", "vdc", "vdd"]
    assert {key: table for key, table in written.items() if key in ("lvm", "btrfs")} == tables


def zfs(**options: object) -> str:
    return changed(("disk-setup.filesystem", "zfs"), ("disk-setup.zfs", {"raid": "raidz-1", **options}))


def test_every_option_of_zfs_is_taken() -> None:
    text = zfs(ashift=13, **{"arc-max": 4096}, checksum="sha256", compress="zstd", copies=2, hdsize=500.5)

    assert parse_answers(text).disk_setup.zfs == ZfsOptions(
        raid=ZfsRaid.RAIDZ1,
        ashift=13,
        arc_max=4096,
        checksum=ZfsChecksum.SHA256,
        compress=ZfsCompress.ZSTD,
        copies=2,
        hdsize=500.5,
    )


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("raid", "raidz1", "zfs.raid: 'raidz1' is not one of 'raid0', "),
        ("ashift", 8, "zfs.ashift: 8: Input should be greater than or equal to 9"),
        ("ashift", 17, "zfs.ashift: 17: Input should be less than or equal to 16"),
        ("ashift", 12.0, "zfs.ashift: 12.0: must be a whole number"),
        ("arc-max", 63, "zfs.arc-max: 63: Input should be greater than or equal to 64"),
        ("checksum", "sha512", "zfs.checksum: 'sha512' is not one of 'on', 'fletcher4' or 'sha256'"),
        ("compress", "lzo", "zfs.compress: 'lzo' is not one of 'on', 'off', 'lzjb', "),
        ("copies", 0, "zfs.copies: 0: Input should be greater"),
        ("copies", True, "zfs.copies: true: must be a whole number"),
    ],
)
def test_options_of_zfs_are_checked(key: str, value: object, told: str) -> None:
    assert told in problem(zfs(**{key: value}))


def test_defaults_of_the_tables_are_those_of_the_form() -> None:
    pool = ZfsOptions(raid=ZfsRaid.RAID0)

    assert (pool.ashift, pool.arc_max, pool.checksum, pool.compress, pool.copies) == (12, None, "on", "on", 1)
    assert BtrfsOptions(raid=BtrfsRaid.RAID0).compress == "off"


@pytest.mark.parametrize(
    ("filesystem", "tables", "size"),
    [
        ("ext4", {"lvm": LvmSizes(hdsize=1)}, 1),
        ("xfs", {"lvm": LvmSizes(hdsize=1)}, 1),
        ("ext4", {}, None),
        ("btrfs", {"btrfs": BtrfsOptions(raid=BtrfsRaid.RAID0, hdsize=2)}, 2),
        ("zfs", {"zfs": ZfsOptions(raid=ZfsRaid.RAID0, hdsize=3)}, 3),
    ],
)
def test_hdsize_is_that_of_the_file_system(filesystem: str, tables: dict[str, Any], size: float | None) -> None:
    setup = DiskSetup.model_validate({"filesystem": filesystem, "disk-list": ["vda"], **tables})

    assert setup.hdsize == size


def test_all_that_does_not_fit_together_is_told_at_once() -> None:
    text = problem(
        changed(
            ("disk-setup.filesystem", "btrfs"),
            ("disk-setup.lvm", {}),
            ("disk-setup.zfs", {"raid": "raid1"}),
            ("disk-setup.disk-list", None),
        )
    )

    assert "needs either disk-list or filter" in text
    assert 'lvm, zfs: not with filesystem = "btrfs", which takes btrfs only' in text
    assert "needs btrfs.raid" in text


def test_a_passphrase_is_never_dumped() -> None:
    read = answers()
    locked = Encryption(passphrase=SecretStr("hunter2 hunter2"), tpm2=True)
    setup = read.disk_setup.model_copy(update={"encryption": locked})

    text = dump_answers(read.model_copy(update={"disk_setup": setup}))

    assert "hunter2" not in text
    assert "# disk-setup.encryption.passphrase: not kept" in text
    assert "[disk-setup.encryption]\ntpm2 = true" in text


@pytest.mark.parametrize(
    ("cidr", "gateway"), [("127.0.0.5/8", "127.0.0.1"), ("224.0.2.10/24", "224.0.2.1"), ("ff02::5/64", "ff02::1")]
)
def test_an_address_that_no_machine_can_have_is_refused(cidr: str, gateway: str) -> None:
    text = problem(changed(("network.cidr", cidr), ("network.gateway", gateway)))

    assert f"a.toml: network: cidr {cidr} is no address that a machine can have" in text


@pytest.mark.parametrize(
    ("cidr", "gateway"),
    [
        ("192.0.2.1/31", "192.0.2.0"),
        ("2001:db8::1/127", "2001:db8::"),
        ("2001:db8::5/64", "fe80::1"),
        ("2001:db8::5/64", "2001:db8::"),
    ],
)
def test_point_to_point_links_link_local_gateways_and_routers_anycast_addresses_are_good(
    cidr: str, gateway: str
) -> None:
    assert parse_answers(changed(("network.cidr", cidr), ("network.gateway", gateway))).network.gateway is not None


def test_all_problems_are_told_at_once() -> None:
    text = problem(changed(("global.country", "x1"), ("global.keyboard", "qq"), ("network.cidr", "1.2.3.4")))

    assert text.count("a.toml: ") == 3


def test_keys_of_a_static_address_are_refused_with_dhcp() -> None:
    text = problem(changed(("network.source", "from-dhcp")))

    assert 'cidr, dns, gateway: only with source = "from-answer"' in text


PORTS = ["52:54:00:12:34:56", "52:54:00:12:34:57"]
BOND = {"mode": "802.3ad", "ports": PORTS}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("network.bond", BOND, "network: needs either filter or bond, and not both"),
        ("network.bond", {**BOND, "mode": "lacp"}, "network.bond.mode: 'lacp' is not one of"),
        ("network.bond", {**BOND, "ports": []}, "network.bond.ports: "),
        ("network.bond", {**BOND, "ports": ["ens3"]}, "network.bond.ports.0: 'ens3' is not a MAC address such as"),
        ("network.bond", {**BOND, "ports": PORTS[:1] * 2}, "network.bond: ports names an interface twice"),
        ("network.vlan", 4095, "network.vlan: 4095: Input should be less than or equal to 4094"),
        ("network.mtu", 9217, "network.mtu: 9217: Input should be less than or equal to 9216"),
        ("network.ipv6", {"cidr": "192.0.2.11/24"}, "network.ipv6: cidr is no IPv6 address"),
        ("network.ipv6", {"cidr": "2001:db8::1/64", "gateway": "2001:db8:1::1"}, "is not in 2001:db8::/64"),
    ],
)
def test_what_is_wrong_with_a_bond_a_vlan_or_a_second_address(key: str, value: object, told: str) -> None:
    assert told in problem(changed((key, value)))


def test_a_name_from_dhcp_needs_dhcp() -> None:
    text = problem(changed(("global.fqdn", {"source": "from-dhcp"})))

    assert 'global.fqdn from DHCP needs network.source = "from-dhcp"' in text


def test_no_message_shows_a_secret() -> None:
    long = "hunter2-" * 10
    text = problem(
        changed(
            ("global.root-password", long),
            ("global.root-password-hashed", "hunter2 in clear"),
            ("global.subscription-key", ["hunter2"]),
        )
    )

    assert "hunter2" not in text
    assert "global.root-password: must have 8 to 64 characters" in text
    assert "global.root-password-hashed: is not a crypt(5) hash" in text


@pytest.mark.parametrize("hashed", ["$6$hunter2$abc\nroot:hunter2", "$6$hunter2$abc\n", "$6$hunter2$\x1b"])
def test_a_hash_cannot_carry_a_second_line(hashed: str) -> None:
    text = problem(changed(("global.root-password", None), ("global.root-password-hashed", hashed)))

    assert "is not a crypt(5) hash" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("global.keyboard", {"root-password": "hunter2-hunter2"}),
        ("global.reboot-mode", [{"password": "hunter2-hunter2"}]),
        ("global.root-ssh-keys", ["-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2-hunter2"]),
        ("global.root-ssh-keys", "hunter2-hunter2"),
        ("global.root_password", {"is": "hunter2-hunter2"}),
        ("cluster", {"mode": "join", "peer": "hunter2_hunter2"}),
        ("cluster", {"mode": "join", "peer": "node2", "token": "hunter2 hunter2"}),
        ("cluster", {"mode": "join", "peer": "node2", "token": ["hunter2"]}),
        ("disk-setup.encryption", "hunter2-hunter2"),
        ("disk-setup.encryption", {"passphrase": ["hunter2-hunter2"]}),
        ("disk-setup.encryption", {"pasphrase": "hunter2-hunter2"}),
        ("disk-setup.encryption", {"passphrase": "hunter2-hunter2", "tpm2": "hunter2-hunter2"}),
    ],
)
def test_no_message_shows_what_may_hold_a_secret(key: str, value: object) -> None:
    assert "hunter2" not in problem(changed((key, value)))


def test_no_traceback_shows_a_secret() -> None:
    text = changed(("global.root-password", "hunter2"), ("global.subscription-key", 7_000_123))
    with pytest.raises(BadInput) as caught:
        parse_answers(text)

    told = "".join(traceback.format_exception(caught.value))
    assert "ValidationError" in told, "the cause is told"
    assert "hunter2" not in told and "7000123" not in told


def test_a_message_cannot_steer_the_terminal() -> None:
    text = problem(changed(("global.x\x1b[2J\r", 1)))

    assert "\x1b" not in text and "\r" not in text
    assert r"global.x\x1b[2J\x0d: unknown key" in text


def test_a_misspelt_secret_is_not_shown_either() -> None:
    assert "hunter2-hunter2" not in problem(changed(("global.root-pasword", "hunter2-hunter2")))


def test_broken_toml_is_told_with_its_line() -> None:
    assert "not valid TOML" in problem("[global\n") and "line 1" in problem("[global\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"a = {'[' * 60_000}{']' * 60_000}", "a value nested too deeply"),
        (f"a = {'{a=' * 2000}1{'}' * 2000}", "a value nested too deeply"),
        (f"a = {'9' * 5000}", "a number or date out of range"),
    ],
    ids=["lists", "tables", "number"],
)
def test_toml_that_python_cannot_hold_is_told(text: str, told: str) -> None:
    assert f"a.toml: not valid TOML: {told}" in problem(text)


def test_a_byte_order_mark_and_dos_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + STATIC.replace("\n", "\r\n").encode())

    assert load_answers(path) == parse_answers(STATIC)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_answers(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xfe", "is not UTF-8 text"), (b"#" * (MAXIMUM_SIZE + 1), "is larger than 262144 bytes")],
)
def test_a_file_that_cannot_be_answers_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)

    with pytest.raises(BadInput, match=told):
        load_answers(path)


def test_what_never_ends_is_no_answer_file() -> None:
    with pytest.raises(BadInput, match="/dev/zero: is larger than 262144 bytes"):
        load_answers(Path("/dev/zero"))


def test_dumped_answers_say_the_same_again_without_secrets() -> None:
    read = answers(
        ("global.subscription-key", "hunter2-key"),
        ("disk-setup.lvm.maxroot", 20.5),
        ("disk-setup.wipe", "confirmed"),
        ("network.interface-name-pinning.enabled", True),
        ("network.interface-name-pinning.mapping", {"52-54-00-12-34-56": "lan0"}),
        ("global.reboot-mode", "power-off"),
    )

    text = dump_answers(read)

    assert "correct horse" not in text and "hunter2" not in text
    assert "# global.root-password: not kept" in text
    again = parse_answers(text.replace("[global]", '[global]\nroot-password = "correct horse"', 1))
    assert again == read.model_copy(update={"global_": read.global_.model_copy(update={"subscription_key": None})})


def test_what_is_wanted_of_a_cluster_is_understood_and_dumped_without_its_token() -> None:
    read = answers(("cluster", {"mode": "join", "peer": "Node2.Example.ORG", "token": SECRET}))

    assert (read.cluster.mode, read.cluster.peer) == (ClusterMode.JOIN, "node2.example.org")
    assert read.cluster.token == SecretStr(SECRET)
    text = dump_answers(read)
    assert "# cluster.token: not kept" in text and SECRET not in text
    assert tomllib.loads(text)["cluster"] == {"mode": "join", "peer": "node2.example.org"}
    assert answers(("cluster", {"mode": "create", "name": "Clover-1"})).cluster.name == "clover-1"
    assert answers(("cluster", {"mode": "stand-alone"})) == answers()
    assert answers(("cluster", {**AGREED, "nodes": ["Node2", "node3"]})).cluster.nodes == ("node2", "node3")
    assert answers(("cluster", {"mode": "join", "peer": "node2", "token": "trebol1-AbC"})).cluster.token


@pytest.mark.parametrize(
    ("peer", "kept"), [("node2", "node2"), ("192.0.2.11", "192.0.2.11"), ("2001:DB8:0::2", "2001:db8::2")]
)
def test_a_member_is_named_by_address_or_name(peer: str, kept: str) -> None:
    assert answers(("cluster", {"mode": "join", "peer": peer})).cluster.peer == kept


def test_dumped_answers_keep_a_name_from_dhcp() -> None:
    text = dump_answers(answers(*DHCP, ("global.fqdn", {"source": "from-dhcp", "domain": "example.org"})))

    assert '[global.fqdn]\nsource = "from-dhcp"\ndomain = "example.org"' in text


def test_the_example_of_the_documentation_is_valid() -> None:
    text = (Path(__file__).parents[2] / "docs/answer-file.md").read_text()
    example = text.split("```toml\n")[1].split("```")[0]
    made_whole = example.replace("$y$j9T$…", "$y$j9T$a$b").replace("ssh-ed25519 AAAA… admin@laptop", SSH_KEY)

    assert parse_answers(made_whole).global_.fqdn == "node1.example.org"


def documented_layouts() -> list[str]:
    text = (Path(__file__).parents[2] / "docs/answer-file.md").read_text()
    return [block.split("```")[0] for block in text.split("```toml\n")[1:] if block.startswith("[disk-setup]")]


@pytest.mark.parametrize("layout", documented_layouts())
def test_every_example_of_a_layout_is_valid_or_said_not_to_be_served_yet(layout: str) -> None:
    text = changed(("disk-setup", None)) + layout

    if "# not served yet" in layout:
        assert "is not served yet" in problem(text) and problem(text).count("a.toml") == 1
    else:
        assert list(setup_problems(parse_answers(text).disk_setup)) == []


def test_every_key_of_the_model_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/answer-file.md").read_text()
    sections = (
        *(Global, Network, BondAnswers, Ipv6Answers, InterfaceNamePinning, Checks),
        *(DiskSetup, LvmSizes, BtrfsOptions, ZfsOptions, Encryption),
    )
    keys = [field.alias or name for section in sections for name, field in section.model_fields.items()]

    assert [key for key in keys if f"`{key}" not in text and f".{key}`" not in text] == []
