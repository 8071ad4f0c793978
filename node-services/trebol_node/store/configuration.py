"""etcd's configuration on this node, rendered (etcd.yaml.j2 beside this file). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
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


#: Ports of etcd, for its clients and for its peers.
CLIENT_PORT, PEER_PORT = 2379, 2380


@dataclass(frozen=True)
class Configuration:
    """One voter. `cluster` names all of them with their peer URLs; empty: it is the only one.

    `client_url` is for this node; `public_url`, for the others, is empty where there are none. `joins`: the store is
    there already, and has this member in its list.
    """

    name: str
    data: Path = Path("/var/lib/etcd/trebol")
    client_url: str = "https://127.0.0.1:2379"
    peer_url: str = "https://127.0.0.1:2380"
    token: str = "trebol"
    cluster: tuple[tuple[str, str], ...] = ()
    public_url: str = ""
    joins: bool = False

    @property
    def initial_cluster(self) -> str:
        """As etcd takes it: NAME=URL,…"""
        return ",".join(f"{name}={url}" for name, url in self.cluster or ((self.name, self.peer_url),))

    @property
    def listens(self) -> str:
        """The URLs for clients, as etcd takes them: URL,…"""
        return ",".join(filter(None, (self.client_url, self.public_url)))


def client_url(address: str) -> str:
    """Where clients reach the store of the node with that address of link 0. Raises BadInput for what is none."""
    return _url(address, CLIENT_PORT)


def peer_url(address: str) -> str:
    """Where other voters reach it. Raises as `client_url` does."""
    return _url(address, PEER_PORT)


def _url(address: str, port: int) -> str:
    try:
        # A zone is this node's alone.
        found = ipaddress.ip_address("" if "%" in address else address)
    except ValueError as error:
        raise BadInput(_("{address} is no IP address").format(address=repr(address))) from error
    return f"https://[{found}]:{port}" if found.version == 6 else f"https://{found}:{port}"


def of_cluster(
    name: str, voters: Mapping[str, str], *, joins: bool = False, token: str = Configuration.token
) -> Configuration:
    """The voter `name` of a cluster; `voters` has the address of link 0 of each, its own too.

    Raises BadInput as `client_url` does.
    """
    members = tuple((each, peer_url(address)) for each, address in sorted(voters.items()))
    return Configuration(
        name,
        peer_url=peer_url(voters[name]),
        public_url=client_url(voters[name]),
        token=token,
        cluster=members if len(members) > 1 else (),
        joins=joins,
    )


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
        listens, advertised = found["listen-client-urls"].split(","), found["advertise-client-urls"]
        members = tuple(tuple(member.split("=", 1)) for member in found["initial-cluster"].split(","))
        return Configuration(
            name=found["name"],
            data=Path(found["data-dir"]),
            # With one URL alone this node takes the one that is told to others, wherever etcd listens.
            client_url=listens[0] if len(listens) > 1 else advertised,
            public_url=advertised if len(listens) > 1 else "",
            peer_url=found["initial-advertise-peer-urls"],
            token=found["initial-cluster-token"],
            cluster=() if len(members) == 1 else members,
            joins=found["initial-cluster-state"] == "existing",
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
