"""An installed disk on processors of several makes: what the checks say of each, beside libvirt's own tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.cases import CASES
from tests.e2e.lab import Job, Lab
from tests.e2e.nodes import booted

from trebol_image.qemu import Firmware


@dataclass(frozen=True)
class Processor:
    """A processor as QEMU's software emulation makes it, and what is true of it there.

    The emulation has AMD's SVM and lacks Intel's VMX, whatever it is asked for. `virtualisation` is the severity of
    cpu-virtualisation, `measured` words of what it measured, `level` those of cpu-level.
    """

    name: str
    model: str
    virtualisation: str
    measured: str
    level: str


PROCESSORS = {
    processor.name: processor
    for processor in (
        Processor("plain-amd", "qemu64", "pass", "AMD-V", "x86-64-v1"),
        Processor("epyc-with-svm", "EPYC,+svm", "pass", "AMD-V", "x86-64-v3"),
        Processor("epyc-without-svm", "EPYC,-svm", "fail", "AMD-V: not passed through", "x86-64-v3"),
        Processor("skylake", "Skylake-Server,+vmx", "fail", "VT-x: not passed through", "x86-64-v"),
    )
}


@dataclass(frozen=True)
class Examined:
    """Findings by code, and what virt-host-validate says: "QEMU: Checking …: PASS" per line."""

    processor: Processor
    findings: dict[str, dict[str, Any]]
    validated: str


@contextmanager
def examined(processor: Processor, lab: Lab) -> Iterator[Examined]:
    """Boot the disk that was installed as `bios` on this processor, and ask both."""
    case = CASES["bios"]
    with booted(case, lab, processor.name, Firmware.BIOS, None, cpu=processor.model) as machine:
        report = machine.ssh("trebol check --json", key=lab.key, check=False).stdout
        validated = machine.ssh("virt-host-validate qemu", key=lab.key, check=False)
    findings = {finding["code"]: finding for finding in json.loads(report)["findings"]}
    yield Examined(processor, findings, validated.stdout + validated.stderr)


def processor_job(name: str) -> Job:
    """The job of a processor."""
    return lambda lab: examined(PROCESSORS[name], lab)
