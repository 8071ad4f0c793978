"""What udev knows of a device: properties by subsystem and kernel name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trebol_common.errors import BadInput, TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner

if TYPE_CHECKING:
    import pyudev

#: Seconds that the probe gives udev to finish with devices it is still looking at.
SETTLE_TIMEOUT = 60


class UdevSource(Protocol):
    """Where udev's properties come from; tests give a table."""

    def properties(self, subsystem: str, name: str) -> Mapping[str, str]:
        """The properties of one device, sorted by key; empty when udev does not know it."""
        ...


class PyudevSource:
    """udev's database of the running system, through libudev.

    Raises BadInput for a `root` other than /, and TrebolError where udev is not running or libudev is missing:
    without udev, full disks would look empty.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        if root != Path("/"):
            hint = _("probe / or give a recorded machine")
            raise BadInput(_("udev knows the running system only"), where=str(root), hint=hint)
        if not Path("/run/udev/control").exists():
            raise TrebolError(
                _("udev is not running, so what disks hold cannot be known"),
                where="/run/udev/control",
                hint=_("probe on a booted system (not in a container), or give a recorded machine"),
            )
        try:
            import pyudev
        except ImportError as error:
            what = _("cannot be loaded: {reason}").format(reason=error)
            raise TrebolError(what, where="pyudev", hint=_("install python3-pyudev and libudev1")) from error
        self._context: pyudev.Context = pyudev.Context()
        self._unknown = pyudev.DeviceNotFoundError
        self._devices = pyudev.Devices

    def properties(self, subsystem: str, name: str) -> Mapping[str, str]:
        """See `UdevSource.properties`."""
        try:
            device = self._devices.from_name(self._context, subsystem, name)
        except self._unknown:
            return {}
        return dict(sorted(device.properties.items()))


def settle(root: Path, runner: Runner | None) -> None:
    """Wait until udev has looked at all devices. The file tells that it has not: a program only then."""
    if runner is not None and (root / "run/udev/queue").exists():
        runner.run(["udevadm", "settle", f"--timeout={SETTLE_TIMEOUT}"])
