"""Where the witness has what is its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_common.i18n import _

FOLDER = Path("/etc/trebol-witness")
PKI = FOLDER / "pki"
DATABASE = FOLDER / "nssdb"
SETTINGS = FOLDER / "witness.json"

#: Follows the list of the store's members.
AGENT_UNIT = "trebol-witness.service"
QUORUM_UNIT = "trebol-witness-quorum.service"
#: Debian's own, with a CA of its own; both take the same port.
QNETD_UNIT = "corosync-qnetd.service"
QNETD_GROUP = "coroqnetd"


@dataclass(frozen=True)
class Settings:
    """Whose witness this is: the cluster, its nodes ("192.0.2.11:8006"), this machine's `address` as they see it, and
    what it shows to them. `qnetd`: Debian's was on before. `store`: it offers a vote in the store."""

    cluster: str
    nodes: tuple[str, ...]
    address: str
    id: str
    secret: str
    authority: str
    machine: str
    qnetd: bool
    store: bool = False

    def write(self, root: Path) -> None:
        """For root alone: it holds a secret."""
        write_text(root / SETTINGS.relative_to("/"), json.dumps(asdict(self), indent=1) + "\n", mode=0o600)

    @classmethod
    def read(cls, root: Path) -> Settings | None:
        """None: this machine is nobody's witness. Raises BadInput for a damaged file."""
        path = root / SETTINGS.relative_to("/")
        try:
            found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
            return cls(**{**found, "nodes": tuple(found["nodes"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(_("is damaged: {reason}").format(reason=error), where=str(path)) from error
