"""A second look at disks that udev shows as empty.

udev's blkid says nothing where two signatures contradict each other, and overlooks a GPT whose protective MBR is
gone. Such disks hold data all the same; wipefs(8) lists every signature, and without its -a or -o it only reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trebol_common.run import CommandFailed, Runner
from trebol_hardware.machine import Content

#: `Content.kind` of a disk that cannot be read: what it holds is unknown, which is not the same as nothing.
UNREADABLE = "unreadable"

SignatureReader = Callable[[Sequence[str]], Mapping[str, tuple[Content, ...]]]


def unseen_by_udev(runner: Runner) -> SignatureReader:
    """A reader of the signatures on the named devices ("sda"), by name; one program for all of them."""

    def read(devices: Sequence[str]) -> Mapping[str, tuple[Content, ...]]:
        if not devices:
            return {}
        try:
            completed = runner.run(_command(devices), check=False)
        except CommandFailed:
            return {device: (Content(UNREADABLE),) for device in devices}  # There is no wipefs: nobody can tell.
        found = parse(completed.stdout) if completed.status == 0 else None
        if found is not None:
            return found
        if len(devices) == 1:
            return {devices[0]: (Content(UNREADABLE),)}
        # It stops at the first device that it cannot read: ask for each.
        return {name: contents for device in devices for name, contents in read([device]).items()}

    return read


def _command(devices: Sequence[str]) -> list[str]:
    return ["wipefs", "--json", *(f"/dev/{device}" for device in devices)]


def parse(text: str) -> dict[str, tuple[Content, ...]] | None:
    """From wipefs' JSON: contents by device, each once (a GPT has a signature at either end of the disk).

    None where `text` is no such list; wipefs says nothing at all of empty disks.
    """
    found: dict[str, dict[tuple[str, str, str], Content]] = {}
    try:
        signatures: list[dict[str, Any]] = json.loads(text or '{"signatures": []}')["signatures"]
        for signature in signatures:
            content = Content(
                str(signature["type"]), str(signature.get("label") or ""), str(signature.get("uuid") or "")
            )
            contents = found.setdefault(signature["device"].removeprefix("/dev/"), {})
            contents[content.kind, content.label, content.uuid] = content
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return {device: tuple(contents.values()) for device, contents in found.items()}
