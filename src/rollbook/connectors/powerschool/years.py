"""Which school years come on a day: those that have begun and are not over; between two, the old one and the new one."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from rollbook.domain.errors import SourceBroken


def begun_years(records: pl.DataFrame, today: date) -> list[str]:
    """Return the latest two years that have begun at some school, the later one first: their terms say whether they are over."""
    dated = _spans(records).filter(pl.col("first") <= today.isoformat())
    return dated.sort("number", descending=True)["year_id"].head(2).to_list()


def asked_years(records: pl.DataFrame, terms: Sequence[pl.DataFrame], today: date) -> tuple[str, ...]:
    """Return the years to ask for. `terms` are those of the years that have begun, in that order.

    Errors: SourceBroken if there is no year with dates.
    """
    begun = begun_years(records, today)
    now = [year for year, mine in zip(begun, terms, strict=True) if _last(mine) >= today.isoformat()]
    if now:
        return tuple(sorted(now, key=int))
    coming = _spans(records).filter(pl.col("first") > today.isoformat()).sort("first", "number")["year_id"].head(1).to_list()
    found = (*begun[:1], *coming)
    if not found:
        raise SourceBroken(
            "PowerSchool has no school year with a first day",
            next_step="In PowerSchool, enter the days of the year under Start Page > System > Years & Terms.",
        )
    return tuple(sorted(found, key=int))


def _spans(records: pl.DataFrame) -> pl.DataFrame:
    """Return each year with the earliest first day of any school."""
    number = pl.col("year_id").cast(pl.Int64, strict=False)
    dated = records.with_columns(number=number, first=pl.col("first_day").str.head(10)).drop_nulls(["number", "first"])
    return dated.group_by("year_id", "number").agg(pl.col("first").min())


def _last(terms: pl.DataFrame) -> str:
    return str(terms.select(pl.col("last_day").str.head(10).max().fill_null("")).item())
