"""etcd's configuration on this node, rendered (etcd.yaml.j2 beside this file). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.pki import AUTHORITY, FOLDER, STORE
from trebol_node.store.limits import MIB, QUOTA, REQUEST, TOTAL

#: Where trebol-store.service reads it.
PATH = Path("/etc/trebol/store.yaml")

#: Seconds between two signs of life of a silent watch.
PROGRESS = 5


@dataclass(frozen=True)
class Configuration:
    """One voter. `cluster` names all of them with their peer URLs; empty: it is the only one."""

    name: str
    data: Path = Path("/var/lib/etcd/trebol")
    client_url: str = "https://127.0.0.1:2379"
    peer_url: str = "https://127.0.0.1:2380"
    token: str = "trebol"
    cluster: tuple[tuple[str, str], ...] = ()

    @property
    def initial_cluster(self) -> str:
        """As etcd takes it: NAME=URL,…"""
        return ",".join(f"{name}={url}" for name, url in self.cluster or ((self.name, self.peer_url),))


def render(configuration: Configuration, *, pki: Path = FOLDER) -> str:
    """The text of etcd's configuration file, YAML."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("etcd.yaml.j2").render(
        configuration=configuration,
        store=STORE.pair(pki),
        authority=AUTHORITY.pair(pki),
        progress=PROGRESS,
        quota=QUOTA,
        request=REQUEST,
        total_mib=TOTAL // MIB,
    )


def parse(text: str, *, where: str = str(PATH)) -> Configuration:
    """What `render` made, or somebody changed since. Raises BadInput where something is missing."""
    import yaml

    try:
        found = yaml.safe_load(text)
        members = tuple(tuple(member.split("=", 1)) for member in found["initial-cluster"].split(","))
        return Configuration(
            name=found["name"],
            data=Path(found["data-dir"]),
            client_url=found["advertise-client-urls"],
            peer_url=found["initial-advertise-peer-urls"],
            token=found["initial-cluster-token"],
            cluster=() if len(members) == 1 else members,
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadInput(_("is no configuration of the store: {reason}").format(reason=error), where=where) from error


def read(path: Path = PATH) -> Configuration:
    """The configuration of this node's store. Raises BadInput where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadInput(_("is missing"), where=str(path), hint=_("make it: trebol node keys")) from error
    return parse(text, where=str(path))
