"""Memory: how much, whether all of it is used, whether it notices and mends errors, and whether it has made any."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.details import fitting, memory_not_known, of_details, on_the_host
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.hypervisor import is_guest
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_NODE, NODE_MEMORY, NODE_MEMORY_RECOMMENDED, OPENZFS, SMBIOS
from trebol_hardware.facts import MemoryErrors, MemoryModule
from trebol_hardware.machine import Machine
from trebol_hardware.sizes import show_size

#: What the kernel keeps before it counts: 64 bytes of struct page for each 4 KiB (1/64), and what firmware reserves,
#: up to half a GiB, and on large servers 1/128 (376 GiB of 384 are usual).
_PAGE_TABLE_SHARE = 64
_FIRMWARE_LEAST = 2**29
_FIRMWARE_SHARE = 128

#: SMBIOS 7.17.3: kinds of error correction that mend at least one wrong bit, or that notice one.
_CORRECTING = frozenset({"single-bit ECC", "multi-bit ECC", "CRC"})

#: Kernel parameters that take memory away.
_LIMITS = ("mem=", "memmap=")


def size(machine: Machine) -> Verdict:
    """Usable memory against the least and the recommended."""
    if not machine.memory:
        return memory_not_known()
    measured = show_size(machine.memory)
    remedy = fitting(machine, _("Add memory modules."), virtual=_("Give the virtual machine more memory."))
    if machine.memory < NODE_MEMORY:
        return Verdict(Severity.FAIL, measured, _("The node itself does not run in less than 1 GB."), remedy)
    if machine.memory < NODE_MEMORY_RECOMMENDED:
        return Verdict(Severity.WARN, measured, _("Little is left for guests."), remedy)
    return Verdict(Severity.PASS, measured)


def installed(machine: Machine) -> Verdict:
    """Installed modules against what the kernel can use."""
    modules = machine.memory_details.modules
    total = sum(module.size for module in modules or ())
    if not modules or not total:
        return _no_modules(machine)
    if not machine.memory:
        return memory_not_known()
    measured = _("{usable} usable of {installed} installed").format(
        usable=show_size(machine.memory), installed=show_size(total)
    )
    missing = total - machine.memory
    if missing < 0:
        return Verdict(
            Severity.UNKNOWN,
            measured,
            _("Firmware lists fewer modules than the kernel uses."),
            _("Compare with the memory page of the firmware's setup or of the BMC."),
        )
    if limit := next((word for word in machine.kernel_words if word.startswith(_LIMITS)), ""):
        return Verdict(
            Severity.WARN,
            measured,
            _("The kernel was told to use less: {word}").format(word=limit),
            _("Take {word} off the kernel's command line.").format(word=limit),
        )
    if missing <= total // _PAGE_TABLE_SHARE + max(_FIRMWARE_LEAST, total // _FIRMWARE_SHARE):
        return Verdict(Severity.PASS, measured)
    if missing < min(module.size for module in modules if module.size) * 9 // 10:
        return Verdict(
            Severity.INFO,
            measured,
            _("Firmware keeps {size}, most often for graphics on the board.").format(size=show_size(missing)),
            _("Give the graphics less memory in the firmware's setup, if guests need it."),
        )
    return Verdict(Severity.WARN, measured, _why_missing(missing, total), _look_at_modules())


def _why_missing(missing: int, total: int) -> str:
    if abs(missing - total // 2) < total // 10:
        return _("Half of the memory is not there: mirrored by firmware, or the modules of one processor are off.")
    return _("At least a whole module is not used: loose, broken, switched off, or kept as a spare by firmware.")


def _look_at_modules() -> str:
    return _(
        "Look for memory mode (mirroring, sparing) and disabled modules in the firmware's setup; reseat modules."
    )


def _no_modules(machine: Machine) -> Verdict:
    if is_guest(machine):
        return on_the_host(machine, _("Memory modules"))
    return Verdict(
        Severity.UNKNOWN,
        "",
        _("Firmware lists no memory modules, or the probe did not run as root."),
        _("Run trebol check as root; else see the memory page of the firmware's setup."),
    )


def ecc(machine: Machine) -> Verdict:
    """Error correction: what firmware says of the board, the modules' widths, and the kernel's EDAC driver."""
    if is_guest(machine):
        return on_the_host(machine, _("Memory with error correction (ECC)"))
    memory = machine.memory_details
    widths = {_has_check_bits(module) for module in memory.modules or ()} - {None}
    if memory.error_correction in ("none", "parity") or False in widths:
        return Verdict(
            Severity.WARN,
            _("no ECC"),
            _(
                "A flipped bit goes unnoticed: ZFS and Ceph store it with a good checksum, and guests crash or "
                "compute wrongly."
            ),
            _("Use a board, processor and modules with ECC; Intel Core processors mostly have none."),
        )
    if memory.error_correction in _CORRECTING:
        return Verdict(Severity.PASS, memory.error_correction)
    if memory.errors is not None:
        return Verdict(Severity.PASS, _("an EDAC driver watches the memory"))
    if True in widths:
        return Verdict(
            Severity.UNKNOWN,
            _("modules with check bits"),
            _("Firmware does not say whether the board uses them."),
            _("Look for ECC in the memory page of the firmware's setup."),
        )
    return Verdict(
        Severity.UNKNOWN,
        "",
        _("Firmware does not say whether the memory has ECC."),
        _("Run trebol check as root; else look up the modules' part numbers."),
    )


def _has_check_bits(module: MemoryModule) -> bool | None:
    """Whether a module is wider than its data; DDR5's on-die ECC does not count, and does not show here either."""
    if not module.total_width or not module.data_width:
        return None
    return module.total_width > module.data_width


