"""PAM, at the rim: whether a password is that of a system user, asked of the service "trebol" (/etc/pam.d/trebol)."""

from __future__ import annotations

from typing import Protocol

SERVICE = "trebol"


class Pam(Protocol):
    """Asks PAM."""

    def accepts(self, user: str, password: str) -> bool:
        """Whether this is the user's password, and the account is open (not expired, not locked)."""
        ...


class SystemPam:
    """The PAM of this system."""

    def accepts(self, user: str, password: str) -> bool:
        """See `Pam.accepts`."""
        # It loads libpam, which not every machine has on which this is tested.
        import pamela

        try:
            # No credentials: they would be the worker's own.
            pamela.authenticate(user, password, service=SERVICE, resetcred=0)
            pamela.check_account(user, service=SERVICE)
        except pamela.PAMError:
            return False
        return True
