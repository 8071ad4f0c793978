"""Screens in both languages: the Spanish catalogue is compiled for them, and each test begins in English."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import urwid
from tests.unit.messages import compiled

from trebol_common import i18n


@pytest.fixture(scope="session")
def spanish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("locale"))


@pytest.fixture(autouse=True)
def languages(spanish: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(i18n, "LOCALE", spanish)
    monkeypatch.setenv("LANGUAGE", "en")
    i18n.catalogue.cache_clear()
    urwid.set_encoding("utf-8")
    yield
    i18n.catalogue.cache_clear()
