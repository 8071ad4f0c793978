"""`/access/domains`: where users come from."""

from __future__ import annotations

from typing import Any

from trebol_node.access import listings
from trebol_node.api.forms import no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routing import api_router

router = api_router("/domains")


@router.get("", dependencies=[no_arguments])
async def get_domains() -> list[dict[str, Any]]:
    """All realms: whoever is to sign in sees them."""
    return listings.domains()


@router.get(
    "/{realm}", dependencies=[requires("/access/realm", "Realm.Allocate", "Sys.Audit", any=True), no_arguments]
)
async def get_domain(realm: str) -> dict[str, Any]:
    """One realm."""
    return listings.domain(realm)
