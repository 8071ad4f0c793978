"""One initramfs for every node: what those with encrypted disks need of it is in it."""

from __future__ import annotations

from pathlib import Path

from tests.image.containers import run

from trebol_common.keyboard import CACHED_KEYMAP

#: By what it is for.
NEEDED = {
    "usr/sbin/cryptsetup": "open LUKS",
    "usr/lib/cryptsetup/scripts/decrypt_keyctl": "ask once for several containers",
    "usr/bin/keyctl": "the same",
    "scripts/init-top/keymap": "type a passphrase on the node's keyboard",
    CACHED_KEYMAP.removeprefix("/").removesuffix(".gz"): "the same; a node's archive replaces it under this name",
    "scripts/local-top/clevis": "have the TPM open LUKS",
    "usr/bin/clevis-decrypt-tpm2": "the same",
    "usr/bin/tpm2_unseal": "the same",
    "scripts/local-premount/trebol-btrfs": "mount a btrfs without one of its disks",
}


def test_the_initramfs_holds_what_encrypted_and_mirrored_nodes_need(node_tree: Path) -> None:
    kernel = run(node_tree, "ls", "/lib/modules").stdout.split()
    assert len(kernel) == 1
    listed = set(run(node_tree, "lsinitramfs", f"/boot/initrd.img-{kernel[0]}").stdout.split("\n"))
    assert {path: use for path, use in NEEDED.items() if path not in listed} == {}
