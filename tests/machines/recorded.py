"""The recorded machines of more than thirty kinds: `python -m tests.machines.recorded` writes their JSON files anew.

Each is a function that puts a machine together in a `Recorder`, from what real ones of its kind show; serial numbers,
addresses and UUIDs are made up. What the probe makes of it is the record. The other files of this folder are older.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.machines import dell, desktops, hpe, lenovo_fujitsu, storage_disks, storage_stacks, supermicro, virtual
from tests.machines.recorder import Recorder

from trebol_common.files import write_text
from trebol_hardware.machine import Machine

FOLDER = Path(__file__).parent

MACHINES: Mapping[str, Callable[[Recorder], None]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        dell.dell_r740_vt_locked,
        dell.dell_r720,
        dell.dell_r6525,
        hpe.hpe_dl380_gen9,
        hpe.hpe_dl360_gen10,
        hpe.hpe_dl325_svm_off,
        lenovo_fujitsu.lenovo_sr650,
        lenovo_fujitsu.fujitsu_rx2540,
        supermicro.supermicro_epyc_9004,
        supermicro.supermicro_4kn_bios,
        supermicro.supermicro_failing_disk,
        supermicro.supermicro_atom_d525,
        desktops.asus_core_i7,
        desktops.intel_nuc,
        desktops.asus_ryzen_svm_off,
        desktops.unnamed_n5105,
        desktops.dell_optiplex_rst,
        virtual.kvm_nested,
        virtual.kvm_plain,
        virtual.vmware_nested,
        virtual.vmware_plain,
        virtual.hyperv_nested,
        virtual.hyperv_plain,
        virtual.virtualbox_plain,
    )
}

#: Machines about their disks alone, in a folder of their own: nothing is said of the rest of them.
STORAGE_FOLDER = FOLDER / "storage"

STORAGE: Mapping[str, Callable[[Recorder], None]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        storage_disks.sas_multipath,
        storage_disks.perc_esxi,
        storage_disks.smart_array_cciss,
        storage_disks.nvme_namespaces,
        storage_disks.emmc_box,
        storage_disks.usb_and_virtual_media,
        storage_disks.twin_serials,
        storage_stacks.md_raid10_lvm,
        storage_stacks.bcache_xfs,
        storage_stacks.truenas,
        storage_stacks.proxmox_zfs,
        storage_stacks.ceph_osds,
        storage_stacks.windows_dual,
        storage_stacks.intel_rst,
    )
}


def record(name: str) -> Machine:
    """The machine called `name`, as the probe sees it."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Recorder(Path(folder))
        (MACHINES.get(name) or STORAGE[name])(machine)
        return machine.record()


def main() -> None:
    """Write every record."""
    for name in MACHINES:
        write_text(FOLDER / f"{name}.json", record(name).to_json())
    for name in STORAGE:
        write_text(STORAGE_FOLDER / f"{name}.json", record(name).to_json())


if __name__ == "__main__":
    main()
