"""What a corosync.conf is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Cipher(StrEnum):
    """What encrypts corosync's packets (corosync.conf(5), crypto_cipher); none is not offered."""

    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"


class Hash(StrEnum):
    """What authenticates corosync's packets (corosync.conf(5), crypto_hash); what is broken is not offered."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Algorithm(StrEnum):
    """How a quorum device decides (corosync-qdevice(8), MODEL NET ALGORITHMS)."""

    #: One vote, to one of two halves. Only for an even number of nodes.
    FFSPLIT = "ffsplit"
    #: One vote less than there are nodes: the last node goes on alone; without the device all nodes are needed.
    LMS = "lms"


@dataclass(frozen=True)
class Device:
    """A quorum device: `host` is the address of the machine with corosync-qnetd, which is no member."""

    host: str
    algorithm: Algorithm = Algorithm.FFSPLIT

    def votes(self, nodes: int) -> int:
        """Its votes in a cluster of so many nodes. 0: it is left out of the file until the number is another one.

        An odd number has no halves: one vote more would be one more that can be missing. So a device for halves waits
        while a cluster grows over an odd number, and needs not be taken away first.
        """
        match self.algorithm:
            case Algorithm.FFSPLIT:
                return 1 if nodes and nodes % 2 == 0 else 0
            case Algorithm.LMS:
                return max(nodes - 1, 0)


@dataclass(frozen=True)
class Node:
    """A member: its host name, its number (corosync's nodeid), and its address on each link, by number of link."""

    name: str
    id: int
    addresses: Mapping[int, str]
