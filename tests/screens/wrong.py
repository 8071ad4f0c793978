"""What somebody may type wrong into each field of the screens, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wrong:
    """Something wrong typed into the field with this label, and words of what stands below it then."""

    label: str
    typed: str
    said: str


#: By screen, or by what is chosen on it first, in the order of the fields; each is taken out again before the next
#: one is typed.
WRONG: dict[str, tuple[Wrong, ...]] = {
    "disks": (
        Wrong("Passphrase", "short", "must have at least 8 characters"),
        Wrong("Again", "other", "is not the same"),
    ),
    "sizes": (
        Wrong("Disk, GiB", "lots", "'lots': must be a number"),
        Wrong("Swap, GiB", "-1", "should be greater than or equal to 0"),
        Wrong("Root at most", "x", "'x': must be a number"),
        Wrong("Guests at most", "y", "'y': must be a number"),
        Wrong("Left free", "z", "'z': must be a number"),
    ),
    "node": (
        Wrong("Full name", "node_1", "'node_1' is not a fully qualified domain name"),
        Wrong("Full name", "localhost.localdomain", "has the host name of every"),
        Wrong("Mail to", "admin", "'admin' is not a mail address such as"),
        Wrong("Root password", "short", "must have 8 to 64 characters"),
        Wrong("Again", "other", "is not the same"),
        Wrong("1 ", "ssh-rsa zzz", "is an SSH public key whose base64 part is damaged"),
    ),
    "network": (
        Wrong("IP address", "192.0.2.300/24", "is not an address with its prefix length"),
        Wrong("IP address", "192.0.2.10", "needs the prefix length"),
        Wrong("Gateway", "router", "'router' is not an IP address"),
        Wrong("Name server", "dns", "'dns' is not an IP address"),
        Wrong("IPv6 too", "2001:db8::10", "needs the prefix length"),
        Wrong("VLAN", "5000", "should be less than or equal to 4094"),
        Wrong("VLAN", "x", "must be a whole number"),
        Wrong("MTU", "100", "should be greater than or equal to 1280"),
    ),
    "cluster that is created": (
        Wrong("Cluster name", "a_b", "is not a cluster's name such as clover-1"),
        Wrong("Cluster name", "a-cluster-of-mine", "is not a cluster's name such as clover-1"),
        Wrong("Join token", "sesame", "is too easily guessed"),
    ),
    "cluster that is joined": (
        Wrong("Member", "x y", "is not the address or name of a machine"),
        Wrong("Member", "localhost", "has the host name of every machine's loopback"),
        Wrong("Join token", "two words", "is not a join token: one word"),
        Wrong("Join token", "sesame", "is too easily guessed"),
    ),
}
