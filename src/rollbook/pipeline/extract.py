"""Extract: a source becomes a snapshot, whole or not at all."""

from collections.abc import Callable

import polars as pl

from rollbook.connectors.protocol import ROW, Connector, Extract
from rollbook.domain.entities import ENTITIES, Entity
from rollbook.domain.errors import IncompleteExtract, RollbookError
from rollbook.lib import columnar
from rollbook.store.snapshots import Kept, Snapshot

Progress = Callable[[int, int, str], None]


def extract(connector: Connector, into: Snapshot, previous: Snapshot | None, progress: Progress) -> Snapshot:
    """Read everything that the source offers.

    Shape: streams; what has not changed since the previous snapshot is taken over by reference, without being read again.
    Errors: IncompleteExtract if fewer rows came than the source itself announced; SourceError as the connector raises it.
    """
    offered = connector.offers()
    entities = [entity for entity in ENTITIES if entity.name in offered]
    for done, entity in enumerate(entities):
        progress(done, len(entities), entity.name)
        given = connector.extract(entity.name)
        before = previous.kept.get(entity.name) if previous else None
        if previous and before and given.fingerprint is not None and given.fingerprint == before.fingerprint:
            columnar.same_file(previous.rows_file(entity), into.rows_file(entity))
            columnar.same_file(previous.faults_file(entity), into.faults_file(entity))
            into.kept[entity.name] = before
        else:
            into.kept[entity.name] = _keep(entity, given, into)
    into.save()
    return into


def _keep(entity: Entity, given: Extract, into: Snapshot) -> Kept:
    names = given.frame.collect_schema().names()
    unknown = set(names) - set(ROW) - set(entity.names)
    if unknown or "sourced_id" not in names:
        raise RollbookError(
            f"The connector gave columns that no {entity.name} has: {', '.join(sorted(unknown)) or 'none with an id'}"
        )
    columns = [name for name in entity.names if name in names]
    rows = given.frame.select("sourced_id", *columns, "source_file", pl.col("line").cast(pl.Int64))
    columnar.keep(rows.with_columns(row_hash=columnar.row_hash(["sourced_id", *columns])), into.rows_file(entity), *given.beside)
    columnar.keep(given.faults, into.faults_file(entity))
    received = int(into.rows(entity).select(pl.len()).collect().item())
    if given.promised is not None and received < given.promised:
        raise IncompleteExtract(f"The source announced {given.promised:,} rows of {entity.name} and gave {received:,}")
    questions = list(given.questions())
    return Kept(columns, received, given.fingerprint, given.partial, given.promised, questions, dict(given.headings))
