"""What the answers want of the medium beyond what every target gets, and why it cannot be had. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.answers.model import Answers, Filesystem
from trebol_common.errors import BadInput, Problem, Refused
from trebol_common.i18n import _
from trebol_common.medium import CERTIFICATE, LIVE_MEDIUM, Feature, Layer, Manifest
from trebol_hardware.machine import Machine
from trebol_installer.sizing import GIB, MIB

_KEY = "disk-setup.filesystem"

#: What layers are assumed to need where no medium is at hand (`trebol answer match` on a laptop): a little more than
#: those of the first release, so that a disk that passes here passes on the machine.
_NOMINAL = (
    Layer(
        name="base",
        file="base.squashfs",
        sha256="",
        blocks=(),
        size=900 * MIB,
        unpacked=3 * GIB,
        files=100_000,
        target=True,
    ),
    Layer(
        name="appliance",
        file="appliance.squashfs",
        sha256="",
        blocks=(),
        size=4 * MIB,
        unpacked=32 * MIB,
        files=1_000,
        target=True,
    ),
    Layer(
        name="zfs",
        file="zfs.squashfs",
        sha256="",
        blocks=(),
        size=76 * MIB,
        unpacked=96 * MIB,
        files=1_000,
        target=True,
        feature=Feature.ZFS,
    ),
)


def wanted(answers: Answers) -> frozenset[Feature]:
    """The features of the target that the answers describe."""
    return frozenset({Feature.ZFS} if answers.disk_setup.filesystem is Filesystem.ZFS else ())


def layers_of(manifest: Manifest | None, features: frozenset[Feature]) -> tuple[Layer, ...]:
    """The layers of a target with `features`. Raises BadInput where the medium lacks one of them."""
    if manifest is None:
        return tuple(layer for layer in _NOMINAL if layer.feature is None or layer.feature in features)
    if Feature.ZFS in features - manifest.features:
        raise BadInput(
            _("this medium was built without ZFS"),
            where=_KEY,
            hint=_("use a release of Trebol, or one built with it (make iso ZFS=1), or another file system"),
        )
    return manifest.layers_for(features)


def unpacked(layers: tuple[Layer, ...]) -> int:
    """What the layers take on the target, in bytes."""
    return sum(layer.unpacked for layer in layers)


def refuse_unloadable(machine: Machine, features: frozenset[Feature], module_key: str) -> None:
    """Raise Refused where Secure Boot would keep the kernel from loading what is wanted.

    `module_key` is the SHA-256 of the certificate that the medium's own modules are signed with; "" where no medium
    is at hand, so that nothing can be said.
    """
    if problems := list(_unloadable(machine, features, module_key)):
        raise Refused.of(problems)


def _unloadable(machine: Machine, features: frozenset[Feature], module_key: str) -> Iterator[Problem]:
    known = machine.firmware.certificates
    if _matters(machine, features) and module_key and known is not None and module_key not in known:
        what = _(
            "Secure Boot is on, and does not know the key that the modules of ZFS are signed with: the kernel would "
            "not load them"
        )
        hint = _(
            "enrol the key: mokutil --import {file} in a shell of this medium asks for a new password; restart, "
            "choose “Enroll MOK” on the machine's own screen, type that password, and boot the medium again. Or "
            "switch Secure Boot off in the firmware, or use another file system"
        )
        yield Problem(what, _KEY, hint.format(file=LIVE_MEDIUM / CERTIFICATE))


def notes(machine: Machine, features: frozenset[Feature], module_key: str) -> Iterator[str]:
    """What could not be looked at."""
    if not _matters(machine, features):
        return
    if not module_key:
        yield _(
            "Secure Boot is on: the machine has to know the key of the modules of ZFS; no medium is at hand to "
            "compare it with"
        )
    elif machine.firmware.certificates is None:
        yield _(
            "Secure Boot is on: the machine has to know the key of the modules of ZFS; the keys that it knows could "
            "not be read"
        )


def _matters(machine: Machine, features: frozenset[Feature]) -> bool:
    return Feature.ZFS in features and bool(machine.firmware.secure_boot)
