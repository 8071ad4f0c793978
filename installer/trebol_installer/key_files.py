"""SSH keys in the files of a folder, such as a stick that is mounted there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trebol_common.errors import BadInput, Problem
from trebol_common.i18n import _
from trebol_installer.ssh_keys import LARGEST, Keys, read_keys

#: Where keys lie below the folder, and what else they are in than *.pub.
FOLDERS = ("", ".ssh")
LIST = "authorized_keys"


def keys_below(top: Path, name: str) -> Iterator[Keys]:
    """What each list holds, by its place in the folder that people know as `name`.

    One without a key holds what is wrong with it.
    """
    for folder in FOLDERS:
        # A link would lead out of the stick.
        if not (top / folder).is_dir() or (top / folder).is_symlink():
            continue
        for path in sorted((top / folder).iterdir()):
            called = path.name.lower()
            # What begins with a point is the leaving of a file manager.
            is_list = called == LIST or (called.endswith(".pub") and not called.startswith("."))
            if is_list and path.is_file() and not path.is_symlink():
                yield _list(path, str(Path(name, folder, path.name)))


def _list(path: Path, where: str) -> Keys:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise BadInput(_("is larger than {size} bytes").format(size=LARGEST), where=where)
        return read_keys(content, where)
    except OSError as error:
        return Keys(where, (), (Problem(_("cannot be read: {reason}").format(reason=error.strerror), where),))
    except BadInput as error:
        return Keys(where, (), error.problems)
