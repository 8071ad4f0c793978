"""How long a step takes beside the others, for the bar that shows how far an installation is. Pure."""

from __future__ import annotations

from trebol_installer.steps import CloseTarget, EncryptDevice, ExtractLayer, InstallBootLoader, Step, VerifyLayers

#: Bytes of an unpacked layer, and of a verified one, that take as long as a step that only writes a file.
UNPACKED = 25 * 2**20
VERIFIED = 200 * 2**20


def weight(step: Step) -> float:
    """1 for a step that writes a file; more for those that take longer."""
    match step:
        case ExtractLayer():
            return 1 + step.unpacked / UNPACKED
        case VerifyLayers():
            return 1 + step.size / VERIFIED
        case EncryptDevice():
            return 10.0
        case InstallBootLoader() | CloseTarget():
            return 5.0
        case _:
            return 1.0
