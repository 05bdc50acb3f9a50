"""Writes CSV that no spreadsheet program takes for formulas."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

#: What a cell of a formula begins with; a tab or a line break before it is skipped by some programs.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")

#: The same as an expression, for whole columns.
BEGINS = f"^[{re.escape(''.join(DANGEROUS))}]"


def cell(value: object) -> str:
    """Write one value as text. What a spreadsheet program would calculate gets an apostrophe in front, which it shows as text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(DANGEROUS) else text


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Write rows as lines of CSV, one at a time."""
    line = io.StringIO()
    writer = csv.writer(line)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
