"""Every text for people in the source (what `_()` is called with, what the registry of checks gives it), and the
Spanish catalogue."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
from collections.abc import Iterator
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


def placeholders(text: str) -> list[str]:
    """The placeholders of str.format in `text`, sorted."""
    return sorted(PLACEHOLDER.findall(text))


def spanish_catalogue(folder: Path) -> gettext.NullTranslations:
    """The compiled catalogue: that of an installed package, or one made in `folder` from the checkout's source."""
    source = i18n.LOCALE / "es/LC_MESSAGES/trebol.po"
    if not source.is_file():
        return CATALOGUE(language="es")
    msgfmt = shutil.which("msgfmt")
    if msgfmt is None:
        pytest.skip("needs msgfmt, of Debian's gettext")
    target = folder / "es/LC_MESSAGES/trebol.mo"
    target.parent.mkdir(parents=True)
    CommandRunner().run([msgfmt, "--check", f"--output-file={target}", source])
    return gettext.translation("trebol", folder, languages=["es"])
