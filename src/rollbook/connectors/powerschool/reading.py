"""How one value of PowerSchool is read: ids, days, grades, addresses, periods; and what a built entity is."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

DISTRICT = "district"
OFFICE = "0"
GRADES = {"-1": "PK", "0": "KG", **{str(number): f"{number:02}" for number in range(1, 14)}}
ADDRESS = r"^[^@\s,;]+@[^@\s,;]+$"
DAY = r"^(\d{4}-\d{2}-\d{2})([ T].*)?$"
NO_TEXT = pl.lit(None, pl.String)

Rows = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True)
class Built:
    """The rows of an entity, what is wrong with them, and those of PowerSchool's rows that have to be among them."""

    frame: pl.LazyFrame
    faults: tuple[pl.LazyFrame, ...] = ()
    due: tuple[pl.LazyFrame, ...] = ()


@dataclass(frozen=True)
class Manner:
    """What the settings say about the mapping."""

    devices: str
    district: str
    guardians: bool = False


def clean(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Take away what nobody sees: blanks around and beside blanks, control characters; what is empty then is null."""
    plain = pl.all().str.replace_all(r"[\p{Cc}\p{Z}]+", " ").str.strip_chars()
    return frame.with_columns(plain).with_columns(pl.when(pl.all() != "").then(pl.all()))


def keyed(prefix: str, column: str) -> pl.Expr:
    return pl.format(f"{prefix}-{{}}", pl.col(column))


def school() -> pl.Expr:
    """Name the org of a school number."""
    return pl.when(pl.col("school_number") == OFFICE).then(pl.lit(DISTRICT)).otherwise(keyed("school", "school_number"))


def course() -> pl.Expr:
    number = pl.format("course-number-{}", pl.col("course_number").str.to_uppercase())
    return pl.coalesce(keyed("course", "course_dcid"), number)


def day(column: str) -> pl.Expr:
    """Read a date; one that is written otherwise is null here and a fault elsewhere."""
    return pl.col(column).str.extract(DAY, 1).str.to_date("%Y-%m-%d", strict=False).cast(pl.String)


def after(date: pl.Expr) -> pl.Expr:
    """Return the day after a last day."""
    return date.str.to_date("%Y-%m-%d").dt.offset_by("1d").cast(pl.String)


def grade() -> pl.Expr:
    level = pl.col("grade_level")
    below = level.cast(pl.Int64, strict=False) < -1
    return pl.when(below).then(pl.lit("PR")).otherwise(level.replace_strict(GRADES, default=None, return_dtype=pl.String))


def address() -> pl.Expr:
    return pl.when(pl.col("email").str.contains(ADDRESS)).then("email").alias("email")


def periods(expression: pl.Expr) -> pl.Expr:
    """Read the periods out of an expression: "1-2(A,C) 4(B)" gives "1,2,4"."""
    return expression.map_batches(_periods, return_dtype=pl.String)


def _periods(column: pl.Series) -> pl.Series:
    # Row by row over the different ones: a district has some dozens.
    different = column.drop_nulls().unique()
    return column.replace_strict(different, [meets(each) for each in different], default=None, return_dtype=pl.String)


def meets(expression: str) -> str | None:
    """Name the periods of one expression, each once, in their order."""
    found: dict[str, None] = {}
    for part in pl.Series([expression]).str.replace_all(r"\([^)]*\)?", " ").str.replace_all(",", " ")[0].split():
        first, _, last = part.partition("-")
        ranged = first.isdecimal() and last.isdecimal() and int(first) <= int(last) < int(first) + 40
        found |= dict.fromkeys(map(str, range(int(first), int(last) + 1)) if ranged else [part])
    return ",".join(found) or None
