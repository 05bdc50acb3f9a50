"""What all tests share: one database at a time, programs that may be missing, and an empty database for programs of their own."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import copies, installed, postgres
from tests.district import Grove, small
from tests.environment import CI, DATABASE, NO_POSTGRES
from tests.prepared import Past, Prepared

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: A test that has one of these, even through another fixture, runs once on each database.
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "empty_database", "installation"}


def needs[T](found: T | None, missing: str) -> T:
    """Give back what a test needs. If it is not there, skip the test; in CI fail, so that nothing goes untested unseen."""
    if found:
        return found
    if CI:
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


def uses_database(test: pytest.Item) -> bool:
    return test.get_closest_marker("django_db") is not None or not DATABASE_FIXTURES.isdisjoint(getattr(test, "fixturenames", ()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run everything but what PostgreSQL alone can show on SQLite, and on PostgreSQL what uses a database.

    What is marked `once` is about words, pages, files or the network: the statements beneath it run on both databases elsewhere.
    """

    def belongs(test: pytest.Item) -> bool:
        only_postgres = test.get_closest_marker("postgres") is not None
        if DATABASE == "sqlite":
            return not only_postgres
        return only_postgres or (uses_database(test) and test.get_closest_marker("once") is None)

    config.hook.pytest_deselected(items=[test for test in items if not belongs(test)])
    items[:] = spread([test for test in items if belongs(test)])
    if DATABASE == "postgres" and not os.environ.get(postgres.GIVEN):
        for test in items:
            test.add_marker(pytest.mark.skip(reason=NO_POSTGRES))


def spread(tests: list[pytest.Item]) -> list[pytest.Item]:
    """Put the tests that drive a browser evenly between the others: else one process gets all of them, and ends last.

    The longest test of all begins first, so that in the end nobody waits for it alone.
    """
    slow = [test for test in tests if test.get_closest_marker("browser")]
    slow.sort(key=lambda test: test.get_closest_marker("longest") is None)
    others = [test for test in tests if not test.get_closest_marker("browser")]
    step = len(others) // max(len(slow), 1) + 1
    between = [others[at : at + step] for at in range(0, len(others), step)]
    return [test for each in zip_longest(([test] for test in slow), between, fillvalue=[]) for part in each for test in part]


def pytest_xdist_auto_num_workers() -> int:
    """Two processes for each core: browsers, servers and other processes are waited for."""
    return 2 * (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_report_header() -> str:
    return f"database: {DATABASE}"


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Prepared]:
    """Give this process of the tests a database with all tables, and a copy of it for districts with a past.

    On SQLite it is a file, as everybody's is: in memory it locks, and shares connections, otherwise.
    """
    from django.conf import settings
    from django.db import connection

    here = tmp_path_factory.getbasetemp()
    with copies.migrated(here if worker_id == "master" else here.parent, django_db_blocker) as (own, blank):
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = own
        _let_the_audit_log_be_emptied()
        prepared = Prepared(blank, tmp_path_factory.mktemp("prepared"))
        yield prepared
        prepared.forget()
        with django_db_blocker.unblock():
            connection.close()


def _let_the_audit_log_be_emptied() -> None:
    """Tests of several connections empty the database afterwards: with DELETE on SQLite, with TRUNCATE on PostgreSQL.

    The audit log refuses both, so its trigger is taken away for that moment, in the same transaction.
    """
    from django.db import connection

    migration = {"sqlite": "0002_audit_is_append_only", "postgres": "0012_audit_is_never_emptied"}[DATABASE]
    strict = import_module(f"rollbook.store.migrations.{migration}")
    forth, back = {"sqlite": ("SQLITE", "SQLITE_BACK"), "postgres": ("POSTGRESQL", "POSTGRESQL_BACK")}[DATABASE]
    operations = type(connection.ops)
    flush = operations.sql_flush

    def sql_flush(*arguments: Any, **options: Any) -> list[str]:
        return [*getattr(strict, back), *flush(*arguments, **options), *getattr(strict, forth)]

    operations.sql_flush = sql_flush


@pytest.fixture
def after(django_db_setup: Prepared, db: None, settings: Any, tmp_path: Path) -> Iterator[Callable[[Past], Grove]]:
    """Give what makes a district that has been through something already: what that was is done once, and copied."""
    with ExitStack() as opened:
        yield lambda past: opened.enter_context(django_db_setup.after(past, settings, tmp_path / "kept"))


@pytest.fixture
def imported(after: Callable[[Past], Grove]) -> Grove:
    """A district that has imported `small()`, and nothing else."""
    return after(first_import)


def first_import(district: Grove) -> None:
    district.applies(small())


@pytest.fixture(scope="session", autouse=True)
def passwords_cost_little() -> None:
    """Hash as an installation does, but hurriedly: what takes guessers long takes every test that signs somebody in long."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    Argon2PasswordHasher.time_cost = Argon2PasswordHasher.parallelism = 1
    Argon2PasswordHasher.memory_cost = 8


@pytest.fixture(scope="session", autouse=True)
def tokens_spell_no_names() -> None:
    """Make the random tokens of forms of letters that no name in a test is made of: one of them once spelled a child."""
    from django.middleware import csrf

    csrf.CSRF_ALLOWED_CHARS = "BCDFGHJKLMNPQRSTVWXZ"


@pytest.fixture(scope="session", autouse=True)
def nobody_uploads_slowly() -> None:
    """Read files that were written a moment ago at once: in tests they are whole."""
    from rollbook.connectors.oneroster import arrival

    arrival.REST = 0.0


@pytest.fixture(autouse=True)
def hearts_do_not_wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite a test that is one transaction holds the only lock: a sign of life beside it would wait half a minute."""
    several = {"transactional_db", "live_server"} & set(request.fixturenames)
    if DATABASE == "sqlite" and not several and uses_database(request.node):
        monkeypatch.setattr("rollbook.store.runs.HEARTBEAT", timedelta(hours=1))


@pytest.fixture
def empty_database() -> Iterator[str]:
    """Address of an empty database on the server under test, for a test that starts Rollbook as a process of its own."""
    name = copies.create()
    yield copies.address(name)
    copies.drop(name)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser to drive."""
    return needs(installed.chromium(), "there is no Chromium here; `make setup` installs it or says how")


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """The one browser of a test process; it talks to nobody but the servers of the tests."""
    from playwright.sync_api import sync_playwright

    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's loop stays in this thread; the tests do not use it
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=quiet)
        yield found
        found.close()
