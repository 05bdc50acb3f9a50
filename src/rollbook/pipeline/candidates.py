"""Candidates: the rows that may have to change, and how the fit ones among them become changes."""

from dataclasses import dataclass, field

import polars as pl

from rollbook.domain.changes import SITUATIONS, Change
from rollbook.domain.entities import Entity
from rollbook.store.roster import no_rows

#: So many candidates are held in memory, and only what they touch is looked at. Of more, all is read, each time it is asked for.
FEW = 50_000


@dataclass
class Candidates:
    """The rows of one entity that may have to change, and how many others there are.

    Shape: `rows` is lazy: `sourced_id`, the offered columns, `source_file`, `line`, `row_hash`. `before` has the roster's rows
        with the keys of `rows` that are not settled; `gone` has the active rows that were not sent. Neither grows with what did
        not change.
    """

    entity: Entity
    columns: list[str]
    rows: pl.LazyFrame
    before: pl.DataFrame
    gone: pl.DataFrame
    read: int = 0  # rows of the snapshot, identical ones counted once
    candidates: int = 0  # rows in `rows`
    identical: int = 0  # rows that repeated another one to the letter
    all_new: bool = False  # nothing in the roster has any of these keys
    all_gone: bool = False  # `gone` has every active row: no other one can leave
    unchanged: pl.Series = field(
        default_factory=lambda: pl.Series(dtype=pl.String)
    )  # keys in `rows` that an unchanged row has, too
    settled: pl.Series = field(
        default_factory=lambda: pl.Series(dtype=pl.UInt64)
    )  # hashes in `rows` of what is in the roster to the letter: judged anew, and never a change

    def moving(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return those of `rows` that are not settled."""
        return rows.filter(~pl.col("row_hash").is_in(self.settled.implode())) if len(self.settled) else rows

    @property
    def few(self) -> bool:
        """Say whether these are so few that it spares time to look at nothing but what they touch."""
        return self.candidates <= FEW


def nothing(entity: Entity) -> Candidates:
    """Return no candidates: for an entity that was not sent, of which only a leaving parent may take rows."""
    empty = pl.LazyFrame(schema={"sourced_id": pl.String, "source_file": pl.String, "line": pl.Int64, "row_hash": pl.UInt64})
    rows = no_rows("sourced_id", "status", *entity.names)
    return Candidates(entity, [], empty, rows, rows)


def changes(found: Candidates, fit: pl.LazyFrame, vanish: pl.DataFrame) -> pl.LazyFrame:
    """Turn fit candidates, and the rows that leave, into changes, with what stands there before.

    Gives: `kind`, `sourced_id`, `source_file`, `line`, `row_hash`, the offered columns, `was.<column>` for all columns.
    """
    was = {name: f"was.{name}" for name in found.entity.names}
    fit = found.moving(fit)
    if found.before.height:
        rows = fit.join(found.before.rename(was).lazy(), on="sourced_id", how="left", maintain_order="left")
    else:
        rows = fit.with_columns(pl.lit(None, pl.String).alias(name) for name in ("status", *was.values()))
    other = pl.any_horizontal(pl.lit(False), *(pl.col(name).ne_missing(pl.col(f"was.{name}")) for name in found.columns))
    rows = rows.with_columns(kind=situation(other)).filter(pl.col("kind").is_not_null())
    order = ["kind", "sourced_id", "source_file", "line", "row_hash", *found.columns, *was.values()]
    leaving = (
        vanish.lazy()
        .rename(was)
        .with_columns(
            pl.lit(Change.VANISH.value).alias("kind"),
            *(pl.lit(None, pl.String).alias(name) for name in ("source_file", *found.columns)),
            line=pl.lit(None, pl.Int64),
            row_hash=pl.lit(None, pl.UInt64),
        )
    )
    return pl.concat([rows.select(order), leaving.select(order)])


def situation(other: pl.Expr) -> pl.Expr:
    """Write the table of situations as one expression: for rows that were sent, the change or null."""
    kinds = pl.lit(None, pl.String)
    for (sent, status), (_, change) in SITUATIONS.items():
        if sent is None or change is None:
            continue
        stands = pl.col("status").is_null() if status is None else pl.col("status") == status
        values = pl.lit(True) if status is None else (other if sent == "other" else ~other)
        kinds = pl.when(stands & values).then(pl.lit(change.value)).otherwise(kinds)
    return kinds
