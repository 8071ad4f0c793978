"""Recorded virtual machines, each hypervisor with and without VT-x or AMD-V passed through."""

from __future__ import annotations

from tests.machines import devices
from tests.machines.devices import Slot
from tests.machines.drives import Drive
from tests.machines.processors import COMMON_KVM, EPYC_7313, SILVER_4214, Cpu
from tests.machines.recorder import GIB, MIB, Recorder

_AMD_V = ("svm", "npt", "nrip_save", "tsc_scale", "vmcb_clean", "flushbyasid", "pausefilter", "pfthreshold", "vgif")
_OVMF = ("EFI Development Kit II / OVMF", "4.2023.08-4", "02/15/2024")
_SEABIOS = ("SeaBIOS", "rel-1.16.3-0-ga6ed6b701f0a-prebuilt.qemu.org", "04/01/2014")
_KVM_CLOCK = ("kvm-clock", "kvm-clock tsc hpet acpi_pm")

#: Where Hyper-V's devices hang: there is no PCI bus in its second generation.
_VMBUS = "LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00"


def _usable(gibibytes: int) -> int:
    return gibibytes * GIB - gibibytes * GIB // 64 - 100 * MIB


def _kvm(machine: Recorder, cpu: Cpu, *, firmware: tuple[str, str, str], uuid: str) -> None:
    """Proxmox VE's virtual machine: q35, virtio disk and network."""
    machine.label("QEMU", "Standard PC (Q35 + ICH9, 2009)", "pc-q35-9.2", "", uuid, firmware)
    machine.virtual("kvm")
    machine.processors(cpu)
    machine.memory(_usable(16), ("0-3",))
    machine.clock(*_KVM_CLOCK, hardware=0)
    devices.virtio(machine, Slot("0000:01:01.0", ("0000:00:1e.0",), node=-1), 32 * GIB)
    devices.virtio(machine, Slot("0000:01:02.0", ("0000:00:1e.0",), node=-1), 100 * GIB)
    for number in range(2):
        slot = Slot(f"0000:06:1{2 + number}.0", ("0000:00:1e.0",), node=-1)
        devices.virtio_port(machine, f"ens{18 + number}", slot, f"bc:24:11:20:30:4{number}")


def kvm_nested(machine: Recorder) -> None:
    """Under KVM with the host's processor: AMD-V is passed through."""
    cpu = EPYC_7313.in_guest(4, *_AMD_V)
    _kvm(machine, cpu, firmware=_OVMF, uuid="0f9a3c5e-1111-4a2b-9c3d-123456789abc")
    machine.uefi()
    machine.kvm("kvm_amd", npt="Y", nested="1", avic="N", sev="N", sev_es="N", sev_snp="N")
    machine.register(0xC0010114, 0)
    machine.watchdog("i6300ESB timer", "i6300ESB timer")


def kvm_plain(machine: Recorder) -> None:
    """Under KVM with the processor that QEMU gives by itself: no VT-x, x86-64-v1."""
    _kvm(machine, COMMON_KVM, firmware=_SEABIOS, uuid="0f9a3c5e-2222-4a2b-9c3d-123456789abc")


def _vmware(machine: Recorder, cpu: Cpu, uuid: str) -> None:
    serial = f"VMware-{uuid[:8]}"
    machine.label(
        "VMware, Inc.",
        "VMware20,1",
        "None",
        serial,
        uuid,
        ("VMware, Inc.", "VMW201.00V.21805430.B64.2305221830", "05/22/2023"),
    )
    machine.uefi()
    machine.virtual("vmware")
    machine.processors(cpu)
    usable = machine.modules(
        ["RAM slot #0"],
        16,
        kind=0x07,
        part="VMW-16384MB",
        speeds=(4800, 4800),
        slots=128,
        ecc=False,
        maker="VMware Virtual RAM",
    )
    machine.memory(usable, ("0-3",))
    machine.clock("tsc", "tsc acpi_pm", hardware=0)
    machine.register(0x3A, 0x5 if "vmx" in cpu.flags else 0x1)
    scsi = devices.function(
        machine,
        Slot("0000:03:00.0", ("0000:00:15.0",), node=-1),
        "010700",
        "15ad:07c0",
        "PVSCSI SCSI Controller",
        "vmw_pvscsi",
    )
    disk = Drive("scsi", "Virtual disk", "", 64 * GIB, vendor="VMware", cache="write through", smart=None)
    devices.scsi(machine, scsi, disk, disk, channel=0)
    slot = Slot("0000:0b:00.0", ("0000:00:16.0",), node=-1)
    mac = "00:50:56:9a:1b:2c"
    devices.port(
        machine,
        "ens192",
        slot,
        mac,
        link=10000,
        can=10000,
        ids="15ad:07b0",
        model="VMXNET3 Ethernet Controller",
        driver="vmxnet3",
    )


def vmware_nested(machine: Recorder) -> None:
    """Under VMware with “Expose hardware assisted virtualization to the guest OS”."""
    cpu = SILVER_4214.in_guest(4, "vmx", "tpr_shadow", "ept", "vpid", "ept_ad", "vnmi")
    _vmware(machine, cpu, "421a3b4c-5d6e-7f80-9102-a3b4c5d6e7f8")
    machine.kvm("kvm_intel", ept="Y", unrestricted_guest="Y", nested="Y", vpid="Y", enable_apicv="N", tdx="N")


