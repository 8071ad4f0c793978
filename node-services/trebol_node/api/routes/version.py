"""`/version`."""

from __future__ import annotations

from fastapi import Depends

from trebol_node.api.forms import no_arguments
from trebol_node.api.identity import identify
from trebol_node.api.routing import api_router
from trebol_node.system.version import version

router = api_router(tag="version")


@router.get("/version", dependencies=[Depends(identify), no_arguments])
async def get_version() -> dict[str, str]:
    """The version of Proxmox VE whose API this is, and Trebol's own."""
    return version()
