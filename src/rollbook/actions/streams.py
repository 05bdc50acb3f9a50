"""Writes rows as one JSON array, whole columns at a time, however many there are."""

from collections.abc import Iterable, Iterator

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.entities import Entity
from rollbook.domain.findings import FINDING
from rollbook.store.models import Run
from rollbook.store.snapshots import changed_entities, files_of

BATCH = 20_000


def as_json(batches: Iterable[pl.DataFrame]) -> Iterator[str]:
    """Yield the pieces of one JSON array with an object a row, one row a line."""
    before = "["
    for batch in batches:
        if batch.height:
            yield before + "\n" + batch.write_ndjson().rstrip("\n").replace("\n", ",\n")
            before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def changes(run: Run) -> Iterator[pl.DataFrame]:
    """Yield what a run changes, or would, parents first: entity, kind, sourced_id, before, after, file, line.

    Shape: `before` and `after` are whole rows, or null where there is none.
    """
    for entity, found in changed_entities(files_of(run.source_id, run.pk)):
        for batch in found.collect_batches(chunk_size=BATCH, maintain_order=True):
            yield _shaped(entity, batch)


def findings(found: pl.LazyFrame | None) -> Iterator[pl.DataFrame]:
    """Yield findings as their rows."""
    if found is not None:
        yield from found.select(FINDING).collect_batches(chunk_size=BATCH, maintain_order=True)


def findings_of(run: Run) -> Iterator[pl.DataFrame]:
    """Yield what a run found wrong."""
    return findings(files_of(run.source_id, run.pk).findings())


def _shaped(entity: Entity, changes: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("kind")
    was = pl.struct(pl.col(f"was.{name}").alias(name) for name in entity.names)
    will = pl.struct((pl.col(name) if name in changes.columns else pl.col(f"was.{name}")).alias(name) for name in entity.names)
    return changes.select(
        pl.lit(entity.name).alias("entity"),
        "kind",
        "sourced_id",
        pl.when(kind != Change.APPEAR.value).then(was).alias("before"),
        pl.when(kind != Change.VANISH.value).then(will).alias("after"),
        pl.col("source_file").alias("file"),
        "line",
    )
