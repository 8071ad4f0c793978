"""A node's netplan: the file that Trebol writes, the others that it does not touch, and the tree that they make.

The texts come from the worker (`ReadNetwork`), without their secrets: root alone may read them. A comment on an
interface, which netplan has no place for, is a comment of the file: `# vmbr0: "text"`. Pure.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import yaml

from trebol_common.errors import BadInput

OWN = "50-trebol.yaml"

#: The tables of netplan that hold interfaces, in the order in which they are written.
KINDS = ("ethernets", "bonds", "bridges", "vlans")

_COMMENT = re.compile(r'^# ([^\s:]+): (".*")$', re.MULTILINE)

Members = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML in which 52:54:00:12:34:56 is a MAC address, not a number to the base of sixty."""


_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_Loader.yaml_implicit_resolvers = {
    first: [(tag, shape) for tag, shape in resolvers if tag not in _NUMBERS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))


@dataclass(frozen=True)
class NetworkFiles:
    """The texts of the files. `candidate` is None where nothing is to change, `digest` by which the worker knows it;
    `others` is name → text; `trial` says which change waits to be confirmed."""

    own: str = ""
    candidate: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    trial: Mapping[str, str] | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """From the worker's answer."""
        files = dict(answer["files"])
        own = files.pop(answer["own"], "")
        return cls(own, answer["candidate"], files, answer["digest"], answer["trial"])

    @property
    def wanted(self) -> str:
        """The file of Trebol as it is to be."""
        return self.own if self.candidate is None else self.candidate

    @property
    def changes(self) -> str:
        """The candidate's difference to what is there, as a unified diff; empty where there is none."""
        before, after = (text.splitlines(keepends=True) for text in (self.own, self.wanted))
        lines = difflib.unified_diff(before, after, f"/etc/netplan/{OWN}", "candidate")
        return "".join(lines)


@dataclass(frozen=True)
class Netplan:
    """A netplan file as values. `kinds` is kind → name → netplan's own members; `rest` what else is in it."""

    kinds: Mapping[str, Mapping[str, Members]] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)

    def kind_of(self, name: str) -> str | None:
        """Which of the tables holds an interface."""
        return next((kind for kind in KINDS if name in self.kinds.get(kind, {})), None)

    def members(self, name: str) -> Members | None:
        """An interface's own."""
        kind = self.kind_of(name)
        return None if kind is None else self.kinds[kind][name]

    def names(self) -> list[str]:
        """Of all interfaces, in the order of the file."""
        return [name for kind in KINDS for name in self.kinds.get(kind, {})]


def parse(text: str, *, where: str = OWN) -> Netplan:
    """Raises BadInput where `text` is no netplan file."""
    try:
        tree = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise BadInput(f"is not YAML: {_first_line(error)}", where=where) from error
    network = (tree or {}).get("network", {}) if isinstance(tree, dict | None) else None
    if not isinstance(network, dict):
        raise BadInput("is not a netplan file", where=where)
    kinds: dict[str, dict[str, Members]] = {}
    for kind in KINDS:
        table = network.get(kind) or {}
        if not isinstance(table, dict) or not all(isinstance(each, dict | None) for each in table.values()):
            raise BadInput(f"{kind} is not a table of interfaces", where=where)
        kinds[kind] = {str(name): dict(members or {}) for name, members in table.items()}
    comments = {name: _comment(quoted) for name, quoted in _COMMENT.findall(text)}
    return Netplan(kinds, {key: value for key, value in network.items() if key not in KINDS}, comments)


def render(plan: Netplan) -> str:
    """The file; `parse` is its inverse."""
    comments = [f"# {name}: {json.dumps(text)}\n" for name, text in plan.comments.items() if plan.kind_of(name)]
    rest = plan.rest or {"version": 2, "renderer": "networkd"}
    kinds = {kind: dict(plan.kinds[kind]) for kind in KINDS if plan.kinds.get(kind)}
    tree = yaml.dump({"network": {**rest, **kinds}}, Dumper=_Dumper, sort_keys=False, default_flow_style=False)
    return "".join(("# Written by Trebol.\n", *comments, tree))


class _Dumper(yaml.SafeDumper):
    """Every value in full: netplan's parser knows references, people who read the file do not."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def merged(files: NetworkFiles) -> Netplan:
    """What netplan makes of all the files, Trebol's as it is to be: tables are merged, lists joined, the last word
    counts (netplan(5)). A file of others that is none is left out."""
    texts = sorted((*files.others.items(), (OWN, files.wanted)), key=lambda item: item[0])
    kinds: dict[str, dict[str, Members]] = {kind: {} for kind in KINDS}
    rest: dict[str, Any] = {}
    comments: dict[str, str] = {}
    for path, text in texts:
        try:
            plan = parse(text, where=path)
        except BadInput:
            if path == OWN:
                raise
            continue
        for kind, table in plan.kinds.items():
            for name, members in table.items():
                kinds[kind][name] = _merge(kinds[kind].get(name, {}), members)
        rest.update(plan.rest)
        comments.update(plan.comments)
    return Netplan(kinds, rest, comments)


def _merge(old: Any, new: Any) -> Any:
    match old, new:
        case dict(), dict():
            return {**old, **{key: _merge(old.get(key), value) for key, value in new.items()}}
        case list(), list():
            return [*old, *(each for each in new if each not in old)]
    return new


def _comment(quoted: str) -> str:
    try:
        text = json.loads(quoted)
    except ValueError:
        return ""
    return str(text)


def _first_line(error: yaml.YAMLError) -> str:
    return str(error).partition("\n")[0]
