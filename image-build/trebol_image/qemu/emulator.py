"""The QEMU that tests and benchmarks run on: the one in the image they look at, whatever the host has.

Debian 12's QEMU 7.2 breaks one guest in thirty (docs/testing.md); Debian 13's, which every node has, needs a quarter
less of the host's processors, too.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_common.medium import FOLDER
from trebol_common.run import CommandFailed, CommandRunner
from trebol_image.iso9660 import Image

#: The mount lives in a name space of its own and ends with QEMU. Libraries, too, are the image's.
_SCRIPT = """\
#!/bin/sh -e
[ "$TREBOL_INSIDE" ] || TREBOL_INSIDE=1 exec unshare --mount --propagation slave "$0" "$@"
mount --types squashfs --options ro,loop,offset={offset},sizelimit={size} {iso} {image}
exec {image}/lib64/ld-linux-x86-64.so.2 --library-path {image}/usr/lib/x86_64-linux-gnu \\
    {image}/usr/bin/qemu-system-x86_64 -L {image}/usr/share/qemu -L {image}/usr/share/seabios "$@"
"""


def image_qemu(iso: Path, folder: Path) -> Path:
    """A program in `folder` that is QEMU as the base layer of `iso` has it.

    Raises BadInput where it does not run: it needs root, loop devices and squashfs.
    """
    with iso.open("rb") as stream:
        (layer,) = Image(stream, str(iso)).files()[f"{FOLDER}/base.squashfs"].extents
    image = folder.absolute() / "image"
    image.mkdir(parents=True, exist_ok=True)
    program = folder.absolute() / "qemu"
    paths = {"iso": shlex.quote(str(iso.absolute())), "image": shlex.quote(str(image))}
    write_text(program, _SCRIPT.format(offset=layer.offset, size=layer.length, **paths), mode=0o755)
    try:
        CommandRunner().run([program, "--version"])
    except CommandFailed as error:
        hint = "be root on a kernel with loop devices and squashfs"
        raise BadInput(f"its QEMU does not run: {error}", where=str(iso), hint=hint) from error
    return program
