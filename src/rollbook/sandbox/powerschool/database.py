"""The tables of the simulated district, in a SQLite file that many readers share and nobody can reach by a query's own SQL."""

import random
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from rollbook.sandbox.powerschool import oracle
from rollbook.sandbox.powerschool.tables import SECRET_COLUMNS, TABLES

_SQL_KINDS = {"number": "INTEGER", "text": "TEXT", "date": "TEXT"}
#: Columns that a query joins on.
_JOINED = {"ID", "DCID", "STUDENTID", "SECTIONID", "USERS_DCID", "PERSONID", "STUDENTDCID", "STUDENTSDCID", "SCHOOL_NUMBER"}
_JOINED |= {"STUDENTCONTACTASSOCID", "EMAILADDRESSID", "TEACHERID", "COURSE_NUMBER", "PERSON_ID", "SCHOOLID"}

_TEACHERS = """
CREATE VIEW TEACHERS AS SELECT s.DCID, s.ID, s.USERS_DCID, s.SCHOOLID, s.STATUS, s.STAFFSTATUS, u.FIRST_NAME, u.MIDDLE_NAME,
u.LAST_NAME, u.LASTFIRST, u.EMAIL_ADDR, u.TEACHERNUMBER, u.LOGINID, u.TEACHERLOGINID, u.HOMESCHOOLID, u.TITLE, u.PSACCESS,
u.PTACCESS FROM SCHOOLSTAFF s JOIN USERS u ON u.DCID = s.USERS_DCID
"""

#: What reads, and nothing else. Everything not listed is refused by SQLite itself.
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


#: What gives other rows each time it is asked.
_FLEETING = re.compile(r"\b(SYSDATE|RANDOM)\s*\(", re.IGNORECASE)
#: Results are forgotten, oldest first, when together they have more rows than this.
_MOST_ROWS = 500_000


class Database:
    """A district's tables. Text without letters is null, as in Oracle."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rollbook-powerschool-")
        self._path = Path(self._folder.name, "district.sqlite3")
        self._lock = threading.Lock()
        self._results: dict[Hashable, list[tuple[Any, ...]]] = {}
        #: Rises after every change; what `$dataversion` is answered with.
        self.version = 16_404_886
        self.frames = dict(tables)
        with closing(self._writer()) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            _make_tables(connection)
            _fill(connection, tables)
            _make_indexes(connection)

    def close(self) -> None:
        """Remove the file."""
        self._folder.cleanup()

    def _writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    def replace(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Put other rows in the place of all there are; whoever is reading goes on with the old ones."""
        with self._changing() as connection:
            connection.execute("BEGIN")
            for name, index in _indexes():
                connection.execute(f"DROP INDEX {name}_{index}")
            for table in TABLES.values():
                if not table.view:
                    connection.execute(f"DELETE FROM {table.name}")  # noqa: S608
            _fill(connection, tables)
            _make_indexes(connection)
            self.frames = dict(tables)

    def insert_first(self, table: str) -> int:
        """Copy a table's first row to before it, under keys of its own, so that every later page moves by one; return its key."""
        found = TABLES[table]
        own = [name for name in ("DCID", "ID", "STUDENT_NUMBER", found.key) if name in found.columns]
        values = ", ".join(f"(SELECT MIN({n}) - 1 FROM {table})" if n in own else n for n in found.columns)  # noqa: S608
        with self._changing() as connection:
            connection.execute(f"INSERT INTO {table} SELECT {values} FROM {table} ORDER BY {found.key} LIMIT 1")  # noqa: S608
            return int(connection.execute(f"SELECT MIN({found.key}) FROM {table}").fetchone()[0])  # noqa: S608

    def delete(self, table: str, key: int) -> None:
        """Take a row out."""
        with self._changing() as connection:
            connection.execute(f"DELETE FROM {table} WHERE {TABLES[table].key} = ?", (key,))  # noqa: S608

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, closing(self._writer()) as connection:
            with connection:
                yield connection
            self.version += 1  # not before: who reads meanwhile would remember old rows as new ones
            self._results.clear()

    def result(self, sql: str, values: Mapping[str, Any], now: Callable[[], str]) -> list[tuple[Any, ...]]:
        """Return all rows of a plugin's SQL. Raises sqlite3.Error.

        Shape: they are remembered until a row changes, since whoever asks for a page asks for the next one soon.
        """
        asked = (self.version, sql, tuple(sorted(values.items())))
        rows = self._results.get(asked)
        if rows is None:
            with self.reading(now) as connection:
                rows = connection.execute(sql, values).fetchall()
            if not _FLEETING.search(sql):
                self._remember(asked, rows)
        return rows

    def _remember(self, asked: Hashable, rows: list[tuple[Any, ...]]) -> None:
        with self._lock:
            self._results[asked] = rows
            while sum(map(len, self._results.values())) > _MOST_ROWS and len(self._results) > 1:
                self._results.pop(next(iter(self._results)))

    @contextmanager
    def reading(self, now: Callable[[], str] = str, *, guarded: bool = True) -> Iterator[sqlite3.Connection]:
        """Open the tables for reading, at one moment of their life, with Oracle's usual functions.

        `now` is what SYSDATE says. With `guarded` only SELECT on the tables of a district is possible, and no log-in secret.
        """
        connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            oracle.install(connection, now)
            if guarded:
                connection.set_authorizer(_only_reading)
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of SQL of our own, by column."""
        with self.reading(guarded=False) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def number(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Return the one number that SQL of our own asks for."""
        with self.reading(guarded=False) as connection:
            return int(connection.execute(sql, values).fetchone()[0])


