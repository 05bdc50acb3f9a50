"""Accept: keeps the hashes of the active rows beside the database, and makes them anew where they can't be trusted."""

from collections.abc import Iterator

import polars as pl

from rollbook.domain.entities import ENROLLMENT, ENTITIES, Entity
from rollbook.domain.words import KIND_OF_ROLE
from rollbook.lib import columnar
from rollbook.store import snapshots
from rollbook.store.roster import Roster
from rollbook.store.snapshots import COUNTED_BY, Accepted, RunFiles

NO = pl.lit(None, pl.String)


def trusted(entity: Entity, columns: list[str], accepted: Accepted, roster: Roster) -> Accepted:
    """Return hashes of the active rows over exactly these columns.

    Shape: nothing is read when they are there. When they are missing, of another version, or cover other columns, all active
        rows are read once, by value: two to three times an unchanged night, and never wrong.
    """
    if accepted.columns(entity) == columns:
        return accepted
    kept = {"row_hash": pl.UInt64, "sourced_id": pl.String} | dict.fromkeys(COUNTED_BY.get(entity.name, ()), pl.String)
    parts = [pl.DataFrame(schema=kept)]
    for batch in roster.active(entity, entity.names):
        parts.append(batch.with_columns(row_hash=columnar.row_hash(["sourced_id", *columns])).select(*kept))
    accepted.keep(entity, columns, pl.concat(parts).lazy())
    return accepted


def counts(accepted: Accepted, roster: Roster) -> pl.DataFrame:
    """Count the active rows, as `Roster.counts` does; beside the database where the hashes of every entity are there.

    Shape: counted once a generation.
    """
    if any(accepted.columns(entity) is None for entity in ENTITIES):
        return roster.counts()
    if not accepted.counts_file.exists():
        columnar.keep(_counted(accepted).lazy(), accepted.counts_file)
    return pl.read_parquet(accepted.counts_file)


def places(accepted: Accepted, roster: Roster, classes: pl.Series) -> pl.DataFrame:
    """Count the active places in these classes: `section` and `n`; beside the database where the hashes are there."""
    if accepted.columns(ENROLLMENT) is None:
        return roster.sections(classes).group_by("section").agg(pl.col("n").sum())
    here = accepted.rows(ENROLLMENT).filter(pl.col("section").is_in(classes.implode()))
    return here.group_by("section").agg(n=pl.len()).collect(engine="streaming")


def _counted(accepted: Accepted) -> pl.DataFrame:
    rows = {entity.name: accepted.rows(entity) for entity in ENTITIES}
    parts = [frame.select(pl.lit(name).alias("entity"), role=NO, org=NO, n=pl.len()) for name, frame in rows.items()]
    kind = pl.col("role").replace_strict(KIND_OF_ROLE, default="staff", return_dtype=pl.String)
    # People are told apart by a number made of their id: three times counted, that takes half as long as by the id itself.
    roles = rows["role"].select(role=kind, org="org", person=pl.col("person").hash()).collect(engine="streaming").lazy()
    parts.append(roles.group_by("role", "org").agg(n=pl.len()).with_columns(entity=pl.lit("role")))
    seats = rows["enrollment"].group_by("role", org="school").agg(n=pl.len()).with_columns(role=kind)
    parts.append(seats.group_by("role", "org").agg(pl.col("n").sum()).with_columns(entity=pl.lit("enrollment")))
    for by in (("role", "org"), ("role",), ("org",)):
        parts.append(roles.group_by(by).agg(n=pl.col("person").n_unique()).with_columns(entity=pl.lit("person")))
    for name, school in (("section", "school"), ("course", "org")):
        parts.append(rows[name].group_by(org=school).agg(n=pl.len()).with_columns(entity=pl.lit(name)))
    order = pl.Schema({"entity": pl.String, "role": pl.String, "org": pl.String, "n": pl.Int64})
    return pl.concat([part.collect(engine="streaming") for part in parts], how="diagonal").select(list(order)).cast(order)


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
        if not set(columns) <= set(changes.collect_schema().names()):
            continue  # since this run was planned, another one had the hashes made over other columns
        keys = changes.select("sourced_id")
        stay = old.rows(entity).join(keys, on="sourced_id", how="anti")
        offered = changes.collect_schema().names()
        counted = {name: pl.col(name if name in offered else f"was.{name}") for name in COUNTED_BY.get(entity.name, ())}
        hashed = columnar.row_hash(["sourced_id", *columns]).alias("row_hash")
        come = changes.filter(pl.col("kind") != "vanish").select(hashed, "sourced_id", **counted)
        new.keep(entity, columns, pl.concat([stay, come]))
    if all(new.columns(entity) is not None for entity in ENTITIES):
        columnar.keep(_counted(new).lazy(), new.counts_file)  # now, so that a night without changes need not
    snapshots.forget_accepted(source, but=run)


def _all(files: RunFiles) -> Iterator[tuple[Entity, pl.LazyFrame | None]]:
    for entity in ENTITIES:
        yield entity, files.changes(entity)
