"""Copies of a database: what takes seconds to make is made once, and each test begins with a copy of it."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests import postgres
from tests.environment import DATABASE, FOLDER


def create(like: str = "") -> str:
    """Make a database, empty or like another one to which nobody is connected; return its name: of a file, on SQLite."""
    name = f"rollbook_{secrets.token_hex(6)}"
    if DATABASE == "sqlite":
        name = f"{FOLDER.name}/{name}.sqlite3"
        if like:
            shutil.copyfile(like, name)
    else:
        _on_the_server(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{like}"' if like else ""))
    return name


@contextmanager
def migrated(folder: Path, blocker: Any) -> Iterator[tuple[str, str]]:
    """Give two databases with all tables and nothing in them; the processes that share a folder share the making.

    Whoever comes first makes a model of them, and removes it in the end; a process that begins later than that makes another.
    """
    model, mine = folder / "model", ""
    with _alone(folder):
        if not model.exists():
            mine = create()
            with blocker.unblock():
                _migrate(mine)
            model.write_text(mine)
        both = create(model.read_text()), create(model.read_text())
    yield both
    for name in both:
        drop(name)
    if mine:
        with _alone(folder):
            model.unlink()
            drop(mine)


def _migrate(name: str) -> None:
    from django.core.management import call_command
    from django.db import connection

    connection.settings_dict["NAME"] = name
    call_command("migrate", verbosity=0)
    connection.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep the other processes of a folder out."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def drop(name: str) -> None:
    """Remove a database that `create` has made, whoever is connected to it."""
    if DATABASE == "sqlite":
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(name + end).unlink()
    else:
        _on_the_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def address(name: str) -> str:
    """Address of a database, as Rollbook's settings write it."""
    if DATABASE == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ[postgres.GIVEN])._replace(path=f"/{name}").geturl()


def _on_the_server(statement: str) -> None:
    with psycopg.connect(address("postgres"), autocommit=True) as connection:
        connection.execute(statement)
