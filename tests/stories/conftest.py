"""Gives every story a district of its own, with a data folder of its own."""

from pathlib import Path
from typing import Any

import pytest

from tests.district import Grove


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)
