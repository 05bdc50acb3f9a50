"""Frames as the tables want them: every column there, numbers as Int64, all else as text."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rollbook.sandbox.powerschool.tables import TABLES

type Tables = dict[str, pl.DataFrame]


def schema(table: str) -> dict[str, type[pl.Int64 | pl.String]]:
    return {name: pl.Int64 if kind == "number" else pl.String for name, kind in TABLES[table].columns.items()}


def shaped(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with exactly the columns of the table; those that it lacks are empty."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name) for name, kind in schema(table).items()
    )


def from_rows(table: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a few rows that were written out by hand as a frame."""
    return pl.DataFrame(list(rows), schema=schema(table))


def put(frame: pl.DataFrame, at: pl.Expr, **values: pl.Expr) -> pl.DataFrame:
    """Return the frame with other values in the rows that `at` picks."""
    return frame.with_columns(pl.when(at).then(value).otherwise(column).alias(column) for column, value in values.items())
