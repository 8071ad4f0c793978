"""corosync.conf read: any file as a tree of sections, and Trebol's own as a value. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import BadInput
from trebol_node.cluster.corosync.configuration import PATH, Totem

#: What corosync takes for white space (exec/coroparse.c); lines end with a line feed alone.
_BLANKS = " \t\xa0"
_INDENT = "  "

_RING = re.compile(r"ring(\d+)_addr")
#: In any state that a file can be in: whoever asks must not be told that there is no cluster because of a brace.
_ADDRESS = re.compile(r"^[ \t]*(?:ring\d+_addr|bindnetaddr|memberaddr)[ \t]*:[ \t]*(\S+)", re.MULTILINE)

#: What Debian's own corosync.conf has, which makes no cluster.
_NOWHERE = "127.0.0.1"


@dataclass(frozen=True)
class Section:
    """A section: its values and sections in their order. The whole file is one without a name.

    Nothing is lost but comments, blank lines and indentation.
    """

    name: str
    entries: tuple[tuple[str, str] | Section, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        """Key → value; of several of one key the last, which is the one that counts for corosync."""
        return dict(entry for entry in self.entries if isinstance(entry, tuple))

    def value(self, key: str) -> str:
        """Raises KeyError where there is none."""
        try:
            return self.values[key]
        except KeyError as error:
            raise KeyError(f"{self.name}.{key}" if self.name else key) from error

    def sections(self, *path: str) -> Iterator[Section]:
        """Those below it that lie at `path`, in their order; corosync reads sections of one name as one."""
        for entry in self.entries:
            if isinstance(entry, Section) and entry.name == path[0]:
                if len(path) == 1:
                    yield entry
                else:
                    yield from entry.sections(*path[1:])

    def section(self, *path: str) -> Section:
        """All of those as one; empty where there is none."""
        return Section(path[-1], tuple(entry for each in self.sections(*path) for entry in each.entries))

    def to_text(self) -> str:
        """As a file; `parse` is its inverse."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for entry in self.entries:
            if isinstance(entry, Section):
                yield f"{entry.name} {{"
                yield from (_INDENT + line for line in entry._lines())
                yield "}"
            else:
                yield f"{entry[0]}: {entry[1]}".rstrip(_BLANKS)


def parse(text: str, *, where: str = str(PATH)) -> Section:
    """The tree of a corosync.conf, read as corosync reads it. Raises BadInput with the number of the wrong line."""
    # Of each section that is open its name and what is in it.
    open_: list[tuple[str, list[tuple[str, str] | Section]]] = [("", [])]
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r").strip(_BLANKS)
        if not line or line.startswith("#"):
            continue
        if "{" in line:
            name, _brace, after = line.partition("{")
            name = name.rstrip(f"{_BLANKS}:{{")
            if after or not name:
                raise _wrong("a section begins with its name, a brace, and the end of the line", number, where)
            open_.append((name, []))
        elif ":" in line:
            key, _colon, value = line.partition(":")
            open_[-1][1].append((key.rstrip(_BLANKS), value.strip(_BLANKS)))
        elif line != "}":
            raise _wrong("neither begins or ends a section nor gives a value", number, where)
        elif len(open_) == 1:
            raise _wrong("ends a section where none is open", number, where)
        else:
            name, entries = open_.pop()
            open_[-1][1].append(Section(name, tuple(entries)))
    if len(open_) > 1:
        raise BadInput(f"section {open_[-1][0]} has no end", where=where)
    return Section("", tuple(open_[0][1]))


def _wrong(what: str, line: int, where: str) -> BadInput:
    return BadInput(f"line {line}: {what}", where=where)


def read_back(text: str, *, where: str = str(PATH)) -> Totem:
    """The value of a file of Trebol's; `Totem.render` is its inverse, but for a quorum device that has no vote now.

    Raises BadInput where it is none, or says what makes no sense.
    """
    tree = parse(text, where=where)
    totem, quorum = tree.section("totem"), tree.section("quorum")
    try:
        members: dict[str, Any] = {
            "name": totem.value("cluster_name"),
            "version": totem.value("config_version"),
            "token": totem.value("token"),
            "coefficient": totem.value("token_coefficient"),
            "cipher": totem.value("crypto_cipher"),
            "hash": totem.value("crypto_hash"),
            "links": {
                link.value("linknumber"): link.value("knet_link_priority") for link in totem.sections("interface")
            },
            "nodes": [_node(node) for node in tree.sections("nodelist", "node")],
            # Of a cluster that is older than that there is none.
            "ping": totem.section("interface").values.get("knet_ping_interval"),
        }
        if any(quorum.sections("device")):
            net = quorum.section("device", "net")
            members["device"] = {"host": net.value("host"), "algorithm": net.value("algorithm")}
    except KeyError as error:
        raise BadInput(f"was not written by Trebol: there is no {error.args[0]}", where=where) from error
    return Totem.of(members, where=where)


def _node(section: Section) -> dict[str, Any]:
    rings = ((found[1], value) for key, value in section.values.items() if (found := _RING.fullmatch(key)))
    return {
        "name": section.value("name"),
        "id": section.value("nodeid"),
        "addresses": dict(rings),
    }


def describes_cluster(text: str) -> bool:
    """Whether a corosync.conf, whoever wrote it and whatever is wrong with it, makes the node one of a cluster.

    Debian's own, which the package brings, does not.
    """
    return bool(set(_ADDRESS.findall(text)) - {_NOWHERE})
