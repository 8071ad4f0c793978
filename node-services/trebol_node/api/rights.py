"""What a route demands of whoever calls it: `requires("/nodes/{node}", "Sys.Audit")`."""

# Annotations are no text here: FastAPI does not find what they mean for a callable object.
from typing import Any

from fastapi import Depends, Request

from trebol_node.access import Identity
from trebol_node.api.context import context_of
from trebol_node.api.identity import identify

#: Every node's other name for itself.
LOCALHOST = "localhost"


class Requires:
    """The dependency that lets pass whoever has the privileges on the path; its value is their identity."""

    def __init__(self, path: str, privileges: tuple[str, ...], *, any: bool) -> None:
        self.path = path
        self.privileges = privileges
        self.any = any

    async def __call__(self, request: Request) -> Identity:
        """Who asks; raises NotAuthenticated (401), Denied (403: which privilege, on which path)."""
        identity = await identify(request)
        context = context_of(request)
        names = request.path_params
        if names.get("node") == LOCALHOST:
            # One node, one object of the ACL, whatever it is called.
            names = {**names, "node": context.node}
        path = self.path.format_map(names)
        context.accounts.read().require(identity, path, self.privileges, any=self.any)
        return identity


def requires(path: str, *privileges: str, any: bool = False) -> Any:
    """A dependency: all (or any) of `privileges` on `path` of the ACL tree, with the route's own `{names}` in it.

    As `dependencies=[requires(…)]` of a route or router, or as `who: Annotated[Identity, requires(…)]`.
    """
    return Depends(Requires(path, privileges, any=any))
