"""What check looks at: the candidates, what the roster would hold after them, and who has turned out unfit or gone."""

from dataclasses import dataclass, field

import polars as pl

from rollbook.domain.entities import Entity, entity
from rollbook.domain.errors import RollbookError
from rollbook.pipeline.candidates import Candidates
from rollbook.store.roster import Roster, no_rows
from rollbook.store.snapshots import Snapshot

NONE = pl.Series(dtype=pl.String)


@dataclass
class Picture:
    """One import as it is being judged, parents before children.

    `roster` is None where there is no database: then nothing is known from before.
    """

    candidates: dict[str, Candidates]
    snapshot: Snapshot | None
    roster: Roster | None
    unfit: dict[str, pl.Series] = field(default_factory=dict)  # keys of rows with an error
    leaving: dict[str, pl.DataFrame] = field(default_factory=dict)  # active rows that would become inactive

    def offers(self, *names: str) -> bool:
        """Say whether the source sent all of these entities in this import."""
        return self.snapshot is not None and all(self.snapshot.offers(name) for name in names)

    def has(self, name: str, *columns: str) -> bool:
        """Say whether this import judges rows of an entity, with these columns."""
        return name in self.candidates and set(columns) <= set(self.candidates[name].columns)

    def fit(self, name: str) -> pl.LazyFrame:
        """Return the candidates that are not unfit, so far."""
        return without(self.candidates[name].rows, self.unfit.get(name, NONE))

    def few(self, name: str, keys: pl.LazyFrame) -> pl.Series | None:
        """Return keys that the candidates of an entity touch, or None where those are so many that all may as well be read."""
        return keys.unique().collect().to_series() if self.candidates[name].few else None

    def lost(self, name: str, column: str = "sourced_id", **only: str) -> pl.LazyFrame:
        """Return, as `sourced_id`, what the rows of an entity stood for that leave or are altered: it may lack something now.

        `only` keeps the rows that had these values.
        """
        gone = [self.leaving[name]] if name in self.leaving else []
        before = [self.candidates[name].before] if name in self.candidates else []
        rows = [frame.lazy().filter(**only).select(sourced_id=column) for frame in (*gone, *before)]
        return pl.concat(rows).drop_nulls() if rows else pl.LazyFrame(schema={"sourced_id": pl.String})

    def after(self, name: str, column: str = "sourced_id", keys: pl.Series | None = None) -> pl.LazyFrame:
        """Return the rows as the source sent them, but for the unfit: what the roster would hold.

        Shape: with keys, only the rows that have one of them in that column: most of the cost of a night is in all the others.
        Needs: the source offers the entity.
        """
        if self.snapshot is None:
            raise RollbookError(f"A rule asked for all rows of {name}, which this import does not have")
        rows = self.snapshot.rows(entity(name))
        if keys is not None:
            rows = rows.filter(pl.col(column).is_in(keys.implode()))
        if self.candidates[name].identical:  # a row that is sent twice is one row
            rows = rows.unique("row_hash", keep="first", maintain_order=True)
        return without(rows, self.unfit.get(name, NONE))

    def gone(self, name: str) -> pl.Series:
        """Return the keys of the rows that would become inactive."""
        return self.leaving[name]["sourced_id"] if name in self.leaving else NONE

    def known(self, parent: Entity, keys: pl.Series) -> pl.Series:
        """Return those keys that the roster knows from before: active, and not leaving in this import."""
        if self.roster is None or not len(keys):
            return NONE
        met = self.roster.rows(parent, keys).filter(pl.col("status") == "active")["sourced_id"]
        return met.filter(~met.is_in(self.gone(parent.name).implode()))

    def children(self, child: Entity, column: str, keys: pl.Series) -> pl.DataFrame:
        """Return the active rows that point to any of these keys."""
        if self.roster is None or not len(keys):
            return no_rows("sourced_id", "status", *child.names)
        return self.roster.children(child, column, keys)


def without(rows: pl.LazyFrame, keys: pl.Series) -> pl.LazyFrame:
    """Leave out the rows with these keys."""
    if not len(keys):
        return rows
    return rows.join(keys.rename("sourced_id").to_frame().lazy(), on="sourced_id", how="anti", maintain_order="left")
