"""Gives every test of the pipeline a district of its own, with a data folder of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from tests.district import Grove


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grove]:
    """One district for all tests of a module, for tables of which one import tells many lines."""
    home = tmp_path_factory.mktemp("shared")
    with django_db_blocker.unblock(), override_settings(DATA_DIR=home / "kept"), transaction.atomic():
        yield Grove(home, "Elm Creek")
        transaction.set_rollback(True)