def vmware_plain(machine: Recorder) -> None:
    """Under VMware as it comes: the register of firmware that is emulated says locked, too."""
    flaws = {"itlb_multihit": "KVM: Mitigation: VMX unsupported"}
    _vmware(machine, SILVER_4214.in_guest(4, flaws=flaws), "421a3b4c-6e7f-8091-0213-b4c5d6e7f809")


def _hyperv(machine: Recorder, cpu: Cpu, uuid: str) -> None:
    """A generation 2 virtual machine: UEFI, no PCI, disks and network on VMBus."""
    machine.label(
        "Microsoft Corporation",
        "Virtual Machine",
        "Hyper-V UEFI Release v4.1",
        "1234-5678-9012-3456-7890-1234-56",
        uuid,
        ("Microsoft Corporation", "Hyper-V UEFI Release v4.1", "03/08/2024"),
    )
    machine.uefi(secure_boot=True)
    machine.virtual("microsoft")
    machine.processors(cpu)
    machine.memory(_usable(8), ("0-3",))
    clocks = "hyperv_clocksource_tsc_page hyperv_clocksource_msr acpi_pm"
    machine.clock("hyperv_clocksource_tsc_page", clocks, hardware=0)
    disk = f"{_VMBUS}/f8b3781a-1e82-4818-a1c3-63d806ec15bb"
    wwn = "60022480a1b2c3d4e5f60718293a4b5c"
    drive = Drive(
        "scsi", "Virtual Disk", "", 127 * GIB, wwn, "Msft", physical=4096, smart=None, cache="write through"
    )
    values = {
        "queue/logical_block_size": "512",
        "queue/physical_block_size": "4096",
        "queue/rotational": "0",
        "queue/write_cache": drive.cache,
        "device/vendor": "Msft",
        "device/model": "Virtual Disk",
    }
    udev = drive.properties("sda", "acpi-VMBUS:01-vmbus-f8b3781a1e824818a1c363d806ec15bb-lun-0", "8:0")
    folder = f"{disk}/host0/target0:0:0/0:0:0:0/block"
    machine.system.disk("sda", folder, sectors=drive.size // 512, attributes=values, udev=udev)
    machine.answer("smartctl", "/dev/sda", drive.smartctl("sda"))
    machine.system.interface(
        "eth0",
        f"{_VMBUS}/2450ee40-33bf-4fbd-892e-9fb06e9214cf",
        mac="00:15:5d:01:02:03",
        driver="hv_netvsc",
        attributes={"carrier": "1", "speed": "10000", "duplex": "full"},
        udev={"ID_NET_DRIVER": "hv_netvsc", "ID_NET_NAME_MAC": "enx00155d010203", "INTERFACE": "eth0"},
    )


def hyperv_nested(machine: Recorder) -> None:
    """Under Hyper-V with ExposeVirtualizationExtensions."""
    cpu = SILVER_4214.in_guest(4, "vmx", "ept", "ept_ad", "vpid")
    _hyperv(machine, cpu, "d1b2a3c4-5e6f-4708-9a1b-2c3d4e5f6071")
    machine.kvm("kvm_intel", ept="Y", unrestricted_guest="Y", nested="Y", vpid="Y", enable_apicv="N", tdx="N")
    machine.register(0x3A, 0x5)


def hyperv_plain(machine: Recorder) -> None:
    """Under Hyper-V as it comes."""
    flaws = {"itlb_multihit": "KVM: Mitigation: VMX unsupported"}
    _hyperv(machine, SILVER_4214.in_guest(4, flaws=flaws), "d1b2a3c4-6f70-4819-8b2c-3d4e5f607182")


def virtualbox_plain(machine: Recorder) -> None:
    """Under VirtualBox as it comes."""
    machine.label(
        "innotek GmbH",
        "VirtualBox",
        "1.2",
        "VirtualBox-3f2a1b4c-5d6e-4f70-8192-a3b4c5d6e7f8",
        "4c1b2a3f-6e5d-704f-8192-a3b4c5d6e7f8",
        ("innotek GmbH", "VirtualBox", "12/01/2006"),
    )
    machine.virtual("oracle")
    machine.processors(EPYC_7313.in_guest(2))
    machine.memory(_usable(4), ("0-1",))
    machine.clock("tsc", "tsc acpi_pm", hardware=0)
    sata = devices.function(
        machine,
        Slot("0000:00:0d.0", node=-1),
        "010601",
        "8086:2829",
        "82801HM/HEM (ICH8M/ICH8M-E) SATA Controller [AHCI mode]",
        "ahci",
    )
    disk = Drive("ata", "VBOX HARDDISK", "VB3f2a1b4c-a3b4c5d6", 25 * GIB, rotational=True, smart=None)
    devices.sata(machine, sata, disk)
    model = "82540EM Gigabit Ethernet Controller"
    slot = Slot("0000:00:03.0", node=-1)
    devices.port(
        machine, "enp0s3", slot, "08:00:27:1a:2b:3c", link=1000, ids="8086:100e", model=model, driver="e1000"
    )
