"""Where the project's own files are, and the profiles a build can have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput

#: The rooms whose code goes into the `trebol` package, and the files that make it one.
ROOMS = ("common", "hardware-checks", "installer", "node-services", "firstboot", "image-build")
PACKAGE_FILES = ("pyproject.toml", "README.md", "debian", *ROOMS)


@dataclass(frozen=True)
class Profile:
    """How layers are packed: zstd `level` 1 to 22. More costs build time only; installs are as fast.

    `zfs` says whether an ISO has the ZFS layer where nothing else is said.
    """

    name: str
    level: int
    zfs: bool


PROFILES = {profile.name: profile for profile in (Profile("dev", 3, zfs=False), Profile("release", 15, zfs=True))}


def find_profile(name: str) -> Profile:
    """The profile called `name`. Raises BadInput."""
    if name not in PROFILES:
        raise BadInput(f"{name!r} is not one of {', '.join(PROFILES)}", where="--profile")
    return PROFILES[name]


@dataclass(frozen=True)
class Project:
    """A checkout of Trebol."""

    root: Path

    @property
    def iso(self) -> Path:
        """What goes onto the medium and into the layers."""
        return self.root / "iso"

    @property
    def out(self) -> Path:
        """What is built."""
        return self.root / "out"

    @classmethod
    def find(cls) -> Project:
        """The checkout that this code runs from. Raises BadInput in an installed copy."""
        root = Path(__file__).resolve().parents[2]
        if not (root / "iso" / "packages").is_dir():
            raise BadInput(
                "building needs a checkout of Trebol",
                where=str(root),
                hint="clone the project and run `make iso` there",
            )
        return cls(root)
