"""The installation medium: where things lie on it, what its manifest says, and how its checksums are verified.

The image build writes this, the initramfs finds it, the installer reads it::

    /trebol/id/MEDIUM_ID        empty; the boot loader and the initramfs find the medium by this name
    /trebol/manifest.json       `Manifest`
    /trebol/layers.txt          the layers once more, for the initramfs, which has no JSON parser: "NAME FILE" per
                                line, in the manifest's order
    /trebol/base.squashfs       one file per layer, in the manifest's order from the bottom up
    /trebol/zfs.squashfs        only where it was built with ZFS; only for targets with ZFS, and the live system
    /trebol/appliance.squashfs
    /trebol/live.squashfs       only for the live system, never on a target
    /trebol/mok.der             only with ZFS: the certificate of the key that its modules are signed with
    /trebol/answer.slot         SLOT_SIZE bytes, zero padded: an answer file patched in place
    /trebol/SHA256SUMS          of everything but the slot and the boot loader's environment
    /boot/                      vmlinuz, initrd.img, medium.cpio (conf/trebol-medium), grub/
    /EFI/BOOT/                  shim, GRUB, MokManager
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Set
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from trebol_common.block_sums import BLOCK, block_sums
from trebol_common.errors import BadInput, TrebolError
from trebol_common.i18n import _

SLOT_SIZE = 256 * 1024
FOLDER = "trebol"
MANIFEST = f"{FOLDER}/manifest.json"
LAYERS = f"{FOLDER}/layers.txt"
SLOT = f"{FOLDER}/answer.slot"
SUMS = f"{FOLDER}/SHA256SUMS"
CERTIFICATE = f"{FOLDER}/mok.der"

#: Where the initramfs mounts the medium in the live system; its layers lie beside it, in layers/NAME.
LIVE_MEDIUM = Path("/run/trebol/medium")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Feature(StrEnum):
    """What a target may be wanted with, and a layer is for."""

    ZFS = "zfs"


class Layer(_Record):
    """One squashfs: `size` and `unpacked` in bytes, `files` counts inodes. Only `target` layers are installed.

    Those with a `feature` are installed only on targets with that feature; the live system has them all. `blocks` are
    its `trebol_common.block_sums`, which an installation compares; `sha256` is the whole file's.
    """

    name: str
    file: str
    sha256: str
    blocks: tuple[str, ...]
    size: int
    unpacked: int
    files: int
    target: bool
    feature: Feature | None = None


class Manifest(_Record):
    """What a medium holds. `epoch` is SOURCE_DATE_EPOCH of the build."""

    format: Literal[1] = 1
    version: str
    profile: str
    medium_id: str
    epoch: int
    kernel: str
    layers: tuple[Layer, ...]

    @property
    def target_layers(self) -> tuple[Layer, ...]:
        """The layers that every target gets, from the bottom up."""
        return self.layers_for(frozenset())

    def layers_for(self, features: Set[Feature]) -> tuple[Layer, ...]:
        """The layers that a target with these features gets, from the bottom up; the order matters."""
        return tuple(
            layer for layer in self.layers if layer.target and (layer.feature is None or layer.feature in features)
        )

    @property
    def features(self) -> frozenset[Feature]:
        """What targets can be wanted with: the features that this medium has layers for."""
        return frozenset(layer.feature for layer in self.layers if layer.feature is not None)


class DamagedMedium(TrebolError):
    """The medium is not whole: it must not be installed from."""


def read_manifest(medium: Path) -> Manifest:
    """The manifest of the medium mounted at `medium`. Raises DamagedMedium, and BadInput where there is none."""
    path = medium / MANIFEST
    if not medium.is_dir():
        hint = _("mount a medium of Trebol, and name where it is")
        raise BadInput(_("no such folder"), where=str(medium), hint=hint)
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValidationError as error:
        raise DamagedMedium(
            _("is not a manifest of this version of Trebol"), where=str(path), hint=_("write the medium anew")
        ) from error


def _unreadable(path: Path, error: OSError) -> DamagedMedium:
    wrong = _("cannot be read: {reason}").format(reason=error.strerror)
    return DamagedMedium(wrong, where=str(path), hint=_("write the medium anew, or try another one"))


def module_key(medium: Path) -> str:
    """The SHA-256, in hexadecimal, of the certificate on the medium that its own kernel modules are signed with.

    "" where the medium has no such modules. Raises DamagedMedium.
    """
    path = medium / CERTIFICATE
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(path, error) from error


def verify_layer(
    medium: Path,
    layer: Layer,
    on_progress: Callable[[int], None] = lambda done: None,
    *,
    known: Mapping[int, str] | None = None,
) -> None:
    """Read a layer and compare it with the manifest; `on_progress` gets bytes done. Raises DamagedMedium.

    `known` are sums of blocks that were hashed in advance (`trebol_common.block_sums.take`).
    """
    path = medium / FOLDER / layer.file
    done = 0

    def progress(now: int) -> None:
        nonlocal done
        done = now
        on_progress(now)

    try:
        found = block_sums(path, progress, known=known)
    except OSError as error:
        raise DamagedMedium(
            _("cannot be read after {done} of {size} bytes: {reason}").format(
                done=done, size=layer.size, reason=error.strerror
            ),
            where=str(path),
            hint=_("the medium or its drive is failing; write the medium anew, or try another one"),
        ) from error
    if found != layer.blocks:
        raise DamagedMedium(
            _difference(found, layer.blocks),
            where=str(path),
            hint=_(
                "download the ISO again, compare its checksum, and write the medium anew; nothing was written here"
            ),
        )


def _difference(found: tuple[str, ...], expected: tuple[str, ...]) -> str:
    """Where the sums of a layer's blocks begin to differ, in words."""
    first = next((i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
    if first is None:
        return _("is damaged in its length: it differs from the checksums of the manifest")
    return _("is damaged between byte {start} and {end}: it differs from the checksums of the manifest").format(
        start=first * BLOCK, end=(first + 1) * BLOCK
    )
