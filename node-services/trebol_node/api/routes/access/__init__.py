"""`/access/…`: tickets, users, groups, roles, ACL, tokens, second factors."""

from __future__ import annotations

from trebol_node.api.routes.access import acl, domains, groups, roles, tfa, ticket, tokens, users
from trebol_node.api.routing import api_router

router = api_router("/access", tag="access")
for each in (ticket, users, tokens, tfa, groups, roles, acl, domains):
    router.include_router(each.router)
