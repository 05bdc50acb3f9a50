"""Undo: the mirror of an applied run, as candidates of a run of its own."""

from dataclasses import dataclass

import polars as pl

from rollbook.connectors.protocol import NO_FAULTS
from rollbook.domain.changes import Change
from rollbook.domain.entities import ENTITIES, Entity
from rollbook.domain.findings import Level, Rule
from rollbook.lib import columnar
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.pipeline.rules.rule import findings
from rollbook.store.roster import Roster, no_rows
from rollbook.store.snapshots import Accepted, RunFiles

CHANGED_SINCE = Rule(
    "changed_since",
    Level.WARNING,
    "The row was changed again after the import that is undone. It is left as it is, unless you choose to undo that, too.",
    "Look at the value; choose 'also what was changed since' if it should go back all the same.",
)


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
    conflicts = [NO_FAULTS]
    for entity in ENTITIES:
        changes = receipt.changes(entity)
        if changes is None:
            found[entity.name] = nothing(entity)
            continue
        rows = changes.collect()
        last = roster.last_written(entity, rows["sourced_id"], undone)
        found[entity.name], said = _mirror(entity, rows, last, roster, accepted, also_changed)
        conflicts.append(said)
    return Mirror(found, pl.concat(conflicts))


def _mirror(
    entity: Entity, changes: pl.DataFrame, last: pl.Series, roster: Roster, accepted: Accepted, also_changed: bool
) -> tuple[Candidates, pl.DataFrame]:
    columns = list(entity.names)
    written = [name for name in columns if name in changes.columns]
    live = roster.rows(entity, changes["sourced_id"]).rename({name: f"now.{name}" for name in columns})
    rows = changes.join(live, on="sourced_id", how="inner")
    kind = pl.col("kind")
    # Who came back and was removed once more is gone for another reason than the import that is undone.
    still_gone = (pl.col("status") == "inactive") & (pl.lit(also_changed) | pl.col("sourced_id").is_in(last.implode()))
    stands = pl.when(kind == Change.VANISH.value).then(still_gone).otherwise(pl.col("status") == "active")
    touched = pl.any_horizontal(pl.lit(False), *(pl.col(f"now.{name}").ne_missing(pl.col(name)) for name in written))
    came = kind.is_in([Change.APPEAR.value, Change.RETURN.value])
    moved = ~stands if also_changed else ~stands | (came & touched)

    leave = rows.filter(came & (pl.col("status") == "active") & (pl.lit(also_changed) | ~touched))
    back = rows.filter((kind == Change.VANISH.value) & still_gone)
    alter = rows.filter((kind == Change.ALTER.value) & (pl.col("status") == "active"))
    values = []
    for name in columns:
        was, now = pl.col(f"was.{name}"), pl.col(f"now.{name}")
        if name in written:
            other = pl.col(name).ne_missing(was)
            mine = pl.lit(True) if also_changed else now.eq_missing(pl.col(name))
            values.append(pl.when(other & mine).then(was).otherwise(now).alias(name))
        else:
            values.append(now.alias(name))
    restored = pl.concat(
        [
            alter.select("sourced_id", *values),
            back.select("sourced_id", *(pl.col(f"was.{name}").alias(name) for name in columns)),
        ]
    )
    # The hash must cover what the hashes beside the database cover, or the next night would take these rows for other ones.
    hashed = accepted.columns(entity) or columns
    restored = restored.with_columns(
        pl.lit(None, pl.String).alias("source_file"),
        pl.lit(None, pl.Int64).alias("line"),
        columnar.row_hash(["sourced_id", *hashed]).alias("row_hash"),
    )
    before = _as_live(pl.concat([alter, back]), columns)
    said = _conflicts(entity, rows, written, moved, also_changed)
    mirrored = Candidates(
        entity,
        columns,
        restored.lazy(),
        before,
        _as_live(leave, columns),
        read=restored.height,
        candidates=restored.height,
    )
    return mirrored, said


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
            pl.format("'{}' has been changed since, and is left as it is.", pl.col("sourced_id")).alias("message"),
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
