"""Which version of the API this is: clients of Proxmox VE choose by it what they may ask for."""

from __future__ import annotations

from trebol_common import __version__

#: The Proxmox VE whose API this one has the shape of.
API_VERSION = "9.0.0"
API_RELEASE = "9.0"

PACKAGE_VERSION = f"pve-manager/{API_VERSION}/trebol-{__version__}"


def version() -> dict[str, str]:
    """The value of GET /version and GET /nodes/{node}/version; `repoid` says whose it is."""
    return {"release": API_RELEASE, "repoid": f"trebol-{__version__}", "version": API_VERSION}
