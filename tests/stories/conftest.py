"""Gives every story a district of its own, with a data folder of its own."""

from pathlib import Path
from typing import Any

import pytest

from rollbook.actions import sources
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import Source
from tests.district import Grove


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


@pytest.fixture
def source(district: Grove, powerschool: PowerSchool) -> Source:
    """A source that reads the test's own `powerschool`."""
    credentials = {"url": powerschool.url, "key": powerschool.client_id, "secret": powerschool.client_secret, "devices": "mix"}
    return sources.add(district.ada, "powerschool", "our powerschool", credentials)
