"""What names resolve to here, by the ways that any program of this host would take (nsswitch.conf(5))."""

from __future__ import annotations

from trebol_common.run import Completed


def key(name: str) -> str:
    """Of the question among others."""
    return f"name {name}"


def question(name: str) -> tuple[str, ...]:
    """What to ask. A process of its own: a DNS server that does not answer holds up getaddrinfo(3) for long."""
    return ("getent", "ahosts", "--", name)


def addresses(told: Completed) -> tuple[str, ...]:
    """Each address once, in order; none where the name is not known."""
    if told.status != 0:
        return ()
    return tuple(dict.fromkeys(line.split()[0] for line in told.stdout.splitlines() if line.split()))
