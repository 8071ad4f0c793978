"""What is to be found on each machine of `tests.machines.recorded`: read by eye, for truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Noted on every machine.
_ALWAYS = "cpu-microcode cpu-confidential firmware-mode secure-boot tpm bmc huge-pages ksm system-mirror"
_SERVER = f"{_ALWAYS} cpu-level"
#: What a virtual machine is sent to its host for.
_GUEST = (
    f"{_ALWAYS} iommu iommu-groups memory-ecc memory-errors memory-modules memory-speed disk-power-loss "
    "disk-write-cache disk-health nic-cards cluster-cards power-supplies fencing ceph-osd-journals ceph-osd-ssds"
)
#: What cannot be seen while VT-x or AMD-V is off.
_BEHIND_THE_SWITCH = "cpu-nested-paging cpu-unrestricted-guest kvm-nested"
#: Of OSDs, where there is no disk for any: what cannot be reckoned.
_NO_OSD = "ceph-osd-journals ceph-osd-ssds ceph-osd-cores ceph-osd-memory"
_NO_GUEST_OSD = "ceph-osd-cores ceph-osd-memory"

_EVERY_ROLE = "node cluster ha ceph-mon ceph-osd ceph-mds mixed"
_OF_A_CLUSTER = "cluster ha ceph-mon ceph-osd ceph-mds mixed"
_WITH_OSDS = "ceph-osd mixed"


@dataclass(frozen=True)
class Expected:
    """Codes of all findings that are not pass, by severity; the roles that the machine fails for; and, by code, words
    that have to stand in measured value, reason, remedy or a device's share (several: divided by |)."""

    fail: str = ""
    warn: str = ""
    unknown: str = ""
    info: str = ""
    fails_for: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


