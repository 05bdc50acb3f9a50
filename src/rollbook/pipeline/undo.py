"""Undo: the mirror of an applied run, as candidates of a run of its own."""

from dataclasses import dataclass

import polars as pl

from rollbook.connectors.protocol import NO_FAULTS
from rollbook.domain.changes import Change
from rollbook.domain.entities import BY_NAME, ENROLLMENT, ENTITIES, GUARDIANSHIP, ROLE, Column, Entity
from rollbook.domain.findings import Level, Rule
from rollbook.lib import columnar
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.pipeline.rules.rule import findings
from rollbook.store.roster import Roster, no_rows
from rollbook.store.snapshots import Accepted, RunFiles

CHANGED_SINCE = Rule(
    "changed_since",
    Level.WARNING,
    "The row was changed again after the import that is undone, or belongs to one that was. It is left as it is, unless you "
    "choose to undo that, too.",
    "Look at the value; choose 'also what was changed since' if it should go back all the same.",
)

SINCE = "'{}' has been changed since, and is left as it is."
WITH_IT = "'{}' is left as it is, because it belongs to what has been changed since."

#: Rows that somebody or something is made of: whose they are, and what is at their other end.
PARTS = ((ROLE, "person", ""), (ENROLLMENT, "person", "section"), (GUARDIANSHIP, "student", "guardian"))


@dataclass
class Mirror:
    """The candidates of an undo, and the conflicts that it leaves alone."""

    candidates: dict[str, Candidates]
    conflicts: pl.DataFrame


def mirror(receipt: RunFiles, undone: int, roster: Roster, accepted: Accepted, *, also_changed: bool) -> Mirror:
    """Turn a run's receipt around, field by field.

    Shape: grows with what that run changed. What appeared leaves, what left comes back with the values it had, what was
        altered gets its old values; a value that was changed since stays, and is a finding, unless `also_changed`.
    """
    found: dict[str, Candidates] = {}
    alone: dict[str, pl.DataFrame] = {}
    conflicts = [NO_FAULTS]
    for entity in ENTITIES:
        changes = receipt.changes(entity)
        if changes is None:
            found[entity.name] = nothing(entity)
            continue
        rows = changes.collect()
        last = roster.last_written(entity, rows["sourced_id"], undone)
        found[entity.name], alone[entity.name], said = _mirror(entity, rows, last, roster, accepted, also_changed)
        conflicts.append(said)
    if not also_changed:
        conflicts += _left_together(found, alone, roster)
    return Mirror(found, pl.concat(conflicts))


def _mirror(
    entity: Entity, changes: pl.DataFrame, last: pl.Series, roster: Roster, accepted: Accepted, also_changed: bool
) -> tuple[Candidates, pl.DataFrame, pl.DataFrame]:
    columns = list(entity.names)
    written = [name for name in columns if name in changes.columns]
    live = roster.rows(entity, changes["sourced_id"]).rename({name: f"now.{name}" for name in columns})
    rows = changes.join(live, on="sourced_id", how="inner")
    kind = pl.col("kind")
    active, left = pl.col("status") == "active", kind == Change.VANISH.value
    # Who came back and was removed once more is gone for another reason than the import that is undone.
    still_gone = ~active & pl.col("sourced_id").is_in(last.implode())
    stands = pl.lit(also_changed) | pl.when(left).then(still_gone).otherwise(active)
    touched = pl.any_horizontal(pl.lit(False), *(pl.col(f"now.{name}").ne_missing(pl.col(name)) for name in written))
    came = kind.is_in([Change.APPEAR.value, Change.RETURN.value])
    touched = came & touched & pl.lit(not also_changed)

    leave = rows.filter(came & active & ~touched)
    alone = _as_live(rows.filter(came & active & touched), columns)
    again = rows.filter(~came & stands)
    values = []
    for name in columns:
        was, now = pl.col(f"was.{name}"), pl.col(f"now.{name}")
        if name in written:
            other = pl.col(name).ne_missing(was)
            mine = pl.lit(True) if also_changed else now.eq_missing(pl.col(name))
            values.append(pl.when(left | (other & mine)).then(was).otherwise(now).alias(name))
        else:
            values.append(pl.when(left).then(was).otherwise(now).alias(name))
    restored = again.select("sourced_id", *values)
    # The hash must cover what the hashes beside the database cover, or the next night would take these rows for other ones.
    hashed = accepted.columns(entity) or columns
    restored = restored.with_columns(
        pl.lit(None, pl.String).alias("source_file"),
        pl.lit(None, pl.Int64).alias("line"),
        columnar.row_hash(["sourced_id", *hashed]).alias("row_hash"),
    )
    said = _conflicts(entity, rows, written, ~stands | touched, also_changed)
    mirrored = Candidates(
        entity,
        columns,
        restored.lazy(),
        _as_live(again, columns),
        _as_live(leave, columns),
        read=restored.height,
        candidates=restored.height,
    )
    return mirrored, alone, said


