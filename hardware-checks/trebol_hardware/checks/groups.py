"""All checks, in the order in which findings are read: what every node needs first."""

from __future__ import annotations

from trebol_hardware.checks import (
    ceph,
    ceph_disks,
    clock,
    cluster_network,
    controllers,
    disk_health,
    disks,
    firmware,
    iommu,
    kvm,
    management,
    memory,
    network,
    processor,
    topology,
    virtualisation,
)
from trebol_hardware.checks.registry import Check

ALL: tuple[Check, ...] = (
    *processor.CHECKS,
    *virtualisation.CHECKS,
    *kvm.CHECKS,
    *iommu.CHECKS,
    *memory.CHECKS,
    *disks.CHECKS,
    *disk_health.CHECKS,
    *controllers.CHECKS,
    *network.CHECKS,
    *cluster_network.CHECKS,
    *firmware.CHECKS,
    *clock.CHECKS,
    *management.CHECKS,
    *topology.CHECKS,
    *ceph_disks.CHECKS,
    *ceph.CHECKS,
)