EXPECTED: Mapping[str, Expected] = {
    "dell-r740-vt-locked": Expected(
        fail="cpu-virtualisation kvm-usable ceph-osd-disks",
        warn="iommu cluster-cards ceph-osd-raid",
        unknown=f"{_BEHIND_THE_SWITCH} iommu-groups disk-power-loss disk-health raid-controllers {_NO_OSD}",
        info=f"{_SERVER} cpu-vulnerabilities memory-speed disk-target disk-sectors disk-write-cache nic-link",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "MSR 0x3A is 0x1: locked, with VMX off|Dell PowerEdge: F2 → System Setup → System "
            "BIOS → Processor Settings → Virtualization Technology|power the machine off and on",
            "kvm-usable": "/dev/kvm does not work (ENODEV)|see cpu-virtualisation",
            "iommu": "Processor Settings → Virtualization Technology",
            "raid-controllers": "PERC H740P Mini|perccli64",
            "disk-target": "sda (RAID volume)|one RAID volume|see raid-controllers",
            "disk-health": "-d megaraid,N",
            "ceph-osd-raid": "Controller Management → Advanced Controller Management → HBA mode",
            "bmc": "Dell iDRAC|Redfish|fence_idrac",
            "nic-link": "2 of 4|eno3, eno4",
            "cluster-cards": "eno1, eno2|All ports with a link|another card too: eno3, eno4",
        },
    ),
    "dell-r720": Expected(
        warn="ceph-osd-raid cluster-cards power-supplies ceph-osd-journals",
        unknown="cpu-vulnerabilities disk-power-loss disk-health raid-controllers",
        info=f"{_SERVER} kvm-nested disk-write-cache nic-link nic-cards ceph-osd-network",
        words={
            "cpu-level": "x86-64-v2|lacks abm, avx2",
            "cpu-vulnerabilities": "so old that its maker no longer says|mmio_stale_data|newer machines",
            "power-supplies": "PSU.Slot.2: Without mains|circuit of its own",
            "ceph-osd-raid": "PERC H710P|has no HBA mode",
            "disk-write-cache": "A volume|see raid-controllers",
            "firmware-mode": "BIOS|4096-byte sectors",
            "bmc": "Dell iDRAC|fence_idrac, fence_ipmilan",
            "cluster-cards": "eno1, eno2, eno3, eno4|second NIC in another slot",
        },
    ),
    "dell-r6525": Expected(
        unknown="disk-power-loss disk-health",
        info=f"{_SERVER} kvm-nested disk-sectors disk-write-cache nic-link",
        words={
            "disk-power-loss": "4 of 5 known|whether SSDs are behind it",
            "disk-health": "4 of 5 sound|its vendor's tool",
            "cpu-confidential": "SEV, SEV-ES, SEV-SNP|switched on: SEV, SEV-ES.",
            "system-mirror": "sda behind a RAID controller",
        },
    ),
    "hpe-dl380-gen9": Expected(
        fail="ceph-osd-disks",
        warn="memory-errors ceph-osd-raid cluster-cards",
        unknown=f"disk-power-loss disk-health raid-controllers {_NO_OSD}",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-speed disk-target disk-write-cache nic-link nic-cards "
        "ceph-osd-network",
        fails_for=_WITH_OSDS,
        words={
            "memory-errors": "14 corrected, 0 uncorrected|mc0: a module makes errors",
            "raid-controllers": "P440ar|ssacli ctrl all show detail",
            "bmc": "HPE iLO 4|fence_ilo4",
            "memory-speed": "2133 MT/s|Rated for 2400",
        },
    ),
    "hpe-dl360-gen10": Expected(
        fail="cluster-links ceph-mon-network ceph-osd-network ceph-mds-network",
        warn="nic-link cluster-cards ceph-osd-journals",
        unknown="raid-controllers nic-speed nic-duplex",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-speed disk-sectors ceph-osd-raid nic-cards "
        "power-supplies",
        fails_for=_OF_A_CLUSTER,
        words={
            "nic-link": "0 of 4|nobody reaches this node|cables",
            "cluster-links": "cannot be in a cluster",
            "ceph-osd-network": "no link",
            "ceph-osd-raid": "P408i-a|passes its disks through",
            "system-mirror": "4 disks that are no RAID volumes",
            "power-supplies": "1 power supply|second one on another circuit",
            "bmc": "HPE iLO 5|fence_ilo5",
        },
    ),
    "hpe-dl325-svm-off": Expected(
        fail="cpu-virtualisation kvm-usable",
        warn="iommu cluster-cards",
        unknown=f"{_BEHIND_THE_SWITCH} iommu-groups",
        info=f"{_SERVER} nic-link nic-cards ceph-osd-network",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "VM_CR is 0x18: SVM is disabled, and locked|HPE ProLiant: F9|Virtualization "
            "Options → AMD Virtualization Technology",
            "iommu": "AMD I/O Virtualization Technology",
        },
    ),
    "lenovo-sr650": Expected(
        warn="cluster-cards cluster-bonds",
        unknown="raid-controllers",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-speed disk-sectors disk-write-cache ceph-osd-raid "
        "nic-cards",
        words={
            "cluster-bonds": "bond0 balance-rr|splits the cluster|active-backup or 802.3ad",
            "ceph-osd-raid": "930-8i|sdc, sdd, sde, sdf|passes its disks through",
            "raid-controllers": "storcli64",
            "system-mirror": "6 disks that are no RAID volumes|ZFS or mdadm",
            "bmc": "Lenovo XClarity Controller|fence_ipmilan, fence_redfish",
        },
    ),
    "fujitsu-rx2540": Expected(
        fail="time-sync-cluster ceph-osd-disks",
        warn="ceph-osd-raid cluster-cards time-sync hardware-clock",
        unknown=f"disk-power-loss disk-health raid-controllers {_NO_OSD}",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-speed disk-target disk-write-cache nic-cards "
        "ceph-osd-network",
        fails_for=_OF_A_CLUSTER,
        words={
            "time-sync": "chronyd reaches no time server|UDP port 123",
            "time-sync-cluster": "chronyd reaches no time server",
            "hardware-clock": "93784 s|empty battery",
            "bmc": "Fujitsu iRMC",
            "ceph-osd-raid": "PRAID EP400i",
        },
    ),
    "supermicro-epyc-9004": Expected(
        info=f"{_SERVER} kvm-nested",
        words={
            "cpu-level": "x86-64-v4",
            "secure-boot": "on",
            "bmc": "Supermicro BMC|Redfish",
            "system-mirror": "5 disks that are no RAID volumes",
        },
    ),
    "supermicro-4kn-bios": Expected(
        fail="disk-sectors",
        warn="cluster-cards ceph-osd-journals",
        unknown="power-supplies",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-speed disk-write-cache nic-cards ceph-osd-network",
        fails_for=_EVERY_ROLE,
        words={
            "disk-sectors": "sda, sdb, sdc, sdd: 4Kn: BIOS cannot boot from it|Boot in UEFI mode",
            "ceph-osd-journals": "hard disks: 3, SSDs for them: 0|trebol check disk-write",
            "power-supplies": "ipmitool",
        },
    ),
    "supermicro-failing-disk": Expected(
        fail="disk-health",
        warn="cluster-cards",
        unknown="power-supplies",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-speed disk-sectors disk-write-cache nic-cards "
        "ceph-osd-network",
        fails_for=_EVERY_ROLE,
        words={
            "disk-health": "4 of 6 sound|sdd: The disk itself says that it is failing|872|Replace it|sde|replaced by "
            "spare ones: 8",
            "ceph-osd-network": "20 minutes over 10 Gbit/s",
        },
    ),
    "supermicro-atom-d525": Expected(
        fail="cpu-virtualisation kvm-usable ceph-osd-disks",
        warn="cpu-level memory-size memory-ecc disk-target cluster-links clock-source watchdog "
        "ceph-mon-memory ceph-osd-network mixed-memory",
        unknown=f"{_BEHIND_THE_SWITCH} memory-errors power-supplies {_NO_OSD}",
        info=f"{_ALWAYS} iommu iommu-groups memory-speed disk-sectors disk-write-cache nic-link dmi-label",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "not in this processor|N and D of 2008 to 2012 have no VT-x|containers run without",
            "cpu-level": "x86-64-v1|lacks popcnt, sse4_1, sse4_2",
            "iommu": "this processor runs none",
            "dmi-label": "serial number: Never filled in",
            "clock-source": "hpet|journalctl -k -g tsc",
            "memory-errors": "Memory without ECC does not notice",
            "watchdog": "Watch Dog Function|softdog",
            "bmc": "Supermicro BMC",
        },
    ),
    "asus-core-i7": Expected(
        warn="iommu memory-ecc nic-count cluster-links cluster-cards fencing ceph-osd-journals ceph-osd-network",
        unknown="iommu-groups memory-errors power-supplies",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-installed disk-sectors disk-power-loss "
        "disk-write-cache nic-cards dmi-label",
        words={
            "memory-ecc": "A flipped bit goes unnoticed",
            "memory-installed": "graphics",
            "disk-power-loss": "Samsung SSD 970 EVO 500GB|A client SSD",
            "disk-write-cache": "nvme0n1, sda: The write cache may be lost with power|use a UPS|smartctl -s "
            "wcache,off /dev/sda",
            "dmi-label": "manufacturer, product name, serial number: Never filled in",
            "iommu": "VT-d|ASUS: Del, F7 (Advanced Mode) → Advanced → System Agent (SA) Configuration",
            "fencing": "iTCO_wdt|fence_apc_snmp",
            "nic-cards": "There is one port",
            "power-supplies": "Look at the back.",
        },
    ),
    "intel-nuc": Expected(
        fail="ceph-osd-disks",
        warn="disk-health memory-ecc disk-target nic-count cluster-links cluster-cards fencing ceph-osd-network",
        unknown=f"memory-errors power-supplies {_NO_OSD}",
        info=f"{_SERVER} kvm-nested memory-installed disk-power-loss disk-write-cache nic-speed nic-cards",
        fails_for=_WITH_OSDS,
        words={
            "disk-health": "endurance is used up (104 %)|104 % used, 52 °C|have a spare",
            "disk-target": "all is lost with it",
            "nic-speed": "The port can do 2500 Mbit/s",
        },
    ),
    "asus-ryzen-svm-off": Expected(
        fail="cpu-virtualisation kvm-usable ceph-osd-disks ceph-mon-network ceph-osd-network ceph-mds-network",
        warn="memory-ecc disk-target nic-count nic-speed cluster-links cluster-cards hardware-clock fencing",
        unknown=f"{_BEHIND_THE_SWITCH} memory-errors power-supplies {_NO_OSD}",
        info=f"{_SERVER} iommu-groups disk-sectors disk-power-loss disk-write-cache nic-cards",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "VM_CR is 0x18|ASUS: Del, F7 (Advanced Mode) → Advanced → CPU Configuration "
            "→ SVM Mode",
            "nic-speed": "enp3s0: Slower than 1 Gbit/s|four pairs",
            "hardware-clock": "local time, as for Windows",
            "iommu-groups": "group 14, with 0000:02:00.1",
            "ceph-mon-network": "100 Mbit/s",
        },
    ),
    "unnamed-n5105": Expected(
        fail="ceph-osd-disks",
        warn="cpu-vulnerabilities memory-size memory-ecc disk-target cluster-links dmi-label "
        "fencing ceph-osd-network mixed-memory",
        unknown=f"memory-errors power-supplies {_NO_OSD}",
        info=f"{_SERVER} kvm-nested memory-installed disk-sectors disk-power-loss disk-write-cache nic-link "
        "nic-speed",
        fails_for=_WITH_OSDS,
        words={
            "dmi-label": "UUID: Never filled in|libvirt tells hosts apart by it|product name",
            "cpu-vulnerabilities": "1 of 17 open|srbds|intel-microcode",
            "memory-size": "Little is left for guests|Add memory modules",
            "nic-link": "1 of 4",
        },
    ),
    "dell-optiplex-rst": Expected(
        fail="ceph-osd-disks",
        warn="memory-ecc disk-target raid-firmware nic-count cluster-links cluster-cards fencing ceph-osd-network",
        unknown=f"memory-errors power-supplies {_NO_OSD}",
        info=f"{_SERVER} cpu-vulnerabilities kvm-nested memory-installed disk-sectors disk-write-cache nic-cards",
        fails_for=_WITH_OSDS,
        words={
            "raid-firmware": "SATA Controller [RAID mode]|hides disks|AHCI|back up first",
            "bmc": "none",
        },
    ),
    "kvm-nested": Expected(
        warn="mixed-cores mixed-memory",
        unknown="ceph-mon-network ceph-osd-network ceph-mds-network",
        info=f"{_GUEST} cpu-level virtual-machine kvm-nested memory-installed nic-speed nic-duplex",
        words={
            "virtual-machine": "yes: KVM|passed through|good for trials",
            "ceph-mon-network": "trebol check network",
            "fencing": "fence_virsh, fence_pve",
            "iommu": "KVM gives this machine none",
        },
    ),
    "kvm-plain": Expected(
        fail="cpu-virtualisation kvm-usable",
        warn="cpu-level cpu-vulnerabilities virtual-machine watchdog mixed-cores mixed-memory",
        unknown=f"{_BEHIND_THE_SWITCH} ceph-mon-network ceph-osd-network ceph-mds-network",
        info=f"{_GUEST} memory-installed nic-speed nic-duplex",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "under KVM, which does not show it VT-x|qm set VMID --cpu host|host-passthrough",
            "cpu-level": "x86-64-v1|x86-64-v2-AES",
            "cpu-vulnerabilities": "2 of 17 open|cpu “host”",
            "watchdog": "i6300esb",
        },
    ),
    "vmware-nested": Expected(
        warn="nic-count cluster-links watchdog mixed-cores mixed-memory",
        unknown="cpu-vulnerabilities",
        info=f"{_GUEST} cpu-level virtual-machine kvm-nested",
        words={
            "virtual-machine": "yes: VMware|passed through",
            "cpu-vulnerabilities": "depends on the host|SMT Host state unknown",
            "watchdog": "vSphere 7.0",
            "nic-count": "Give the virtual machine a second one",
        },
    ),
    "vmware-plain": Expected(
        fail="cpu-virtualisation kvm-usable",
        warn="virtual-machine nic-count cluster-links watchdog mixed-cores mixed-memory",
        unknown=f"cpu-vulnerabilities {_BEHIND_THE_SWITCH}",
        info=f"{_GUEST} cpu-level",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "under VMware, which does not show it VT-x|Expose hardware assisted virtualization|"
            'vhv.enable = "TRUE"',
            "virtual-machine": "guests cannot use KVM here",
        },
    ),
    "hyperv-nested": Expected(
        fail="ceph-osd-disks",
        warn="nic-count cluster-links watchdog mixed-memory",
        unknown=f"cpu-vulnerabilities {_NO_GUEST_OSD}",
        info=f"{_GUEST} cpu-level virtual-machine kvm-nested memory-installed disk-target disk-sectors",
        fails_for=_WITH_OSDS,
        words={
            "virtual-machine": "yes: Hyper-V|passed through",
            "iommu": "no PCI devices",
            "disk-health": "virtual machine (Hyper-V)",
            "disk-target": "sda (SSD)|one virtual disk",
            "watchdog": "softdog",
        },
    ),
    "hyperv-plain": Expected(
        fail="cpu-virtualisation kvm-usable ceph-osd-disks",
        warn="virtual-machine nic-count cluster-links watchdog mixed-memory",
        unknown=f"cpu-vulnerabilities {_BEHIND_THE_SWITCH} {_NO_GUEST_OSD}",
        info=f"{_GUEST} cpu-level memory-installed disk-target disk-sectors",
        fails_for=_EVERY_ROLE,
        words={"cpu-virtualisation": "under Hyper-V|-ExposeVirtualizationExtensions $true"},
    ),
    "virtualbox-plain": Expected(
        fail="cpu-virtualisation kvm-usable ceph-osd-disks",
        warn="virtual-machine memory-size nic-count cluster-links watchdog ceph-mon-memory ceph-osd-network "
        "ceph-mds-cores mixed-cores mixed-memory",
        unknown=f"{_BEHIND_THE_SWITCH} {_NO_GUEST_OSD}",
        info=f"{_GUEST} cpu-level memory-installed disk-target",
        fails_for=_EVERY_ROLE,
        words={
            "cpu-virtualisation": "does not show it AMD-V|VBoxManage modifyvm NAME --nested-hw-virt on",
            "memory-size": "Give the virtual machine more memory",
            "firmware-mode": "BIOS",
        },
    ),
}
