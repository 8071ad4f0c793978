"""A node that was installed unattended from the ISO, seen from its console and over SSH."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import requests
import urllib3
from tests.cluster.guests import LOG, SAYS, guest, virsh_over_ssh
from tests.e2e.cases import ANSWERS_URL, DOMAIN, GATEWAY, NAMESERVER, PASSWORD, PINNED, TIMEZONE
from tests.e2e.lab import patient
from tests.e2e.nodes import Node, log_in, reach_front

from trebol_image.qemu import Firmware
from trebol_image.qemu.serial import plain

#: Words of the serial console during an installation, in their order.
PHASES = (
    "Trebol: medium ",
    "✓ Verify the medium",
    "✓ Wipe ",
    "✓ Partition ",
    "✓ Create volume group trebol",
    "✓ Make ext4 on ",
    "✓ Unpack base",
    "✓ Unpack appliance",
    "✓ Configure the network",
    "✓ Install the boot loaders",
    "✓ Write the report",
    "Installed. ",
)

#: Services of a formed cluster: installed, and off until there is a cluster.
CLUSTER_UNITS = (
    "ceph.target",
    "corosync-qdevice.service",
    "corosync.service",
    "etcd.service",
    "pacemaker.service",
    "pcsd.service",
)

REPORTS = {
    "answers.toml",
    "events.jsonl",
    "hardware.json",
    "hardware.txt",
    "install.log",
    "machine.json",
    "plan.json",
    "plan.txt",
}


def test_the_answers_come_from_the_medium_or_over_the_network(node: Node) -> None:
    where = ANSWERS_URL if node.case.by_url else "the medium's answer slot"
    assert f"Answers: {where}\n" in plain(node.installation.text)


def test_the_installation_says_each_phase_on_the_serial_console(node: Node) -> None:
    text = node.installation.text
    places = [text.find(phase) for phase in PHASES]
    assert -1 not in places, f"missing: {[phase for phase, at in zip(PHASES, places, strict=True) if at < 0]}"
    assert places == sorted(places)


def test_the_installation_ends_as_the_answer_file_says(node: Node) -> None:
    reason = "guest-reset" if node.case.reboot else "guest-shutdown"
    assert dict(node.installation.end.data) == {"guest": True, "reason": reason}


def test_no_secret_is_shown_on_the_console(node: Node) -> None:
    assert PASSWORD not in node.installation.text + node.console


def test_a_disk_that_is_no_target_keeps_every_bit(node: Node) -> None:
    assert node.installation.bystander_after == node.installation.bystander_before


def test_the_console_shows_name_address_and_management_page(node: Node) -> None:
    for words in (node.case.host, node.case.address, f"https://{node.case.address}:9090/"):
        assert words in node.console


def test_root_logs_in_on_the_serial_console_below_the_banner_and_leaves_it_to_the_wizard(node: Node) -> None:
    serial = node.machine.serial
    before = len(serial.text)
    log_in(serial, node.case)
    banner = plain(serial.text[before:])
    for words in (node.case.host, node.case.address, f"https://{node.case.address}:9090/", "SHA256:"):
        assert words in banner
    assert "Web console" not in banner, "Cockpit says again what the banner says"
    serial.send("tty\n")
    serial.expect(r"[\r\n]/dev/ttyS0", within=patient(60))
    serial.send("exit\n")
    serial.expect(rf"https://{node.case.address}:9090/", within=patient(60))


def test_the_serial_console_is_carried_over_to_the_node(node: Node) -> None:
    words = node.ssh("cat /proc/cmdline").split()
    assert "console=ttyS0,115200n8" in words
    assert "root=/dev/mapper/trebol-root" in words
    assert not [word for word in words if word.startswith(("boot=trebol", "trebol."))]


def test_the_firmware_is_the_one_it_was_installed_under(node: Node) -> None:
    booted_by_uefi = node.ssh("test -d /sys/firmware/efi && echo yes || echo no").strip() == "yes"
    assert booted_by_uefi == (node.case.firmware is not Firmware.BIOS)


def test_secure_boot_is_in_force_where_the_firmware_enforces_it(node: Node) -> None:
    variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    # Four bytes of attributes, then the value (efivarfs(5)).
    value = node.ssh(f"test ! -e {variable} || tail --bytes=1 {variable} | od -A n -t u1").strip()
    expected = {Firmware.BIOS: "", Firmware.UEFI: "0", Firmware.SECURE_BOOT: "1"}
    assert value == expected[node.case.firmware]


def test_root_is_ext4_on_lvm_and_the_esp_is_mounted(node: Node) -> None:
    mounts = {
        mount["target"]: mount
        for mount in node.json("findmnt --json --list --real --output TARGET,SOURCE,FSTYPE")["filesystems"]
    }
    assert mounts["/"]["source"] == "/dev/mapper/trebol-root"
    assert mounts["/"]["fstype"] == "ext4"
    assert mounts["/boot/efi"]["fstype"] == "vfat"


def test_partitions_are_those_of_the_plan(node: Node) -> None:
    disk = f"/dev/disk/by-id/{node.case.disk_names[0]}"
    (table,) = node.json(f"lsblk --json --bytes --output NAME,PTTYPE,SIZE,PARTN,PARTTYPENAME {disk}")["blockdevices"]
    assert table["pttype"] == "gpt"
    partitions = [(part["partn"], part["parttypename"]) for part in table["children"]]
    assert partitions == [(1, "BIOS boot"), (2, "EFI System"), (3, "Linux LVM")]
    sizes = [part["size"] for part in table["children"]]
    assert sizes[:2] == [2**20, 512 * 2**20]


def test_swap_is_on(node: Node) -> None:
    (swap,) = node.ssh("swapon --show=NAME,SIZE --noheadings --bytes --raw").splitlines()
    device, size = swap.split()
    assert node.ssh("readlink -f /dev/mapper/trebol-swap").strip() == device
    if node.case.static:  # swapsize = 1
        assert 2**30 - 2**20 <= int(size) <= 2**30


def test_the_thin_pool_is_there(node: Node) -> None:
    report = node.json("lvs --reportformat json --options lv_name,vg_name,segtype,lv_size --units b trebol")
    volumes = {volume["lv_name"]: volume for volume in report["report"][0]["lv"]}
    assert set(volumes) == {"data", "root", "swap"}
    assert volumes["data"]["segtype"] == "thin-pool"
    if node.case.static:  # maxroot = 12
        assert int(volumes["root"]["lv_size"].rstrip("B")) <= 12 * 2**30


def test_the_bridge_carries_the_address(node: Node) -> None:
    (bridge,) = node.json("ip -json address show dev vmbr0")
    addresses = [
        f"{found['local']}/{found['prefixlen']}" for found in bridge["addr_info"] if found["family"] == "inet"
    ]
    assert addresses == [f"{node.case.address}/24"]
    assert bridge["address"] == node.case.mac
    # Where there is no way out, QEMU's DHCP server offers no gateway.
    routes = [(route["gateway"], route["dev"]) for route in node.json("ip -json route show default")]
    assert routes == ([(GATEWAY, "vmbr0")] if node.case.static else [])


def test_no_other_bridge_is_there(node: Node) -> None:
    assert [link["ifname"] for link in node.json("ip -json link show type bridge")] == ["vmbr0"]


def test_nothing_is_made_again_at_the_first_boot_that_the_image_holds(node: Node) -> None:
    units = ("ldconfig", "systemd-journal-catalog-update", "systemd-hwdb-update")
    states = node.ssh(f"systemctl show --property=ActiveState --value {' '.join(units)}").split()
    assert states == ["inactive"] * len(units)


def test_the_port_of_the_bridge_is_the_interface_with_the_mac_address_that_was_chosen(node: Node) -> None:
    ports = node.json("ip -json -details link show master vmbr0")
    assert [port.get("permaddr", port["address"]) for port in ports] == [node.case.mac]
    if node.case.static:
        assert [port["ifname"] for port in ports] == [PINNED]


def test_names_are_resolved_by_the_name_server_that_was_given(node: Node) -> None:
    # Nor does that DHCP server offer a name server.
    servers = node.ssh("resolvectl dns").split()
    assert (NAMESERVER in servers) == node.case.static


def test_the_node_has_its_name_time_zone_and_keyboard(node: Node) -> None:
    assert node.ssh("hostname").strip() == node.case.host
    # With DHCP, the domain of a node is what the name server says, and there is none here that knows the node.
    fqdn = f"{node.case.host}.{DOMAIN}" if node.case.static else node.case.host
    assert node.ssh("hostname --fqdn").strip() == fqdn
    assert node.ssh("timedatectl show --property=Timezone --value").strip() == TIMEZONE
    assert 'XKBLAYOUT="es"' in node.ssh("cat /etc/default/keyboard").splitlines()


def test_no_unit_has_failed(node: Node) -> None:
    assert node.json("systemctl list-units --state=failed --output=json") == []
    assert node.ssh("systemctl is-system-running").strip() == "running"


def test_services_of_a_formed_cluster_are_installed_and_off(node: Node) -> None:
    units = " ".join(CLUSTER_UNITS)
    shown = node.ssh(f"systemctl show --property=Id,LoadState,UnitFileState,ActiveState {units}")
    states = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    assert {state["Id"] for state in states} == set(CLUSTER_UNITS)
    for state in states:
        assert (state["LoadState"], state["UnitFileState"], state["ActiveState"]) == (
            "loaded",
            "disabled",
            "inactive",
        ), state["Id"]


@pytest.mark.parametrize("unit", ["ssh.service", "cockpit.socket", "chrony.service", "systemd-networkd.service"])
def test_what_a_node_offers_is_on(node: Node, unit: str) -> None:
    assert (
        node.ssh(f"systemctl is-active {unit} || systemctl is-active {unit.split('.')[0]}.socket").strip() == "active"
    )


def test_virtual_machines_can_be_made(node: Node) -> None:
    assert "QEMU" in node.ssh("virsh --connect qemu:///system version --daemon")


@pytest.mark.slow
def test_a_virtual_machine_is_made_over_ssh_and_runs(node: Node, tmp_path: Path) -> None:
    virsh = virsh_over_ssh("127.0.0.1", node.lab.key, tmp_path, port=node.machine.port(22), within=patient(120))
    with guest(virsh) as name:
        assert virsh("domstate", name) == "running"
        found = f"timeout {patient(120):.0f} sh -c 'until grep -qs \"{SAYS}\" {LOG}; do sleep 0.2; done'"
        node.ssh(found)
        virsh("destroy", name)
        assert virsh("domstate", name) == "shut off"


def test_the_report_is_there_for_root_alone_and_without_secrets(node: Node) -> None:
    listed = [line.split(" ", 1) for line in node.ssh("stat --format='%a %n' /var/log/trebol/*").splitlines()]
    assert {name.rsplit("/", 1)[1] for _, name in listed} >= REPORTS
    assert {mode for mode, _ in listed} == {"600"}
    assert node.ssh("stat --format=%a /var/log/trebol").strip() == "700"
    found = node.ssh(f"grep -rlF -e '{PASSWORD}' /var/log /etc /root /var/lib/trebol || true")
    assert found == ""
    answers = tomllib.loads(node.ssh("cat /var/log/trebol/answers.toml"))["global"]
    assert answers["fqdn"] == f"{node.case.host}.{DOMAIN}"
    assert not [key for key in answers if "password" in key]


def test_the_log_of_the_installation_ends_well(node: Node) -> None:
    events = [json.loads(line) for line in node.ssh("cat /var/log/trebol/events.jsonl").splitlines()]
    assert not [event for event in events if event.get("ok") is False]
    assert {event["path"][1] for event in events if len(event["path"]) > 1} >= {"partition-disk", "extract-layer"}


def test_status_says_what_the_node_is(node: Node) -> None:
    status = node.json("trebol node status --json")
    assert status["host"].split(".")[0] == node.case.host
    assert f"{node.case.address}/24" in status["addresses"]
    assert status["management_url"] == f"https://{node.case.address}:9090/"
    assert status["state"] == "running"
    assert status["failed_units"] == []
    assert status["installed"]["layers"].keys() == {"base", "appliance"}


def test_the_banner_names_the_gravest_finding_of_the_hardware_checks(node: Node) -> None:
    report = node.json("cat /run/trebol/findings.json")
    assert report["role"] == "node" and len(report["findings"]) > 30
    shown = node.json("trebol node status --json")["hardware"]
    assert shown["severity"] == report["gravest"]
    # A machine with two processors and a few GiB: whatever its CPU can do, there is something to warn of.
    assert shown["severity"] in ("warn", "fail")
    assert shown["title"].split()[0] in node.ssh("cat /run/issue.d/trebol.issue")


def test_the_report_has_what_the_hardware_checks_found_before_the_installation(node: Node) -> None:
    report = node.json("cat /var/log/trebol/hardware.json")
    assert report["role"] == "node"
    assert "cpu-virtualisation" in {finding["code"] for finding in report["findings"]}
    assert "cpu-virtualisation" in node.ssh("cat /var/log/trebol/hardware.txt")


def test_no_package_is_broken_and_trebol_is_one_of_them(node: Node) -> None:
    assert node.ssh("dpkg --audit") == ""
    assert "install ok installed" in node.ssh("dpkg-query --show --showformat='${Status}' trebol")
    node.ssh("apt-get check --quiet=2")


def test_an_administrator_logs_in_to_the_management_page(node: Node) -> None:
    url = f"https://127.0.0.1:{node.machine.port(9090)}/cockpit/login"
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        reply = requests.get(url, auth=("root", PASSWORD), verify=False, timeout=patient(120))
        wrong = requests.get(url, auth=("root", "wrong password"), verify=False, timeout=patient(120))
    assert reply.status_code == 200
    assert reply.json()["csrf-token"]
    assert wrong.status_code == 401


@pytest.mark.slow
def test_the_node_comes_back_after_a_reboot(node: Node) -> None:
    node.ssh("systemctl reboot")
    node.machine.qmp.wait_event("RESET", within=patient(180))
    reach_front(node.machine, node.case)
    assert node.ssh("timeout 600 systemctl is-system-running --wait").strip() == "running"


def test_the_power_button_shuts_the_node_down(node: Node) -> None:
    node.machine.press_power_button()
    event = node.machine.wait_for_shutdown(within=patient(180))
    assert event.data["reason"] == "guest-shutdown"