def errors(machine: Machine) -> Verdict:
    """What EDAC counted since boot."""
    if is_guest(machine):
        return on_the_host(machine, _("Counters of memory errors"))
    counted = machine.memory_details.errors
    if counted is None and ecc(machine).severity is Severity.WARN:
        reason = _("Memory without ECC does not notice its errors, so that nobody can count them.")
        return Verdict(Severity.UNKNOWN, "", reason, _("Test it once in a while, and after each change: memtest86+"))
    if counted is None:
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("No EDAC driver counts memory errors: there is no ECC, or firmware keeps them to itself."),
            _("See the event log of the BMC: ipmitool sel list"),
        )
    details = [_errors_of(controller) for controller in counted]
    corrected = sum(controller.corrected for controller in counted)
    uncorrected = sum(controller.uncorrected for controller in counted)
    return of_details(
        details,
        measured=_("{corrected} corrected, {uncorrected} uncorrected since boot").format(
            corrected=corrected, uncorrected=uncorrected
        ),
    )


def _errors_of(controller: MemoryErrors) -> Detail:
    remedy = _("Find the module in the event log of the BMC or with edac-util, and replace it.")
    if controller.uncorrected:
        severity, reason = Severity.FAIL, _("memory returned wrong data that ECC could not mend")
    elif controller.corrected:
        severity, reason = Severity.WARN, _("a module makes errors; ECC still mends them")
    else:
        return Detail(controller.controller, Severity.PASS, "0")
    measured = f"{controller.corrected} + {controller.uncorrected}"
    return Detail(controller.controller, severity, measured, reason, remedy)


def modules(machine: Machine) -> Verdict:
    """Modules of one size, kind and rated speed."""
    if is_guest(machine):
        return on_the_host(machine, _("Memory modules"))
    there = [module for module in machine.memory_details.modules or () if module.size]
    if not there:
        return _no_modules(machine)
    groups: dict[tuple[int, str, int | None], list[MemoryModule]] = {}
    for module in there:
        groups.setdefault((module.size, module.kind, module.speed), []).append(module)
    measured = "; ".join(_describe(members) for members in groups.values())
    if len(groups) == 1:
        return Verdict(Severity.PASS, measured)
    usual = max(groups.values(), key=len)
    return Verdict(
        Severity.WARN,
        measured,
        _("Unlike modules: all run as the slowest does, and channels are filled unevenly."),
        _("Fill all channels with modules of one size and speed."),
        tuple(
            Detail(module.locator, Severity.WARN, _describe([module]))
            for members in groups.values()
            if members is not usual
            for module in members
        ),
    )


def _describe(members: list[MemoryModule]) -> str:
    module = members[0]
    speed = f"{module.speed} MT/s" if module.speed else ""
    return " ".join(word for word in (f"{len(members)} x", show_size(module.size), module.kind, speed) if word)


def speed(machine: Machine) -> Verdict:
    """Modules that run below their rated speed. INFO only: two modules in a channel, or the processor, ask for it."""
    if is_guest(machine):
        return on_the_host(machine, _("The speed of memory"))
    known = [
        (module, module.speed, module.configured_speed)
        for module in machine.memory_details.modules or ()
        if module.speed and module.configured_speed
    ]
    if not known:
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("Firmware does not say how fast the memory runs."),
            _("See the memory page of the firmware's setup."),
        )
    details = [
        Detail(
            module.locator,
            Severity.INFO if now < rated else Severity.PASS,
            f"{now} MT/s",
            _("Rated for {speed} MT/s.").format(speed=rated) if now < rated else "",
            _("Normal with two modules in a channel or an older processor; else set the memory's speed to automatic.")
            if now < rated
            else "",
        )
        for module, rated, now in known
    ]
    return of_details(details, measured=f"{min(now for _module, _rated, now in known)} MT/s")


CHECKS: tuple[Check, ...] = (
    Check(
        "memory-size",
        "Memory",
        Role.NODE,
        size,
        "Memory that the kernel can use. The node takes its share; guests, ZFS and Ceph share the rest.",
        Requirement("1 GB", "8 GB or more", BRIEF_NODE),
    ),
    Check(
        "memory-installed",
        "Installed memory is usable",
        Role.NODE,
        installed,
        "Compares the modules that firmware lists with what the kernel can use. A loose module, mirroring, sparing "
        "and graphics on the board all take memory away without a word.",
        Requirement("", "all that is installed, less 1/64 for the kernel, and 0.5 GiB or 1/128 for firmware", SMBIOS),
    ),
    Check(
        "memory-ecc",
        "Error-correcting memory",
        Role.NODE,
        ecc,
        "Whether memory notices and mends flipped bits. No file system protects data that were wrong in memory "
        "before their checksum was made.",
        Requirement("", "ECC", OPENZFS),
    ),
    Check(
        "memory-errors",
        "Memory errors",
        Role.NODE,
        errors,
        "What the memory controllers counted since boot, by the kernel's EDAC drivers.",
        Requirement(
            "no uncorrected errors", "no errors", "Linux kernel, Reliability, Availability and Serviceability"
        ),
    ),
    Check(
        "memory-modules",
        "Memory modules alike",
        Role.NODE,
        modules,
        "Modules of unlike size, kind or speed slow each other down.",
        Requirement("", "modules of one size and speed", SMBIOS),
    ),
    Check(
        "memory-speed",
        "Memory speed",
        Role.NODE,
        speed,
        "Whether modules run as fast as they are rated.",
        Requirement("", "the modules' rated speed", SMBIOS),
    ),
)
