"""A client that people have, signed in at a node."""

from __future__ import annotations

from proxmoxer import ProxmoxAPI
from proxmoxer.core import AuthenticationError
from requests import RequestException
from tests.cluster.eventually import eventually
from tests.cluster.nodes import PASSWORD, ContainerNode


def signed_in(node: ContainerNode, user: str = "root@pam", password: str = PASSWORD) -> ProxmoxAPI:
    """proxmoxer with a ticket, made with a password or with the ticket of another node; once the node gives one: its
    store may just have started. Where it does not, the AssertionError has what its daemon says.
    """

    def signed() -> ProxmoxAPI | AuthenticationError:
        try:
            return ProxmoxAPI(node.address, user=user, password=password, verify_ssl=False, timeout=60)
        except AuthenticationError as error:
            if "code: 503" in str(error):
                raise
            # Waiting makes no wrong password right.
            return error

    try:
        found = eventually(signed)
        if isinstance(found, AuthenticationError):
            raise found
        return found
    except (AuthenticationError, RequestException) as error:
        said = node.run("journalctl", "--no-pager", "-n50", "--unit=trebold", "--unit=trebol-store", check=False)
        raise AssertionError(f"{error}\n{said}") from error
