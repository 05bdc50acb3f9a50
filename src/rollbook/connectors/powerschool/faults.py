"""What is wrong with PowerSchool's rows: told row by row, or counted where rows were left out on purpose."""

from dataclasses import dataclass

import polars as pl

from rollbook.connectors.powerschool.reading import ADDRESS, NO_TEXT, day
from rollbook.domain.findings import Level


@dataclass(frozen=True)
class Rule:
    """One rule: what it is called, and which column of which query it is about."""

    name: str
    file: str
    field: str
    level: Level = Level.WARNING


def told(hit: pl.LazyFrame, key: pl.Expr, rule: Rule, says: str, remedy: str) -> pl.LazyFrame:
    """Give one fault for each row."""
    return hit.select(
        level=pl.lit(rule.level.value),
        rule=pl.lit(rule.name),
        file=pl.lit(rule.file),
        line=pl.lit(None, pl.Int64),
        field=pl.lit(rule.field),
        sourced_id=key,
        message=pl.format(f"{{}} {says}", key),
        remedy=pl.lit(remedy),
        count=pl.lit(1, pl.Int64),
    )


def left_out(hit: pl.LazyFrame, rule: Rule, whose: str) -> pl.LazyFrame:
    """Give one fault that counts the rows that were left out on purpose, or none."""
    total = hit.select(count=pl.len().cast(pl.Int64)).filter(pl.col("count") > 0)
    return total.select(
        level=pl.lit(rule.level.value),
        rule=pl.lit(rule.name),
        file=pl.lit(rule.file),
        line=pl.lit(None, pl.Int64),
        field=pl.lit(rule.field),
        sourced_id=NO_TEXT,
        message=pl.format(f"{rule.file}: rows {whose} were left out: {{}}.", "count"),
        remedy=NO_TEXT,
        count="count",
    )


def no_day(rows: pl.LazyFrame, file: str, key: pl.Expr, column: str, where: str) -> pl.LazyFrame:
    return told(
        rows.filter(pl.col(column).is_not_null() & day(column).is_null()),
        key,
        Rule("date", file, column),
        f"has a {column.replace('_', ' ')} that is no date. It is taken to be empty.",
        f"In PowerSchool, correct the date: {where}.",
    )


def no_address(rows: pl.LazyFrame, file: str, key: pl.Expr) -> pl.LazyFrame:
    return told(
        rows.filter(~pl.col("email").str.contains(ADDRESS)),
        key,
        Rule("email", file, "email"),
        "has an email address that is none. It is taken to be empty.",
        "In PowerSchool, correct the address on the page of that person.",
    )
