"""Copies of a database: what takes seconds to make is made once, and each test begins with a copy of it."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
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
