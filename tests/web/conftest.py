"""Gives every test of the screens a district, its administrator Ada, a colleague who is none, and somebody of elsewhere."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from rollbook.store.models import Account
from tests.district import Grove


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


@pytest.fixture
def ada(district: Grove) -> Client:
    return of(district.account)


@pytest.fixture
def ben(district: Grove) -> Client:
    """Has an account of the district, and administers nothing."""
    return of(Account.objects.create(district=district.row, email="ben@maple.example"))


@pytest.fixture
def cleo(district: Grove, tmp_path: Path) -> Client:
    """Administers another district of the same installation."""
    return of(Grove(tmp_path, "Elsewhere").account)


def of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client
