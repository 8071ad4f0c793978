"""Who sends a request: by an API token, by a ticket in a cookie, by the peer of the unix socket alone; or who sent it
to another member of the cluster, which handed it on."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Depends, Request
from starlette.types import Scope

from trebol_node.access import Identity, csrf, handed, tickets, tokens
from trebol_node.access.errors import Denied, Missing, NotAuthenticated
from trebol_node.access.names import ROOT
from trebol_node.api.audit import READS, noted
from trebol_node.api.context import Context, context_of
from trebol_node.api.wire import wire_of

COOKIE = "PVEAuthCookie"
CSRF = "csrfpreventiontoken"


async def identify(request: Request) -> Identity:
    """Who sends `request`; raises NotAuthenticated (401)."""
    about = noted(request.scope)
    if about.identity is None:
        context = context_of(request)
        about.identity = _identify(request, context)
        about.user = str(about.identity)
    return about.identity


def _identify(request: Request, context: Context) -> Identity:
    if handed.HEADER in request.headers:
        return _handed(request, context)
    uid = wire_of(request.scope).uid
    if uid is not None:
        if uid not in context.root:
            raise NotAuthenticated(f"user {uid} of this node is not root")
        if not _shows_who(request):
            return Identity(ROOT)
    accounts, now = context.accounts.read(), context.clock.now()
    authorization = request.headers.get("authorization", "")
    if tokens.is_token(authorization):
        return tokens.check(accounts, authorization, now)
    user = tickets.check(accounts, _cookie(request), now).user
    if request.method not in READS:
        csrf.check(accounts.keys, request.headers.get(CSRF, ""), user, now)
    try:
        accounts.require_enabled(Identity(user), now)
    except (Denied, Missing) as error:
        raise NotAuthenticated(str(error)) from error
    return Identity(user)


def _handed(request: Request, context: Context) -> Identity:
    """Whose request a member hands on to here; whatever else it shows counts for nothing."""
    given = request.headers.getlist(handed.HEADER)
    if len(given) != 1:
        raise NotAuthenticated("handed on more than once")
    asked = handed.Asked(context.node, request.method, target_of(request.scope))
    found = handed.check(context.accounts.read(), given[0], asked, context.clock.now())
    noted(request.scope).origin = f"{found.origin}@{found.by}"
    return found.identity


def target_of(scope: Scope) -> str:
    """Path and query as one member sends them to another, who decodes the path to the same."""
    path, query = quote(scope["path"], safe="/:@!,=+~"), scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _shows_who(request: Request) -> bool:
    """Whether root's program asks for somebody who signed in: then their rights count, and the log names them."""
    return tokens.is_token(request.headers.get("authorization", "")) or bool(_cookie(request))


def _cookie(request: Request) -> str:
    """The ticket, which browsers' scripts send percent-encoded and others as it is; empty where there is none."""
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return unquote(value.strip('"'))
    return ""


def is_of(user: str, who: Identity) -> bool:
    """Whether what `user` did, or a token of theirs, is for `who` to see: a token sees its own alone."""
    return user == str(who) if who.token else user.partition("!")[0] == who.user


#: A route's parameter for whoever is signed in, with whatever rights.
SignedIn = Annotated[Identity, Depends(identify)]
