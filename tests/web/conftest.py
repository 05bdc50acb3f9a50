"""Gives every test of the screens a district, its administrator Ada, a colleague who is none, and somebody of elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from rollbook.domain.runs import RunState
from rollbook.lib import clock
from rollbook.store.models import Account, Run
from tests.conftest import first_import
from tests.district import Clock, Grove, minus, small
from tests.prepared import Past
from tests.signing_in import account, of


@pytest.fixture
def district(request: pytest.FixtureRequest, db: None, settings: Any, tmp_path: Path) -> Grove:
    """An empty district, or what the test asks for beside it has happened there already."""
    for name, past in PASTS.items():
        if name in request.fixturenames:
            after: Callable[[Past], Grove] = request.getfixturevalue("after")
            return after(past)
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


def half_would_leave(district: Grove) -> None:
    files = small(20)
    district.applies(files)
    run = district.sends(minus(files, *(f"p{number}" for number in range(11, 21))))
    assert run.state == RunState.HELD, run.message


def two_leave(district: Grove) -> None:
    district.imports(300)
    assert district.imports(298).state == RunState.APPLIED


#: Fixture -> what has happened before a test that has it.
PASTS: dict[str, Past] = {"held": half_would_leave, "imported": first_import, "fewer": two_leave}


@pytest.fixture
def held(district: Grove) -> Run:
    """Ten students of twenty would leave."""
    return Run.objects.latest("pk")


@pytest.fixture
def fewer(district: Grove) -> Run:
    """The second import, with which two students of 300 have left."""
    return Run.objects.latest("pk")


@pytest.fixture
def imported(district: Grove) -> Grove:
    """The district, after its first import."""
    return district


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


@pytest.fixture
def tess(district: Grove) -> Account:
    """A teacher with a password, whom no source knows."""
    return account(district.row, "tess")


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The one clock, stopped."""
    stopped = Clock(clock.now())
    monkeypatch.setattr(clock, "now", stopped)
    return stopped
