"""Where users come from: the system's own (PAM), and those whose passwords are kept here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from trebol_node.access.errors import Missing, shown
from trebol_node.access.names import realm_of

PAM = "pam"
OWN = "trebol"

#: As the API shows them; of the types that it has, "pve" is that of a server that keeps the passwords itself.
REALMS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        PAM: {"type": "pam", "comment": "Linux PAM standard authentication"},
        OWN: {"type": "pve", "comment": "Trebol authentication server"},
    }
)


def require_realm(user: str) -> str:
    """The realm of a user's id; raises Missing where there is none such."""
    realm = realm_of(user)
    if realm not in REALMS:
        raise Missing(f"auth domain '{shown(realm)}' does not exist")
    return realm
