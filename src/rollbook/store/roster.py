"""The rows of one source, read and written as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import polars as pl
from django.db import connection

from rollbook.domain.changes import Change
from rollbook.domain.entities import ENTITIES, Entity
from rollbook.domain.errors import RollbookError
from rollbook.domain.words import KIND_OF_ROLE
from rollbook.store import cursor
from rollbook.store.loading import indexes_afterwards
from rollbook.store.models import MODELS

_KEY = 'r."district_id" = %s AND r."source_id" = %s'


class NotAsSeen(RollbookError):
    """Other rows were written than the changeset says; the transaction is rolled back."""


def text(names: Sequence[str]) -> pl.Schema:
    """Return a schema of text columns."""
    return pl.Schema(dict.fromkeys(names, pl.String))


@cache
def no_rows(*names: str) -> pl.DataFrame:
    """Return a frame of text columns without a row, the same one every time."""
    return text(names).to_frame()


@dataclass(frozen=True)
class Roster:
    """The rows of one source of one district.

    Shape: every method is one statement, or a fixed few, whatever the number of rows.
    """

    district: int
    source: int

    def holds(self, entity: Entity) -> bool:
        """Say whether there is any row of this entity, active or not."""
        return bool(MODELS[entity.name].objects.filter(district_id=self.district, source_id=self.source).exists())

    def rows(self, entity: Entity, keys: pl.Series) -> pl.DataFrame:
        """Return the rows with these keys, active or not: `sourced_id`, `status` and all columns."""
        names = ("sourced_id", "status", *entity.names)
        if not len(keys):
            return no_rows(*names)
        joined, parameter = cursor.keys_joined(keys, table(entity), "r", f'{_KEY} AND r."sourced_id" = {cursor.key_value()}')
        sql = f"SELECT {cursor.listed(names, 'r')} FROM {joined}"
        return cursor.fetch(sql, (parameter, self.district, self.source), text(names))

    def last_written(self, entity: Entity, keys: pl.Series, run: int) -> pl.Series:
        """Return those of these keys whose rows no other run has written since this one."""
        if not len(keys):
            return no_rows("sourced_id")["sourced_id"]
        joined, parameter = cursor.keys_joined(keys, table(entity), "r", f'{_KEY} AND r."sourced_id" = {cursor.key_value()}')
        sql = f'SELECT r."sourced_id" FROM {joined} WHERE r."last_run" = %s'
        return cursor.fetch(sql, (parameter, self.district, self.source, run), text(("sourced_id",)))["sourced_id"]

    def children(self, entity: Entity, column: str, keys: pl.Series) -> pl.DataFrame:
        """Return the active rows that point, in one column, to any of these keys."""
        names = ("sourced_id", "status", *entity.names)
        if not len(keys):
            return no_rows(*names)
        points = f"r.{cursor.quoted(column)}"
        meets = cursor.contains(points) if entity[column].many else f"{points} = {cursor.key_value()}"
        joined, parameter = cursor.keys_joined(keys, table(entity), "r", f"{_KEY} AND {meets}")
        sql = f"SELECT DISTINCT {cursor.listed(names, 'r')} FROM {joined} WHERE r.\"status\" = 'active'"
        return cursor.fetch(sql, (parameter, self.district, self.source), text(names))

    def active(self, entity: Entity, columns: Sequence[str], *, ordered: bool = False) -> Iterator[pl.DataFrame]:
        """Yield `sourced_id` and some columns of all active rows, a batch at a time."""
        names = ("sourced_id", *columns)
        order = ' ORDER BY r."sourced_id"' if ordered else ""
        where = f"WHERE {_KEY} AND r.\"status\" = 'active'"
        sql = f"SELECT {cursor.listed(names, 'r')} FROM {cursor.quoted(table(entity))} r {where}{order}"
        return cursor.stream(sql, (self.district, self.source), text(names))

    def listing(self, entity: Entity, status: str | None) -> Iterator[pl.DataFrame]:
        """Yield whole rows ordered by their key, a batch at a time: `uuid`, `status`, `last_run` and `changed_at` (UTC), too."""
        schema = pl.Schema(
            dict(text(("sourced_id", "uuid", "status", *entity.names))) | {"last_run": pl.Int64(), "changed_at": pl.String()}
        )
        columns = ", ".join(
            (
                'r."sourced_id"',
                cursor.uuid_text('r."uuid"'),
                cursor.listed(("status", *entity.names, "last_run"), "r"),
                cursor.moment_text('r."changed_at"'),
            )
        )
        sql = f"SELECT {columns} FROM {cursor.quoted(table(entity))} r WHERE {_KEY}"
        only = ' AND r."status" = %s' if status else ""
        parameters = (self.district, self.source, *([status] if status else []))
        return cursor.stream(f'{sql}{only} ORDER BY r."sourced_id"', parameters, schema)

    def counts(self) -> pl.DataFrame:
        """Count the active rows: `entity`, `role` (one of the four kinds of people), `org` and `n`.

        Shape: one row an entity with neither role nor org, one a role and school, and for people one a role. People are
            counted once in each, however many roles they have there.
        """
        schema = pl.Schema({"entity": pl.String, "role": pl.String, "org": pl.String, "n": pl.Int64})
        where = f"WHERE {_KEY} AND r.\"status\" = 'active'"
        role, person = _kind_of_role(), 'COUNT(DISTINCT r."person")'
        parts = [f"SELECT '{each.name}', NULL, NULL, COUNT(*) FROM {cursor.quoted(table(each))} r {where}" for each in ENTITIES]
        for entity, among, kind, org, count in (
            ("person", "role", role, 'r."org"', person),
            ("person", "role", role, "NULL", person),
            ("person", "role", "NULL", 'r."org"', person),
            ("role", "role", role, 'r."org"', "COUNT(*)"),
            ("enrollment", "enrollment", role, 'r."school"', "COUNT(*)"),
            ("section", "section", "NULL", 'r."school"', "COUNT(*)"),
            ("course", "course", "NULL", 'r."org"', "COUNT(*)"),
        ):
            groups = ", ".join(column for column in (kind, org) if column != "NULL")
            parts.append(
                f"SELECT '{entity}', {kind}, {org}, {count} FROM {cursor.quoted('roster_' + among)} r {where} GROUP BY {groups}"
            )
        sql = " UNION ALL ".join(parts)
        return cursor.fetch(sql, (self.district, self.source) * len(parts), schema)

    def sections(self, keys: pl.Series) -> pl.DataFrame:
        """Count the active enrollments of these sections: `section`, `role`, `n`."""
        schema = pl.Schema({"section": pl.String, "role": pl.String, "n": pl.Int64})
        if not len(keys):
            return schema.to_frame()
        joined, parameter = cursor.keys_joined(keys, "roster_enrollment", "r", f'{_KEY} AND r."section" = {cursor.key_value()}')
        sql = f'SELECT r."section", r."role", COUNT(*) FROM {joined} WHERE r."status" = \'active\' GROUP BY r."section", r."role"'
        return cursor.fetch(sql, (parameter, self.district, self.source), schema)

    def write(self, entity: Entity, changes: pl.LazyFrame, counts: dict[str, int], *, run: int, at: datetime) -> None:
        """Write one entity's changes.

        Shape: one load and at most three statements. Raises NotAsSeen when the rows met are not the rows expected.
        Needs: a transaction; `changes` with `kind`, `sourced_id` and the columns that the source offers.
        """
        offered = tuple(name for name in entity.names if name in changes.collect_schema().names())
        if {kind for kind, count in counts.items() if count} == {Change.APPEAR}:
            self._load(entity, changes, offered, counts[Change.APPEAR], run, at)
            return
        stage = f"changed_{entity.name}"
        columns = dict.fromkeys(("kind", "sourced_id", "uuid", *offered), "text")
        if cursor.is_postgres():
            columns["sourced_id"], columns["uuid"] = 'text COLLATE "C"', "uuid"
        cursor.temporary(stage, columns)
        staged = changes.select("kind", "sourced_id", *offered).collect()
        cursor.insert(stage, list(columns), [staged.with_columns(cursor.uuids(staged.height))])
        cursor.analyze(stage)
        name, moment = cursor.quoted(table(entity)), connection.ops.adapt_datetimefield_value(at)
        own = f'"district_id" = %s AND "source_id" = %s AND {name}."sourced_id" = s."sourced_id"'
        if counts[Change.APPEAR]:
            met = cursor.execute(
                f'INSERT INTO {name} ("district_id", "source_id", "sourced_id", "uuid", "status", "last_run", "changed_at"'
                f"{''.join(', ' + cursor.quoted(column) for column in offered)}) "
                f'SELECT %s, %s, s."sourced_id", s."uuid", \'active\', %s, {_moment()}'
                f"{''.join(', s.' + cursor.quoted(column) for column in offered)} "
                f"FROM {cursor.quoted(stage)} s WHERE s.\"kind\" = 'appear'",
                (self.district, self.source, run, moment),
            )
            _expect(entity, met, counts[Change.APPEAR])
        if counts[Change.ALTER] or counts[Change.RETURN]:
            sets = "".join(f", {cursor.quoted(column)} = s.{cursor.quoted(column)}" for column in offered)
            met = cursor.execute(
                f'UPDATE {name} SET "status" = \'active\', "last_run" = %s, "changed_at" = {_moment()}{sets} '
                f"FROM {cursor.quoted(stage)} s WHERE {own} AND ((s.\"kind\" = 'alter' AND {name}.\"status\" = 'active') "
                f"OR (s.\"kind\" = 'return' AND {name}.\"status\" = 'inactive'))",
                (run, moment, self.district, self.source),
            )
            _expect(entity, met, counts[Change.ALTER] + counts[Change.RETURN])
        if counts[Change.VANISH]:
            met = cursor.execute(
                f'UPDATE {name} SET "status" = \'inactive\', "last_run" = %s, "changed_at" = {_moment()} '
                f"FROM {cursor.quoted(stage)} s WHERE {own} AND s.\"kind\" = 'vanish' AND {name}.\"status\" = 'active'",
                (run, moment, self.district, self.source),
            )
            _expect(entity, met, counts[Change.VANISH])
        cursor.execute(f"DROP TABLE {cursor.quoted(stage)}")

    def _load(
        self, entity: Entity, changes: pl.LazyFrame, offered: tuple[str, ...], expected: int, run: int, at: datetime
    ) -> None:
        moment = at.strftime("%Y-%m-%d %H:%M:%S.%f") + ("+00" if cursor.is_postgres() else "")
        fixed: dict[str, int | str] = {
            "district_id": self.district,
            "source_id": self.source,
            "status": "active",
            "last_run": run,
            "changed_at": moment,
        }
        rows = changes.select("sourced_id", *offered)
        batches = (
            batch.with_columns(cursor.uuids(batch.height))
            for batch in rows.collect_batches(chunk_size=cursor.BATCH, maintain_order=True)
        )
        with indexes_afterwards(MODELS[entity.name], expected):
            written = cursor.insert(table(entity), ["uuid", "sourced_id", *offered], batches, fixed)
            _expect(entity, written, expected)
        cursor.analyze(table(entity))


def table(entity: Entity) -> str:
    """Name the table of an entity."""
    return f"roster_{entity.name}"


def _kind_of_role() -> str:
    cases = "".join(f" WHEN '{role}' THEN '{kind}'" for role, kind in KIND_OF_ROLE.items())
    return f"CASE r.\"role\"{cases} ELSE 'staff' END"


def _moment() -> str:
    return "CAST(%s AS timestamptz)" if cursor.is_postgres() else "%s"


def _expect(entity: Entity, met: int, expected: int) -> None:
    if met != expected:
        raise NotAsSeen(f"{met} rows of {entity.name} were written where {expected} were meant")