def _left_together(found: dict[str, Candidates], alone: dict[str, pl.DataFrame], roster: Roster) -> list[pl.DataFrame]:
    """Keep what the rows that are left alone need, and what they are made of; return what is to be said of that.

    What came later and points to a row that would leave is left alone, too.
    Shape: a statement for every reference to what would leave; then each round takes all that the last one calls for.
    """
    said: list[pl.DataFrame] = []
    staying = [(BY_NAME[name], rows) for name, rows in alone.items() if rows.height]

    def stay(entity: Entity, which: pl.Expr) -> None:
        gone = found[entity.name].gone
        rows = gone.filter(which)
        if rows.height:
            found[entity.name].gone = gone.filter(~which)
            said.append(_said(entity, rows, WITH_IT))
            staying.append((entity, rows))

    def needs(entity: Entity, rows: pl.DataFrame) -> None:
        for column in entity.references:
            stay(BY_NAME[column.refers_to or ""], pl.col("sourced_id").is_in(_targets(rows, column)["target"].implode()))

    for entity in ENTITIES:
        later = _later(entity, found, roster)
        known = alone[entity.name]["sourced_id"] if entity.name in alone else later["sourced_id"].head(0)
        said.append(_said(entity, later.filter(~pl.col("sourced_id").is_in(known.implode())), SINCE))
        needs(entity, later)
    while staying:
        entity, rows = staying.pop()
        needs(entity, rows)
        for part, whose, end in PARTS:
            if part[whose].refers_to == entity.name:
                stay(part, pl.col(whose).is_in(rows["sourced_id"].implode()))
            if end and part[end].refers_to == entity.name:  # a place of somebody who leaves goes with them
                leaves = pl.col(whose).is_in(found["person"].gone["sourced_id"].implode())
                stay(part, pl.col(end).is_in(rows["sourced_id"].implode()) & ~leaves)
    return said


def _later(entity: Entity, found: dict[str, Candidates], roster: Roster) -> pl.DataFrame:
    """Return the rows of an entity that stay and point, as they would be, to what would leave."""
    mine = found[entity.name]
    names = ["sourced_id", *entity.names]
    parts = [no_rows(*names)]
    for column in entity.references:
        keys = found[column.refers_to or ""].gone["sourced_id"]
        if not len(keys):
            continue
        parts.append(roster.children(entity, column.name, keys).join(mine.before, on="sourced_id", how="anti").select(names))
        if mine.candidates:
            again = mine.rows.select(names).collect()
            points = _targets(again, column).filter(pl.col("target").is_in(keys.implode()))
            parts.append(again.join(points, on="sourced_id", how="semi"))
    return pl.concat(parts).unique("sourced_id", maintain_order=True).join(mine.gone, on="sourced_id", how="anti")


def _targets(rows: pl.DataFrame, column: Column) -> pl.DataFrame:
    targets = rows.select("sourced_id", target=column.name).drop_nulls("target")
    return targets.with_columns(pl.col("target").str.split(",")).explode("target") if column.many else targets


def _said(entity: Entity, rows: pl.DataFrame, words: str) -> pl.DataFrame:
    nowhere = (pl.lit(None, pl.String).alias(name) for name in ("source_file", "line", "field"))
    message = pl.format(words, pl.col("sourced_id")).alias("message")
    return findings(CHANGED_SINCE, entity.name, rows.select("sourced_id", *nowhere, message))


def _as_live(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    if not rows.height:
        return no_rows("sourced_id", "status", *columns)
    return rows.select("sourced_id", "status", *(pl.col(f"now.{name}").alias(name) for name in columns))


def _conflicts(entity: Entity, rows: pl.DataFrame, written: list[str], moved: pl.Expr, also_changed: bool) -> pl.DataFrame:
    said = []
    whole = rows.filter(moved)
    said.append(
        whole.select(
            "sourced_id",
            "source_file",
            "line",
            pl.lit(None, pl.String).alias("field"),
            pl.format(SINCE, pl.col("sourced_id")).alias("message"),
        )
    )
    altered = rows.filter((pl.col("kind") == Change.ALTER.value) & (pl.col("status") == "active"))
    for name in () if also_changed else written:
        other = pl.col(name).ne_missing(pl.col(f"was.{name}")) & pl.col(f"now.{name}").ne_missing(pl.col(name))
        said.append(
            altered.filter(other).select(
                "sourced_id",
                "source_file",
                "line",
                pl.lit(name).alias("field"),
                pl.format(
                    "{} of '{}' has been changed since, and is left as it is.",
                    pl.lit(name.replace("_", " ")),
                    pl.col("sourced_id"),
                ).alias("message"),
            )
        )
    return findings(CHANGED_SINCE, entity.name, pl.concat(said))
