"""Who says so: the documents that requirements quote, and their numbers that more than one check needs.

Gigabytes are decimal, as the documents write them. The kernel keeps some of the memory for itself before it counts
what is usable; between GB and GiB there is room for that, so that a server sold with 8 GB has 8 GB.
"""

from __future__ import annotations

from typing import Final

GB: Final = 10**9

BRIEF_NODE: Final = "the project's brief, One node"
BRIEF_CLUSTER: Final = "the project's brief, Cluster"
BRIEF_HA: Final = "the project's brief, High availability"
BRIEF_CEPH: Final = "the project's brief, Ceph"

CEPH: Final = "Ceph, Hardware Recommendations (docs.ceph.com/en/reef/start/hardware-recommendations)"
CEPH_MON: Final = "Ceph, Monitor Config Reference: mon_clock_drift_allowed (docs.ceph.com/en/reef)"
OPENZFS: Final = "OpenZFS, Performance and Tuning: Hardware (openzfs.github.io)"
PROXMOX_BONDS: Final = "Proxmox VE Administration Guide, Cluster Network: Corosync Over Bonds"
SMBIOS: Final = "SMBIOS Reference Specification (DMTF DSP0134)"
NVME: Final = "NVM Express Base Specification, SMART / Health Information log page"
SBD: Final = "sbd(8)"

#: One node's memory, in bytes.
NODE_MEMORY: Final = 1 * GB
NODE_MEMORY_RECOMMENDED: Final = 8 * GB
