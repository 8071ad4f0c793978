"""Hardware virtualisation is seen as it is, on processors with and without, and as libvirt sees it."""

from __future__ import annotations

import re

from tests.e2e.processors import Examined


def test_hardware_virtualisation_is_seen_as_it_is(examined: Examined) -> None:
    finding = examined.findings["cpu-virtualisation"]
    assert finding["severity"] == examined.processor.virtualisation, finding
    assert examined.processor.measured in finding["measured"]


def test_the_level_of_the_processor_is_told(examined: Examined) -> None:
    assert examined.processor.level in examined.findings["cpu-level"]["measured"]


def test_it_is_a_virtual_machine_and_told_how_to_pass_virtualisation_on(examined: Examined) -> None:
    assert "QEMU" in examined.findings["virtual-machine"]["measured"]
    if examined.processor.virtualisation == "fail":
        assert "nested" in examined.findings["cpu-virtualisation"]["remedy"]


def test_libvirt_agrees(examined: Examined) -> None:
    said = re.search(r"hardware virtualization\s*:\s*(\w+)", examined.validated)
    assert said is not None, examined.validated
    assert (said[1] == "PASS") == (examined.processor.virtualisation == "pass")
    device = re.search(r"'/dev/kvm' exists\s*:\s*(\w+)", examined.validated)
    usable = examined.findings["kvm-usable"]["severity"] == "pass"
    assert usable == (device is not None and device[1] == "PASS"), examined.findings["kvm-usable"]
