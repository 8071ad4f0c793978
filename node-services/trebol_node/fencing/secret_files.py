"""Secrets of fence devices as pacemaker reads them: files that root alone may read, never its configuration.

    /var/lib/pacemaker/lrm/secrets/RESOURCE/password         the secret
    /var/lib/pacemaker/lrm/secrets/RESOURCE/password.sign    its MD5, by which pacemaker sees that it is whole

The layout is that of cibsecret(8). Pacemaker's fencer puts them in where the configuration says "lrm://", and hands
them to the agent by its stdin. In the configuration they would also be in pacemaker's log, in the policies that it
keeps for looking into later, and shown to the group haclient.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from trebol_common.files import write_text
from trebol_node.cluster.here.pacemaker import SECRETS
from trebol_node.fencing.cib import PREFIX

FOLDER = SECRETS


def install(folder: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
    """Write what is missing of resource → parameter → secret. What is there has the same name, and so is the same,
    unless it was cut short."""
    for path in (folder.parent, folder):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for resource, values in secrets.items():
        if values:
            (folder / resource).mkdir(mode=0o700, exist_ok=True)
        for name, secret in values.items():
            _write(folder / resource / name, secret)
            _write(
                folder / resource / f"{name}.sign", hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()
            )


def forget_others(folder: Path, resources: frozenset[str]) -> None:
    """Delete those of ours that pacemaker has no resource for any more."""
    for path in folder.glob(f"{PREFIX}*"):
        if path.name not in resources:
            shutil.rmtree(path)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        write_text(path, text, mode=0o600)
