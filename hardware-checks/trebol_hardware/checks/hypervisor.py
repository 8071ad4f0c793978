"""Whether a machine is a virtual one or a container, and how the hypervisor above passes VT-x or AMD-V to it."""

from __future__ import annotations

from collections.abc import Mapping

from trebol_common.i18n import _
from trebol_hardware.checks.firmware_menu import is_amd
from trebol_hardware.machine import Machine

#: systemd-detect-virt(1): "Container".
CONTAINERS = frozenset(
    ("openvz", "lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "wsl", "proot", "pouch")
)

#: systemd-detect-virt(1): "VM". Names of products.
HYPERVISORS: Mapping[str, str] = {
    "acrn": "ACRN",
    "amazon": "Amazon EC2",
    "apple": "Apple Virtualization",
    "bhyve": "bhyve",
    "bochs": "Bochs",
    "google": "Google Compute Engine",
    "kvm": "KVM",
    "microsoft": "Hyper-V",
    "oracle": "VirtualBox",
    "parallels": "Parallels",
    "qemu": "QEMU",
    "qnx": "QNX",
    "vmware": "VMware",
    "xen": "Xen",
}


def container(machine: Machine) -> str:
    """The kind of container that this system runs in, empty where it does not."""
    return machine.virtualisation if machine.virtualisation in CONTAINERS else ""


def is_virtual(machine: Machine) -> bool:
    """Whether a hypervisor is below, also below a container. The kernel's flag `hypervisor` counts too: CPUID's own
    (leaf 1, ECX 31)."""
    named = bool(machine.virtualisation) and not container(machine)
    return named or "hypervisor" in machine.processor.flags


def is_guest(machine: Machine) -> bool:
    """Whether this system is a part of another, whose hardware is looked at there: a virtual machine or container."""
    return is_virtual(machine) or bool(container(machine))


def guest_kind(machine: Machine) -> str:
    """What a guest is, for people: "virtual machine (KVM)", "container (lxc)"."""
    if kind := container(machine):
        return _("container ({kind})").format(kind=kind)
    return _("virtual machine ({hypervisor})").format(hypervisor=hypervisor(machine))


def hypervisor(machine: Machine) -> str:
    """The hypervisor's name for people; "" on bare metal."""
    if not is_virtual(machine):
        return ""
    if container(machine) or not machine.virtualisation:
        return _("an unnamed hypervisor")
    return product_name(machine.virtualisation)


def product_name(kind: str) -> str:
    """The product behind one of systemd-detect-virt(1)'s names: "microsoft" is Hyper-V."""
    return HYPERVISORS.get(kind, kind)


def nesting_remedy(machine: Machine) -> str:
    """What to change in the hypervisor, so that this virtual machine can run guests of its own.

    From the documentation of each: KVM (kernel, virt/kvm/x86/running-nested-guests), Proxmox VE (qm.conf), libvirt
    (domain XML, cpu mode), VMware (vhv.enable), Hyper-V (Set-VMProcessor), VirtualBox (modifyvm), Xen (xl.cfg),
    Parallels (prlctl), EC2 and Compute Engine (nested virtualization).
    """
    module = "kvm_amd" if is_amd(machine.processor) else "kvm_intel"
    match machine.virtualisation:
        case "kvm" | "qemu" | "bochs":
            return _(
                "On the host, /sys/module/{module}/parameters/nested must say Y or 1 (else “options {module} "
                "nested=1” in /etc/modprobe.d, and load the module anew). Then give this machine the host's "
                "processor: Proxmox VE “qm set VMID --cpu host”, libvirt <cpu mode='host-passthrough'/>, QEMU "
                "“-accel kvm -cpu host”; power it off and on."
            ).format(module=module)
        case "vmware":
            return _(
                "Power the virtual machine off and tick, in its CPU settings, “Expose hardware assisted "
                "virtualization to the guest OS” (Workstation: “Virtualize Intel VT-x/EPT or AMD-V/RVI”); in its "
                ".vmx: "
                'vhv.enable = "TRUE".'
            )
        case "microsoft":
            return _(
                "Turn the virtual machine off and run on the Hyper-V host: Set-VMProcessor -VMName NAME "
                "-ExposeVirtualizationExtensions $true (Intel: Windows Server 2016 or newer; AMD: 2022 or newer). On "
                "Azure, take a size that supports nested virtualization."
            )
        case "oracle":
            return _(
                "Turn the virtual machine off and run on the host: VBoxManage modifyvm NAME --nested-hw-virt on (in "
                "its settings: System, Processor, Enable Nested VT-x/AMD-V)."
            )
        case "xen":
            return _(
                "In the guest's xl configuration set hap=1 and nestedhvm=1 (an HVM guest; experimental in Xen), and "
                "start it anew."
            )
        case "parallels":
            return _("Stop the virtual machine and run on the host: prlctl set NAME --nested-virt on.")
        case "amazon":
            return _("Take a bare-metal instance type (*.metal), or one that supports nested virtualization.")
        case "google":
            return _("Create the instance with --enable-nested-virtualization.")
        case _other:
            return _(
                "Look in the hypervisor's documentation for “nested virtualization”: the virtual machine's processor "
                "must show VT-x (vmx) or AMD-V (svm)."
            )
