"""Clocks: the kernel's source of time, what keeps it right, how far off it is, and the hardware clock."""

from __future__ import annotations

from trebol_common.i18n import _, counted
from trebol_hardware.checks.details import on_the_host
from trebol_hardware.checks.finding import Requirement, Severity, Verdict
from trebol_hardware.checks.hypervisor import container, is_guest, is_virtual
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_CLUSTER, CEPH_MON
from trebol_hardware.machine import Machine

#: Clock sources that hypervisors give; in a guest they are as good as the TSC.
_OF_HYPERVISORS = frozenset({"kvm-clock", "xen", "hyperv_clocksource_tsc_page", "hyperv_clocksource_msr"})

#: Microseconds. Ceph's monitors complain when they differ by more than mon_clock_drift_allowed, 0.05 s.
DRIFT_ALLOWED = 50_000

#: Two nodes that are off by half of it each, to either side, differ by all of it.
_DRIFT_SAFE = DRIFT_ALLOWED // 2

#: Microseconds. Debian's chrony.conf steps the clock from here on (makestep 1 3).
_STEP = 1_000_000

#: Seconds: what a quartz of 20 ppm drifts in a month without power (52 s).
_HARDWARE_DRIFT = 60

_HOUR = 3600
_QUARTER = 900


def source(machine: Machine) -> Verdict:
    """The kernel's clock source."""
    clock = machine.clock
    if not clock.source:
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("The kernel does not say which clock it uses."),
            _("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"),
        )
    if clock.source == "tsc" or (is_virtual(machine) and clock.source in _OF_HYPERVISORS):
        return Verdict(Severity.PASS, clock.source)
    if container(machine):
        return on_the_host(machine, _("The clock source"))
    if is_virtual(machine):
        reason = _("A slow clock for a virtual machine: the hypervisor offers none of its own.")
        return Verdict(Severity.INFO, clock.source, reason, _("Give the machine kvm-clock, or the host's CPU model."))
    if forced := next((word for word in machine.kernel_words if word.startswith(("clocksource=", "tsc="))), ""):
        reason = _("Asked for on the kernel's command line ({word}): each look at the clock is slow.").format(
            word=forced
        )
        return Verdict(Severity.WARN, clock.source, reason, _("Take it off, unless the TSC is known to be broken."))
    return Verdict(
        Severity.WARN,
        clock.source,
        _(
            "The processors' own clock (TSC) is not used, most often because the kernel found it unstable: guests "
            "get slow and wrong time."
        ),
        _("See why: journalctl -k -g tsc; update the firmware."),
    )


def synchronisation(machine: Machine) -> Verdict:
    """What keeps the node's time, as any node should have it."""
    return _synchronisation(machine, Severity.WARN, _STEP)


def synchronisation_in_cluster(machine: Machine) -> Verdict:
    """The same for members of a cluster, which have to agree."""
    return _synchronisation(machine, Severity.FAIL, DRIFT_ALLOWED)


def _synchronisation(machine: Machine, severity: Severity, limit: int) -> Verdict:
    clock = machine.clock
    measured = _measured(machine)
    if not clock.daemon:
        if clock.synchronised is None:
            return Verdict(
                Severity.UNKNOWN,
                measured,
                _("Whether anything keeps the time is not known."),
                _("systemctl status chrony systemd-timesyncd"),
            )
        return Verdict(
            severity,
            measured,
            _("Nothing keeps the time: logs, certificates and the cluster's messages go wrong."),
            _("systemctl enable --now chrony"),
        )
    if clock.servers == 0:
        reason = _("{daemon} reaches no time server.").format(daemon=clock.daemon)
        return Verdict(severity, measured, reason, _("chronyc sources; allow UDP port 123 to a time server."))
    if clock.synchronised is False:
        reason = _("{daemon} runs, but the kernel's clock is not synchronised.").format(daemon=clock.daemon)
        return Verdict(severity, measured, reason, _("Wait a few minutes after boot, then: chronyc tracking"))
    if clock.offset is not None and clock.offset > limit:
        return Verdict(severity, measured, _("The clock is off."), _("chronyc tracking; chronyc makestep"))
    if clock.synchronised is None:
        return Verdict(
            Severity.UNKNOWN,
            measured,
            _("{daemon} runs; whether the clock is right is not known.").format(daemon=clock.daemon),
            _("chronyc tracking"),
        )
    if severity is Severity.FAIL and clock.offset is None:
        reason = _("How far the clock is off is not known.")
        return Verdict(Severity.UNKNOWN, measured, reason, _("Use chrony, and ask it: chronyc tracking"))
    if severity is Severity.FAIL and clock.offset is not None and clock.offset > _DRIFT_SAFE:
        reason = _("More than half of what Ceph's monitors allow between each other.")
        return Verdict(
            Severity.WARN, measured, reason, _("Use time servers near to the cluster, the same on all nodes.")
        )
    return Verdict(Severity.PASS, measured)


def _measured(machine: Machine) -> str:
    clock = machine.clock
    words = [clock.daemon or _("no time daemon")]
    if clock.servers is not None:
        words.append(counted("{count} time server", "{count} time servers", clock.servers))
    if clock.offset is not None:
        words.append(_("off by {offset:.3f} ms").format(offset=clock.offset / 1000))
    return ", ".join(words)


def hardware_clock(machine: Machine) -> Verdict:
    """How far the hardware clock is off, which is how far the system is off at its next boot."""
    offset = machine.clock.hardware_clock_offset
    if offset is None:
        if is_guest(machine):
            return on_the_host(machine, _("The hardware clock"))
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("The hardware clock cannot be read."),
            _("As root: hwclock --show"),
        )
    measured = _("off by {seconds} s").format(seconds=offset)
    if offset <= _HARDWARE_DRIFT:
        return Verdict(Severity.PASS, measured)
    rest = offset % _QUARTER
    if offset > _HOUR // 2 and min(rest, _QUARTER - rest) <= _HARDWARE_DRIFT:
        reason = _(
            "Most likely it keeps local time, as for Windows: it is off by whole quarters of an hour, and so is the "
            "node after each boot, until chrony steps in."
        )
    else:
        reason = _("The node is that far off after each boot; an empty battery on the board does that.")
    return Verdict(
        Severity.WARN,
        measured,
        reason,
        _("With the right system time: hwclock --systohc --utc; else change the battery."),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "clock-source",
        "Clock source",
        Role.NODE,
        source,
        "Which clock the kernel counts time with. The processors' TSC is read in nanoseconds; HPET and ACPI take "
        "microseconds, and guests suffer from it.",
        Requirement("", "tsc (in a virtual machine: the hypervisor's)", "Linux kernel, Documentation/timers"),
    ),
    Check(
        "time-sync",
        "Time synchronisation",
        Role.NODE,
        synchronisation,
        "Whether a time daemon runs, reaches servers and keeps the clock right.",
        Requirement("", "a synchronised clock", "chrony.conf(5)"),
    ),
    Check(
        "time-sync-cluster",
        "Time in step with the cluster",
        Role.CLUSTER,
        synchronisation_in_cluster,
        "Members of a cluster have to agree on the time; Ceph's monitors notice differences of 0.05 s.",
        Requirement("off by less than 50 ms", "off by less than 25 ms", f"{BRIEF_CLUSTER}; {CEPH_MON}"),
    ),
    Check(
        "hardware-clock",
        "Hardware clock",
        Role.NODE,
        hardware_clock,
        "The clock on the board, from which the system takes its time at boot.",
        Requirement(
            "", "off by less than 60 s", "Trebol: a month's drift of a quartz of 20 ppm without power; hwclock(8)"
        ),
    ),
)
