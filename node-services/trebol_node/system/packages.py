"""What apt knows of a node's packages, as Proxmox VE's API tells it.

`python3 -m trebol_node.system.packages updates|versions` prints it as JSON. It is a program of its own: libapt takes
more memory than all of trebold. It changes nothing, and needs no right but to read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

COMMAND = (sys.executable, "-P", "-m", "trebol_node.system.packages")

#: Whose versions say what a node is made of; those that it does not have are left out.
SHOWN = (
    *("trebol", "linux-image-amd64", "systemd", "openssh-server", "chrony", "etcd-server"),
    *("libvirt-daemon-system", "qemu-system-x86", "cockpit", "cockpit-machines"),
    *("corosync", "pacemaker", "fence-agents", "ceph-mon", "ceph-mgr", "ceph-osd", "ceph-mds"),
    *("lvm2", "mdadm", "cryptsetup", "zfsutils-linux"),
)

Item = dict[str, Any]


def main(word: str) -> int:
    """Print the list that is called `word`; the exit status."""
    # Not at the top: trebold imports this module, and Debian alone has that one.
    library = import_module("apt_pkg")
    library.init()
    apt = Apt(library)
    lists: Mapping[str, Callable[[], Iterator[Item]]] = {"updates": apt.updates, "versions": apt.versions}
    json.dump(list(lists[word]()), sys.stdout)
    return 0


class Apt:
    """libapt's own view: its cache of lists and states, read now."""

    def __init__(self, library: Any) -> None:
        self._cache = library.Cache(None)
        self._plan = library.DepCache(self._cache)
        self._records = library.PackageRecords(self._cache)
        self._installed = library.CURSTATE_INSTALLED

    def updates(self) -> Iterator[Item]:
        """What `apt-get dist-upgrade` would install now, by name."""
        self._plan.upgrade(True)
        for package in sorted(self._cache.packages, key=lambda package: package.name):
            if self._plan.marked_upgrade(package) or self._plan.marked_install(package):
                yield self._item(package, self._plan.get_candidate_ver(package))

    def versions(self, names: Iterable[str] = SHOWN) -> Iterator[Item]:
        """Of each package that is there: the version that it has, and the one that it could have."""
        for name in names:
            if name in self._cache and (package := self._cache[name]).current_ver is not None:
                state = "Installed" if package.current_state == self._installed else "NotInstalled"
                candidate = self._plan.get_candidate_ver(package) or package.current_ver
                yield {**self._item(package, candidate), "CurrentState": state}

    def _item(self, package: Any, version: Any) -> Item:
        # Of several places that have it, the first is as good as any.
        place, index = version.file_list[0]
        self._records.lookup((place, index))
        old = package.current_ver
        return {
            "Arch": version.arch,
            "Description": self._records.long_desc,
            "Origin": place.origin or "",
            **({} if old is None else {"OldVersion": old.ver_str}),
            "Package": package.name,
            "Priority": version.priority_str or "",
            "Section": version.section or "",
            "Title": self._records.short_desc,
            "Version": version.ver_str,
        }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
