"""Passwords of system users: asked for, and changed."""

from __future__ import annotations

import re

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import CommandFailed
from trebol_node.worker.context import Context
from trebol_node.worker.errors import AuthenticationFailed, NotFound
from trebol_node.worker.operations import Authenticate, ChangePassword

#: What adduser gives people (login.defs, UID_MIN); below are accounts of services, which nobody logs in as.
FIRST_PERSON = 1000

#: Seconds that a wrong password takes at least: PAM is quicker where there is no such user, and would tell. Hashing
#: one takes a tenth of that, several on a busy machine.
FAILURE = 1.0

#: Characters above which no one asks PAM: hashing them is work that anybody could make us do.
LONGEST = 512

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")


def authenticate(operation: Authenticate, context: Context, who: str) -> None:
    """See `Authenticate`. Raises AuthenticationFailed, whatever the reason."""
    clock = context.machine.clock
    began = clock.now()
    password = operation.password.get_secret_value()
    # libpam reads up to a NUL; and an account without password lets in nobody from outside.
    asked = bool(_NAME.fullmatch(operation.user)) and 0 < len(password) <= LONGEST and "\0" not in password
    if not (asked and context.pam.accepts(operation.user, password)):
        clock.sleep(max(began + FAILURE - clock.now(), 0))
        raise AuthenticationFailed


def change_password(operation: ChangePassword, context: Context, who: str) -> None:
    """See `ChangePassword`. Raises NotFound, Refused, BadInput."""
    password = operation.password.get_secret_value()
    if not password.isprintable():
        raise BadInput("must not hold control characters", where="password")
    runner = context.machine.runner
    entry = runner.run(["getent", "passwd", "--", operation.user], check=False).stdout.split(":")
    if len(entry) < 3:
        raise NotFound(f"user '{operation.user}' does not exist", where="user")
    if 0 < int(entry[2]) < FIRST_PERSON:
        raise Refused(f"user '{operation.user}' is no person's", where="user")
    try:
        # By its stdin: arguments are shown to everybody.
        runner.run(["chpasswd"], input=f"{operation.user}:{password}\n", secrets=(password,))
    except CommandFailed as error:
        raise TrebolError("; ".join(error.last_lines) or "chpasswd failed", where="password") from None
