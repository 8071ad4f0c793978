"""Every text for people in the source (what `_()` is called with, what the registry of checks gives it), what of it
nobody translates, and the Spanish catalogue."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from trebol_common import i18n
from trebol_common.run import CommandRunner
from trebol_hardware.checks.registry import checks

#: Tests put others into its place.
CATALOGUE = i18n.catalogue

#: A placeholder of str.format, whole.
PLACEHOLDER = re.compile(r"\{[^{}]*\}")

#: What says to people what is wrong: what, where, hint.
ERRORS = frozenset({"Problem", "TrebolError", "BadInput", "Refused", "StepFailed", "DamagedMedium"})

#: Hints that are no words but what to type.
TYPED = frozenset(
    {"trebol install --answers answer.toml", "--dry-run --machine machine.json", "systemctl start trebol-checks"}
)

#: More than one word.
_WORDS = re.compile(r"[a-z] [a-z]")

#: What translates its arguments.
_TRANSLATORS = frozenset({"_", "counted"})


def messages(package: Path) -> set[str]:
    """The texts that the modules below `package` hand to `_()`, as constants or by a name of their module."""
    return {text for path in sorted(package.rglob("*.py")) for text in _texts(ast.parse(path.read_text()))}


def plurals(package: Path) -> set[tuple[str, str]]:
    """The English forms that the modules below `package` hand to `counted`: of one, of many."""
    return {
        (one, many)
        for path in sorted(package.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "counted"
        for one, many in [[word.value for word in call.args[:2] if isinstance(word, ast.Constant)]]
        if isinstance(one, str) and isinstance(many, str)
    }


def registered() -> set[str]:
    """What the registry holds in English, and `_()` gets where it is shown: titles, explanations, requirements."""
    return {
        text
        for check in checks()
        for text in (check.title, check.explanation, *asdict(check.requirement).values())
        if text
    }


def _texts(module: ast.Module) -> Iterator[str]:
    names = {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_" and call.args:
            match call.args[0]:
                case ast.Constant(value=str(text)):
                    yield text
                case ast.Name(id=name) if name in names:
                    yield names[name]


def untranslated(package: Path) -> list[str]:
    """Words that the modules below `package` give to errors without `_()`: `installer/plan.py: no such thing`."""
    return [
        f"{path.relative_to(package.parent)}: {text}"
        for path in sorted(package.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and _name_of(call) in ERRORS
        for argument in _said(call)
        for text in _plain(argument)
        if _WORDS.search(text) and text not in TYPED
    ]


def translated_too_early(package: Path) -> list[str]:
    """Where a module below `package` translates something when it is loaded: the language is not chosen yet then."""
    return [
        f"{path.relative_to(package.parent)}:{call.lineno}"
        for path in sorted(package.rglob("*.py"))
        for call in _calls_on_loading(ast.parse(path.read_text()))
        if _name_of(call) in _TRANSLATORS
    ]


def _calls_on_loading(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Call):
        yield node
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.FunctionDef):
        children = (*node.decorator_list, node.args)
    elif isinstance(node, ast.Lambda):
        children = (node.args,)
    for child in children:
        yield from _calls_on_loading(child)


def _said(call: ast.Call) -> Iterator[ast.AST]:
    """The arguments of an error but the second, `where`: keys, devices, files."""
    yield from (*call.args[:1], *call.args[2:])
    yield from (keyword.value for keyword in call.keywords if keyword.arg != "where")


def _plain(node: ast.AST) -> Iterator[str]:
    """The strings below `node` that nothing translates."""
    if isinstance(node, ast.Call) and _name_of(node) in _TRANSLATORS:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _plain(child)


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def placeholders(text: str) -> list[str]:
    """The placeholders of str.format in `text`, sorted."""
    return sorted(PLACEHOLDER.findall(text))


def spanish_catalogue(folder: Path) -> gettext.NullTranslations:
    """The compiled catalogue, see `compiled`."""
    return CATALOGUE(compiled(folder), "es")


def compiled(folder: Path) -> Path:
    """Where compiled catalogues are: with an installed package, else made in `folder` of what the checkout has."""
    source = i18n.LOCALE / "es/LC_MESSAGES/trebol.po"
    if not source.is_file():
        return i18n.LOCALE
    msgfmt = shutil.which("msgfmt")
    if msgfmt is None:
        pytest.skip("needs msgfmt, of Debian's gettext")
    target = folder / "es/LC_MESSAGES/trebol.mo"
    target.parent.mkdir(parents=True)
    CommandRunner().run([msgfmt, "--check", f"--output-file={target}", source])
    return folder
