"""What an installation left, kept so that an interrupted session can go on where it was (`TREBOL_REUSE=1`)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from trebol_common.files import write_text
from trebol_image.qemu.qmp import QmpEvent
from trebol_image.qemu.serial import Line

RECORD = "installation.json"


def images(folder: Path, number: int) -> tuple[Path, ...]:
    """The images of `number` targets."""
    return tuple(folder / f"disk{disk}.qcow2" for disk in range(1, number + 1))


@dataclass(frozen=True)
class Installation:
    """What an unattended installation left, and how it went from the machine's start to its end."""

    folder: Path
    disks: tuple[Path, ...]
    console: tuple[Line, ...]
    end: QmpEvent
    bystander_before: str
    bystander_after: str

    @property
    def text(self) -> str:
        """What the serial console showed."""
        return "\n".join(line.text for line in self.console)


def identity_of(iso: Path, answer: str) -> str:
    """What an installation is made of: this very ISO and this answer file."""
    stat = iso.stat()
    return hashlib.sha256(f"{iso.absolute()} {stat.st_size} {stat.st_mtime_ns}\n{answer}".encode()).hexdigest()


def save(installation: Installation, made_of: str) -> Installation:
    """Keep the record beside the disk, and return the installation."""
    record = {
        "made_of": made_of,
        "disks": len(installation.disks),
        "console": [[line.time, line.text] for line in installation.console],
        "end": [installation.end.name, dict(installation.end.data)],
        "bystander": [installation.bystander_before, installation.bystander_after],
    }
    write_text(installation.folder / RECORD, json.dumps(record))
    return installation


def load(folder: Path, made_of: str) -> Installation | None:
    """The installation kept in `folder`; None when there is none, or it is made of something else."""
    path = folder / RECORD
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["made_of"] != made_of:
        return None
    console = tuple(Line(time, text) for time, text in record["console"])
    before, after = record["bystander"]
    return Installation(folder, images(folder, record["disks"]), console, QmpEvent(*record["end"]), before, after)
