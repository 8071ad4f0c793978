"""`trebol node keys`: what API, store and cockpit need before they start: certificates, the store's configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from trebol_common.files import write_text
from trebol_common.run import Runner
from trebol_node import cockpit
from trebol_node.facts import ADDRESSES
from trebol_node.pki import API, FOLDER, Names, Own, fingerprint, give, names_of, prepare
from trebol_node.status import node_addresses
from trebol_node.store import configuration, reached


@dataclass(frozen=True)
class Keys:
    """What was `made` by this run, and the `fingerprint` of the certificate that clients of the API see."""

    made: tuple[Path, ...]
    fingerprint: str


def prepare_node(root: Path, runner: Runner, *, own: Own = give) -> Keys:
    """Make what is not there yet on the node below `root`; raises as `trebol_node.pki.prepare` does."""
    names = names_now(root, runner)
    pki = root / FOLDER.relative_to("/")
    made = prepare(names, runner, folder=pki, own=own)
    settings = root / configuration.PATH.relative_to("/")
    # A member of a cluster has one if it votes, and gets it from who adds its vote.
    member = (root / reached.PATH.relative_to("/")).exists()
    if not settings.exists() and not member:
        write_text(settings, configuration.render(configuration.Configuration(names.host)))
        made = (*made, settings)
    made = (*made, *cockpit.share(root))
    return Keys(made, fingerprint(API.pair(pki).certificate))


def names_now(root: Path, runner: Runner) -> Names:
    """The names and addresses that the node below `root` has now. Raises BadInput for a host name that is none."""
    host = (root / "proc/sys/kernel/hostname").read_text(encoding="utf-8").strip()
    links = json.loads(runner.run(ADDRESSES).stdout)
    addresses = node_addresses(links, frozenset(str(link["ifname"]) for link in links if "ifname" in link))
    hosts = root / "etc/hosts"
    return names_of(
        host,
        hosts.read_text(encoding="utf-8", errors="replace") if hosts.exists() else "",
        (address.partition("/")[0] for address in addresses),
    )
