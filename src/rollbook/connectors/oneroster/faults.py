"""What is wrong with rows, as columns: notes are counted, everything else is told row by row."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from rollbook.connectors.oneroster.forms import Check
from rollbook.connectors.protocol import FAULTS, NO_FAULTS
from rollbook.domain.findings import Level

#: How many different spellings a note shows, and how many letters of a cell a message shows.
SEEN, SHOWN = 5, 80

BATCH = 100_000

Fault = dict[str, str | int | None]


def fault(level: Level, rule: str, file: str, message: str, **more: str | int | None) -> Fault:
    """Write one row of FAULTS; what is not given is null, and it counts once."""
    row: Fault = dict.fromkeys(FAULTS)
    row.update(level=level.value, rule=rule, file=file, message=message, count=1)
    row.update(more)
    return row


def frame_of(rows: Sequence[Fault]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=FAULTS) if rows else NO_FAULTS


def lazily(entity: str, parts: Callable[[], Iterator[pl.DataFrame]]) -> pl.LazyFrame:
    """Return faults that are looked for only when somebody reads them.

    Shape: streams; a file in which every row is wrong costs no more memory than any other.
    """

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        for part in parts():
            given = part.with_columns(entity=pl.lit(entity, pl.String)).select(list(FAULTS))
            if predicate is not None:
                given = given.filter(predicate)
            if n_rows is not None:
                given, n_rows = given.head(n_rows), n_rows - min(n_rows, given.height)
            yield given if with_columns is None else given.select(with_columns)
            if n_rows == 0:
                return

    return register_io_source(source, schema=FAULTS, validate_schema=True, is_pure=True)


def marked(rows: pl.LazyFrame, checks: Sequence[Check], sourced_id: pl.Expr) -> pl.LazyFrame:
    """Hold rows against checks; return those that one of them marks: `line`, what the checks look at and show, `_flags` with
    a bit a check, and `_id`.

    Needs: at most 63 checks.
    """
    flags = pl.sum_horizontal(*[check.when.fill_null(False).cast(pl.Int64) * (1 << bit) for bit, check in enumerate(checks)])
    looked_at = [sourced_id, *(check.when for check in checks), *(_shown(check) for check in checks)]
    columns = sorted({"line"}.union(*(each.meta.root_names() for each in looked_at)))
    return rows.select(columns).with_columns(_flags=flags).filter(pl.col("_flags") != 0).with_columns(_id=sourced_id)


def judge(flagged: pl.LazyFrame, file: str, checks: Sequence[Check]) -> Iterator[pl.DataFrame]:
    """Give the faults of marked rows, batch by batch, and at last the notes.

    Shape: one streaming scan, a batch at a time.
    """
    tallies = [Tally(check) for check in checks]
    for batch in flagged.collect_batches(chunk_size=BATCH, maintain_order=True, engine="streaming"):
        present = int(np.bitwise_or.reduce(batch["_flags"].to_numpy(), initial=0))
        for bit, (check, tally) in enumerate(zip(checks, tallies, strict=True)):
            if present >> bit & 1:
                hit = batch.filter(pl.col("_flags") // (1 << bit) % 2 == 1)
                if check.level is Level.NOTE:
                    tally.add(hit)
                else:
                    yield told(hit, file, check)
    yield frame_of([tally.fault(file) for tally in tallies if tally.count])


def told(hit: pl.DataFrame, file: str, check: Check) -> pl.DataFrame:
    """Return one fault for each row."""
    before, value, after = check.message.partition("{value}")
    words: list[pl.Expr] = [pl.lit(f"{file} line "), pl.col("line").cast(pl.String), pl.lit(": " + before)]
    if value:
        words += [shortened(_shown(check)), pl.lit(after)]
    return hit.select(
        entity=pl.lit(None, pl.String),
        level=pl.lit(check.level.value),
        rule=pl.lit(check.rule),
        file=pl.lit(file),
        line="line",
        field=pl.lit(check.field),
        sourced_id="_id",
        message=pl.concat_str(words),
        remedy=pl.lit(check.remedy),
        count=pl.lit(1, pl.Int64),
    )


class Tally:
    """Counts the rows of one note."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.count = 0
        self.line: int | None = None
        self.seen: list[str] = []

    def add(self, hit: pl.DataFrame) -> None:
        self.count += hit.height
        if self.line is None:  # batches come in the order of the file
            self.line = int(hit.select(pl.col("line").first()).item())
        if len(self.seen) < SEEN:
            cell = shortened(_shown(self.check))
            shown = cell if self.check.shows is not None else pl.lit("'") + cell + pl.lit("'")
            fresh = hit.select(seen=shown).drop_nulls().unique().sort("seen").head(SEEN)
            self.seen = sorted({*self.seen, *fresh["seen"].to_list()})[:SEEN]

    def fault(self, file: str) -> Fault:
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        text = self.check.message.replace("{rows}", rows).replace("{seen}", ", ".join(self.seen))
        return fault(
            self.check.level,
            self.check.rule,
            file,
            f"{file}: {text}",
            line=self.line,
            field=self.check.field,
            count=self.count,
        )


def _shown(check: Check) -> pl.Expr:
    return check.shows if check.shows is not None else pl.col(check.field)


def shortened(cell: pl.Expr) -> pl.Expr:
    """Cut a cell to what a message may show."""
    return pl.when(cell.str.len_chars() > SHOWN).then(cell.str.head(SHOWN - 1) + pl.lit("…")).otherwise(cell)
