"""Accept: keeps the hashes of the active rows beside the database, and makes them anew where they can't be trusted."""

from collections.abc import Iterator

import polars as pl

from rollbook.domain.entities import ENTITIES, Entity
from rollbook.lib import columnar
from rollbook.store import snapshots
from rollbook.store.roster import Roster
from rollbook.store.snapshots import Accepted, RunFiles


def trusted(entity: Entity, columns: list[str], accepted: Accepted, roster: Roster) -> Accepted:
    """Return hashes of the active rows over exactly these columns.

    Shape: nothing is read when they are there. When they are missing, of another version, or cover other columns, all active
        rows are read once, by value: two to three times an unchanged night, and never wrong.
    """
    if accepted.columns(entity) == columns:
        return accepted
    parts: list[pl.DataFrame] = [pl.DataFrame(schema={"row_hash": pl.UInt64, "sourced_id": pl.String})]
    hashed = columnar.row_hash(["sourced_id", *columns]).alias("row_hash")
    for batch in roster.active(entity, columns):
        parts.append(batch.select(hashed, "sourced_id"))
    accepted.keep(entity, columns, pl.concat(parts).lazy())
    return accepted


def advance(source: int, old: Accepted, run: int, files: RunFiles) -> None:
    """Carry the hashes from the generation before a run to the one that it left, once it is committed."""
    new = snapshots.accepted(source, run)
    for entity, changes in _all(files):
        columns = old.columns(entity)
        if columns is None:
            continue  # made anew when somebody asks
        if changes is None:
            new.take(entity, old)
            continue
        keys = changes.select("sourced_id")
        stay = old.rows(entity).select("row_hash", "sourced_id").join(keys, on="sourced_id", how="anti")
        come = changes.filter(pl.col("kind") != "vanish").select("row_hash", "sourced_id")
        new.keep(entity, columns, pl.concat([stay, come]))
    snapshots.forget_accepted(source, but=run)


def _all(files: RunFiles) -> Iterator[tuple[Entity, pl.LazyFrame | None]]:
    for entity in ENTITIES:
        yield entity, files.changes(entity)