def _make_tables(connection: sqlite3.Connection) -> None:
    for table in TABLES.values():  # every name comes from our own list
        if table.view:
            continue
        columns = ", ".join(f"{name} {_SQL_KINDS[kind]}" for name, kind in table.columns.items())
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
    connection.execute(_TEACHERS)
    connection.execute("CREATE TABLE DUAL (DUMMY TEXT)")
    connection.execute("INSERT INTO DUAL VALUES ('X')")


def _indexes() -> Iterator[tuple[str, str]]:
    for table in TABLES.values():
        if not table.view:
            yield from ((table.name, column) for column in sorted(_JOINED.intersection(table.columns) | {table.key}))


def _make_indexes(connection: sqlite3.Connection) -> None:
    """They come after the rows: that is faster."""
    for name, column in _indexes():
        connection.execute(f"CREATE INDEX {name}_{column} ON {name} ({column})")


@lru_cache(maxsize=256)
def columns_of(sql: str, arguments: frozenset[str]) -> tuple[str, ...]:
    """Return what a query's columns are called, without a district. Raises sqlite3.Error for what cannot run.

    Shape: it takes the tables of a whole PowerSchool, empty, and plugins come with the same queries again.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        _make_tables(connection)
        oracle.install(connection, str)
        connection.set_authorizer(_only_reading)
        return tuple(column[0] for column in connection.execute(sql, dict.fromkeys(arguments)).description)


def _fill(connection: sqlite3.Connection, tables: Mapping[str, pl.DataFrame]) -> None:
    for name, frame in tables.items():
        if unknown := set(frame.columns) - set(TABLES[name].columns):
            raise ValueError(f"PowerSchool's table {name} has no {', '.join(sorted(unknown))}")
        text = [
            pl.when(pl.col(c) == "").then(None).otherwise(pl.col(c)).alias(c) for c, t in frame.schema.items() if t == pl.String
        ]
        marks = ", ".join("?" * frame.width)
        into = f"INSERT INTO {name} ({', '.join(frame.columns)}) VALUES ({marks})"  # noqa: S608
        connection.executemany(into, frame.with_columns(text).rows())


def _only_reading(
    action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
) -> int:  # SQLite's own order of things
    if action in _READING:
        return sqlite3.SQLITE_OK
    if action != sqlite3.SQLITE_READ:
        return sqlite3.SQLITE_DENY
    table, column = (first or "").upper(), (second or "").upper()
    if table in TABLES or table == "DUAL":
        return sqlite3.SQLITE_DENY if (table, column) in SECRET_COLUMNS else sqlite3.SQLITE_OK
    # Rows of a query's own sub-select are read as a table without a column.
    return sqlite3.SQLITE_DENY if column or table.startswith("SQLITE_") else sqlite3.SQLITE_OK


def shuffled_orders(width: int, count: int = 7) -> list[list[int]]:
    """Return some orders of so many keys; a client that counts on one of them is wrong with the next row."""
    dice = random.Random(width)
    return [dice.sample(range(width), width) for _ in range(count)]
