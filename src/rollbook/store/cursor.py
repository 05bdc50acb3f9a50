"""The only door to raw SQL: whole columns in, whole columns out, on Django's own connection."""

import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import polars as pl
from django.db import connection, transaction

#: Rows a batch: large enough that a statement's cost is nothing beside them, small enough for any machine.
BATCH = 50_000


def atomic() -> AbstractContextManager[None]:
    """Do all that stands in this block, or nothing of it."""
    return transaction.atomic()


def reconnect() -> None:
    """Let go of a connection that is broken: the next statement opens another one."""
    if not connection.in_atomic_block and not connection.is_usable():
        connection.close()


def is_postgres() -> bool:
    """Say which of the two databases this is."""
    return connection.vendor == "postgresql"


def quoted(name: str) -> str:
    """Quote a table or column name."""
    return connection.ops.quote_name(name)


def listed(names: Iterable[str], table: str = "") -> str:
    """Write names as SQL lists them, each with the alias of its table."""
    prefix = f"{table}." if table else ""
    return ", ".join(prefix + quoted(name) for name in names)


def execute(sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run one statement; return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def fetch(sql: str, parameters: Sequence[Any], schema: pl.Schema) -> pl.DataFrame:
    """Run one query; return its columns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return pl.DataFrame(cursor.fetchall(), schema=schema, orient="row")


def stream(sql: str, parameters: Sequence[Any], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """Run one query; yield its columns, a batch at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(BATCH):
            yield pl.DataFrame(rows, schema=schema, orient="row")


def keys_joined(keys: pl.Series, table: str, alias: str, condition: str) -> tuple[str, object]:
    """Write FROM … for the rows of a table that meet keys handed over as one parameter: one statement for any number of them.

    Needs: `condition` compares columns of `alias` with `k.value`.
    """
    if is_postgres():
        return f"unnest(%s::text[]) AS k(value) JOIN {quoted(table)} {alias} ON {condition}", keys.to_list()
    # CROSS JOIN makes SQLite start from the keys, so that it reads an index once a key and never the table.
    return f"json_each(%s) k CROSS JOIN {quoted(table)} {alias} ON {condition}", json.dumps(keys.to_list())


def key_value() -> str:
    """Write the key that `keys_joined` hands over, compared byte by byte as key columns are."""
    return 'k.value COLLATE "C"' if is_postgres() else "k.value"


def contains(column: str) -> str:
    """Write the condition that a comma-separated column lists the key."""
    place = "strpos" if is_postgres() else "instr"
    return f"{place}(',' || {column} || ',', ',' || k.value || ',') > 0"


def uuid_text(column: str) -> str:
    """Write a UUID as people do: in five groups."""
    if is_postgres():
        return f"{column}::text"
    groups = (f"substr({column}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12)))
    return " || '-' || ".join(groups)


def moment_text(column: str) -> str:
    """Write a moment in UTC, to the second."""
    if is_postgres():
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    return f"strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', {column})"


def insert(
    table: str, columns: Sequence[str], batches: Iterable[pl.DataFrame], fixed: Mapping[str, int | str] | None = None
) -> int:
    """Put rows into a table the fastest way that this database has; return how many.

    `fixed` are values that all rows share. On SQLite they are handed over once a statement and not once a row.
    """
    fixed = fixed or {}
    names = [*fixed, *columns]
    count = 0
    with connection.cursor() as cursor:
        if is_postgres():
            shared = [pl.lit(value).alias(name) for name, value in fixed.items()]
            with cursor.copy(f"COPY {quoted(table)} ({listed(names)}) FROM STDIN (FORMAT csv)") as copy:
                for batch in batches:
                    text = io.BytesIO()
                    batch.select(*shared, *columns).write_csv(text, include_header=False)
                    copy.write(text.getvalue())
                    count += batch.height
            return count
        shared_sql = ", ".join(
            str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'" for value in fixed.values()
        )
        values = ", ".join([*([shared_sql] if fixed else []), *["%s"] * len(columns)])
        sql = f"INSERT INTO {quoted(table)} ({listed(names)}) VALUES ({values})"
        for batch in batches:
            cursor.executemany(sql, batch.select(columns).rows())
            count += batch.height
    return count


def temporary(table: str, columns: dict[str, str]) -> None:
    """Make a temporary table that goes with the transaction; a left-over one of this connection is replaced."""
    execute(f"DROP TABLE IF EXISTS {quoted(table)}")
    body = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    execute(f"CREATE TEMPORARY TABLE {quoted(table)} ({body})" + (" ON COMMIT DROP" if is_postgres() else ""))


def analyze(table: str) -> None:
    """Tell PostgreSQL what a table holds after many rows came in; until then it would read all of it for a few rows."""
    if is_postgres():
        # A rough picture does until autovacuum draws its own, within minutes; a fine one costs a tenth of a first import.
        execute("SET LOCAL default_statistics_target = 10")
        execute(f"ANALYZE {quoted(table)}")


def uuids(count: int) -> pl.Series:
    """Make random UUIDs (version 4) as hexadecimal text, a whole column at once."""
    raw = np.frombuffer(bytearray(os.urandom(16 * count)), np.uint8).reshape(count, 16)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    return pl.Series("uuid", np.frombuffer(raw.tobytes().hex().encode(), "S32").astype("U32").tolist(), dtype=pl.String)
