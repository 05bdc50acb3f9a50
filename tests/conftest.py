"""What all tests share: one database at a time, programs that may be missing, and an empty database for programs of their own."""

import os
import secrets
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import installed, postgres
from tests.environment import CI, DATABASE, FOLDER, NO_POSTGRES

#: A test that has one of these, even through another fixture, runs once on each database.
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "empty_database"}


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
    """Run everything but what PostgreSQL alone can show on SQLite, and on PostgreSQL what uses a database."""

    def belongs(test: pytest.Item) -> bool:
        only_postgres = test.get_closest_marker("postgres") is not None
        return not only_postgres if DATABASE == "sqlite" else only_postgres or uses_database(test)

    config.hook.pytest_deselected(items=[test for test in items if not belongs(test)])
    items[:] = [test for test in items if belongs(test)]
    if DATABASE == "postgres" and not os.environ.get(postgres.GIVEN):
        for test in items:
            test.add_marker(pytest.mark.skip(reason=NO_POSTGRES))


def pytest_report_header() -> str:
    return f"database: {DATABASE}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep the SQLite of the tests in a file, as everybody's is: in memory it locks, and shares connections, otherwise."""
    from django.conf import settings

    if DATABASE == "sqlite":
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = f"{FOLDER.name}/test.sqlite3"
        _let_the_audit_log_be_emptied()


def _let_the_audit_log_be_emptied() -> None:
    """Tests of several connections empty the database afterwards. On SQLite that is a DELETE, which the audit log refuses."""
    from django.db import connection

    strict = import_module("rollbook.store.migrations.0002_audit_is_append_only")
    operations = type(connection.ops)
    flush = operations.sql_flush

    def sql_flush(*arguments: Any, **options: Any) -> list[str]:
        return [*strict.SQLITE_BACK, *flush(*arguments, **options), *strict.SQLITE]

    operations.sql_flush = sql_flush


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[str]:
    """Address of an empty database on the server under test, for a test that starts Rollbook as a process of its own."""
    if DATABASE == "sqlite":
        yield f"sqlite:///{tmp_path}/rollbook.sqlite3"
        return
    server = urlsplit(os.environ[postgres.GIVEN])
    name = f"rollbook_{secrets.token_hex(6)}"
    with psycopg.connect(server._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser to drive."""
    return needs(installed.chromium(), "there is no Chromium here; `make setup` installs it or says how")
