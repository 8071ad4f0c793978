"""`/access/ticket`, `/access/permissions`: who somebody is, and what they may."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import Field, SecretStr

from trebol_node.api import login
from trebol_node.api.audit import noted, origin
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments
from trebol_node.api.routing import api_router

router = api_router()


class Credentials(Parameters):
    """`password` is a password, a ticket to renew, or, with the challenge of a first answer, `totp:123456`."""

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[SecretStr, Field(max_length=4096)]
    realm: Annotated[str | None, Field(max_length=32)] = None
    otp: Annotated[SecretStr | None, Field(max_length=64)] = None
    tfa_challenge: Annotated[SecretStr | None, Field(max_length=4096)] = None
    new_format: bool = True


@router.post("/ticket")
async def create_ticket(
    request: Request, context: TheContext, given: Annotated[Credentials, arguments(Credentials)]
) -> dict[str, Any]:
    """Sign in: a ticket for the cookie, good for two hours, and the token that goes with it."""
    user = login.full_name(given.username, given.realm)
    noted(request.scope).user = user
    return await login.sign_in(context, user, given.password.get_secret_value(), origin(request.scope))
