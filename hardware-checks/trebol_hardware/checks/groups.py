"""All checks, in the order in which findings are read: what every node needs first."""

from __future__ import annotations

from trebol_hardware.checks import iommu, kvm, processor, virtualisation
from trebol_hardware.checks.registry import Check

ALL: tuple[Check, ...] = (
    *processor.CHECKS,
    *virtualisation.CHECKS,
    *kvm.CHECKS,
    *iommu.CHECKS,
)
