"""What the work costs at the least: the same files scanned and hashed, the same rows loaded and indexed, and nothing else."""

import csv
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

FILES = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
#: What a first import fills: the roster, and an account for everybody in it.
ROSTER = ("org", "academic_session", "course", "section", "person", "role", "enrollment", "guardianship")
TABLES = (*(f"roster_{name}" for name in ROSTER), "store_account")


def scan(folder: Path) -> None:
    """Scan every file once and hash every row; sort the hashes, as whoever compares them has to."""
    import numpy as np
    import polars as pl
    import polars_hash as plh

    for name in FILES:
        rows = pl.scan_csv(folder / f"{name}.csv", infer_schema=False)
        cells = [pl.col(column).fill_null("") for column in rows.collect_schema().names()]
        hashed = rows.select(hash=plh.concat_str(*cells, separator="\x1f").nchash.xxhash64())  # type: ignore[attr-defined]
        np.sort(hashed.collect(engine="streaming")["hash"].to_numpy())


def read(folder: Path) -> None:
    """Hash the bytes of every file."""
    import xxhash

    for name in (*FILES, "manifest"):
        digest = xxhash.xxh3_128()
        with (folder / f"{name}.csv").open("rb") as file:
            while chunk := file.read(4 << 20):
                digest.update(chunk)


# --- PostgreSQL ---


def dump_postgres(address: str, folder: Path) -> None:
    """Write the rows of every table to a file, with all their columns."""
    import psycopg

    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        for table in TABLES:
            with (folder / f"{table}.copy").open("wb") as file, cursor.copy(f"COPY {table} TO STDOUT") as copy:
                for chunk in copy:
                    file.write(chunk)


def strip_postgres(address: str, folder: Path) -> None:
    """Empty the tables and take all indexes away from them; write down how they are made."""
    import psycopg

    with psycopg.connect(address) as connection:
        connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        known = "SELECT indexname, indexdef, tablename FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)"
        found = connection.execute(known, [list(TABLES)]).fetchall()
        (folder / "indexes.sql").write_text("\n".join(definition for _, definition, _ in found))
        table_of = "conrelid::regclass::text"
        constraints = f"SELECT conname, {table_of} FROM pg_constraint WHERE contype IN ('p', 'u') AND {table_of} = ANY(%s)"
        for name, table in connection.execute(constraints, [list(TABLES)]).fetchall():
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
        for name, _, _ in found:
            connection.execute(f'DROP INDEX IF EXISTS "{name}"')


def load_postgres(address: str, folder: Path) -> None:
    """COPY every table, then make its indexes; one transaction."""
    import psycopg

    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        for table in TABLES:
            with (folder / f"{table}.copy").open("rb") as file, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                while chunk := file.read(1 << 18):
                    copy.write(chunk)
        for statement in (folder / "indexes.sql").read_text().splitlines():
            cursor.execute(statement)


# --- SQLite ---


def dump_sqlite(database: Path, folder: Path) -> None:
    """Write the rows of every table to a file, with all their columns, and how the tables and indexes are made."""
    connection = sqlite3.connect(database)
    known = f"SELECT sql FROM sqlite_master WHERE type = ? AND tbl_name IN ({', '.join('?' * len(TABLES))}) AND sql IS NOT NULL"
    for kind in ("table", "index"):
        statements = [statement for (statement,) in connection.execute(known, (kind, *TABLES))]
        (folder / f"{kind}.sql").write_text(";\n".join(statements) + ";\n")
    for table in TABLES:
        with (folder / f"{table}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(connection.execute(f"SELECT * FROM {table}"))


def load_sqlite(database: Path, folder: Path) -> None:
    """`.import` every table with the SQLite shell, then make its indexes; one transaction, set up as Rollbook's is."""
    shell = shutil.which("sqlite3")
    start = ["PRAGMA journal_mode=WAL;", "PRAGMA synchronous=NORMAL;", "PRAGMA cache_size=-65536;", "BEGIN;"]
    tables, indexes = (folder / "table.sql").read_text(), (folder / "index.sql").read_text()
    if shell:
        imports = [f".import --csv {folder / table}.csv {table}" for table in TABLES]
        script = "\n".join([*start, tables, *imports, indexes, "COMMIT;"])
        subprocess.run([shell, "-bail", database], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
        return
    connection = sqlite3.connect(database, isolation_level=None)
    for statement in [*start, *filter(str.strip, tables.split(";\n"))]:
        connection.execute(statement)
    for table in TABLES:
        width = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
        with (folder / f"{table}.csv").open(newline="") as file:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", csv.reader(file))
    for statement in [*filter(str.strip, re.split(r";\n", indexes)), "COMMIT"]:
        connection.execute(statement)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["scan", folder]:
            scan(Path(folder))
        case ["read", folder]:
            read(Path(folder))
        case ["dump-postgres", address, folder]:
            dump_postgres(address, Path(folder))
        case ["strip-postgres", address, folder]:
            strip_postgres(address, Path(folder))
        case ["load-postgres", address, folder]:
            load_postgres(address, Path(folder))
        case ["dump-sqlite", database, folder]:
            dump_sqlite(Path(database), Path(folder))
        case ["load-sqlite", database, folder]:
            load_sqlite(Path(database), Path(folder))
