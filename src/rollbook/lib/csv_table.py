"""A CSV file that was checked: its headings, its cells as columns of text, and what was repaired on the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

#: How many bytes are looked at together: they are gone through a dozen times, so they had better stay in the cache meanwhile.
CHUNK = 1 << 19

#: A line of a roster has some hundred letters. A longer one than this is a file of another kind, or a quote left open.
LINE_LIMIT = 1 << 20

#: What stands in for a letter that cannot be told. A key that holds it cannot be trusted.
UNKNOWN_LETTER = "\N{REPLACEMENT CHARACTER}"

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2060\ufeff]")

#: Marks that come with text that was pasted, and with files that were put together from several, and say nothing. Those that
#: join letters and pictures are not among them: they change what is seen.
ZERO_WIDTH = "\u200b\u200e\u200f\u2060\ufeff"


class Unreadable(Exception):
    """Nothing of this file can be trusted. The message is a sentence that names the file and the place."""


@dataclass(frozen=True)
class Repair:
    """A form that was forgiven: which, where it was first met, how often."""

    rule: str
    message: str
    line: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Table:
    """One file, checked: its headings, and its cells as columns of text.

    Units: `line` counts from 1, the header's, and is where a row begins in the file as it came.
    """

    name: str
    header: tuple[str, ...]
    rows: int
    path: Path
    copied: bool = False  # `path` is our clean copy, whose first column is the line
    quoted: bool = True
    doubled: bool = True  # two quotes may stand side by side: an empty cell in quotes is one
    ascii: bool = False
    padded: bool = True  # a cell may begin or end with a blank
    zero_width: bool = True  # a cell may hold marks of zero width
    repairs: tuple[Repair, ...] = ()
    refused_path: Path | None = None

    def scan(self, columns: Sequence[int]) -> pl.LazyFrame:
        """Return `line` and those columns, each named by its place ("0" is the first). An empty cell is null or "".

        Shape: lazy; only the columns asked for are ever kept.
        """
        names = [str(place) for place in range(len(self.header))]
        wanted = [str(place) for place in columns]
        if not self.rows:
            return pl.LazyFrame(schema={"line": pl.Int64} | dict.fromkeys(wanted, pl.String))
        schema = dict.fromkeys([*(["line"] if self.copied else []), *names], pl.String)
        frame = pl.scan_csv(
            self.path,
            has_header=False,
            skip_rows=1,
            schema=schema,
            quote_char='"' if self.quoted else None,
            n_rows=self.rows if any(repair.rule == "blank_lines" for repair in self.repairs) else None,
            row_index_name=None if self.copied else "line",
            row_index_offset=2,
            glob=False,
        )
        return frame.select(pl.col("line").cast(pl.Int64), *wanted)

    def refused(self) -> pl.DataFrame:
        """Return the rows that do not fit under the header: `line`, `cells` (how many it has) and `why`."""
        schema = {"line": pl.Int64, "cells": pl.Int64, "why": pl.String}
        if self.refused_path is None:
            return pl.DataFrame(schema=schema)
        return pl.read_csv(self.refused_path, schema=schema)


def heading_of(cell: str) -> str:
    """Return a heading without what cannot be seen: control characters, marks of zero width, outer blanks."""
    return UNSEEN.sub("", cell.replace("\n", " ")).strip()


def too_long(name: str, line: int) -> str:
    return (
        f"{name}, line {line}: the line has more than {LINE_LIMIT:,} bytes, so this is not a CSV file, or a line end is missing"
    )


def byte_order_mark(name: str) -> Repair:
    return Repair("byte_order_mark", f"{name} begins with a byte-order mark, as spreadsheet programs write it. Ignored.", 1)


def blank_lines(name: str, line: int, count: int) -> Repair:
    return Repair(
        "blank_lines", f"{name} has {count} blank {'line' if count == 1 else 'lines'}, first line {line}. Ignored.", line, count
    )


def trimmed_headings(name: str, line: int, count: int) -> Repair:
    text = f"{name}: blanks around {count} of its headings, or letters in them that cannot be seen, were ignored."
    return Repair("trimmed_headings", text, line, count)
