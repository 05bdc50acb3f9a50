"""Turns the bytes of a CSV file into columns of text, and says in a sentence what was repaired or why it cannot.

Nearly every file is *plain*: UTF-8, the same number of cells in every line, quotes only where they belong. One pass over the
bytes proves that, and then polars may scan the file as it is. All others are read cell by cell into a clean copy.
"""

import codecs
from collections.abc import Callable
from pathlib import Path

from rollbook.lib.csv_plain import plain_table
from rollbook.lib.csv_repair import Copyist, encoding_of
from rollbook.lib.csv_table import LINE_LIMIT, Table, Unreadable, too_long

#: Thirty million lines of a hundred letters; more than any district has.
SIZE_LIMIT = 4 << 30

SIGNATURES = {
    b"PK\x03\x04": "a ZIP file or a spreadsheet (xlsx)",
    b"PK\x05\x06": "an empty ZIP file",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (xls)",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file (gzip)",
    b"7z\xbc\xaf": "a compressed file (7z)",
    b"Rar!": "a compressed file (rar)",
    b"{\\rtf": "a word processor's document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a database file",
}


def open_table(
    path: Path,
    name: str,
    *,
    scratch: Callable[[], Path],
    blind: Callable[[str], bool] = lambda heading: False,
    exact: Callable[[str], bool] = lambda heading: False,
    size_limit: int = SIZE_LIMIT,
) -> Table:
    """Check a file and return it as a table; write a clean copy into the folder `scratch()` only if it is not plain.

    `blind(heading)` says whose cells must never be copied or shown. `exact(heading)` says whose cells are keys: what would be
    repaired elsewhere becomes UNKNOWN_LETTER there.
    Shape: streams; memory does not grow with the file.
    Errors: Unreadable.
    """
    size = path.stat().st_size
    if size == 0:
        raise Unreadable(f"{name} is empty: it has not even a header")
    if size > size_limit:
        raise Unreadable(f"{name} has {size:,} bytes; files of more than {size_limit:,} are not read")
    with path.open("rb") as file:
        first = file.readline(LINE_LIMIT + 1)
    refuse_other_kinds(name, first)
    encoding = ""
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        plain = plain_table(path, name, first)
        if plain:
            return plain
        encoding = encoding_of(path, name)
    return Copyist(path, name, encoding or "utf-16", blind, exact).copy(scratch())


def refuse_other_kinds(name: str, first: bytes) -> None:
    """Raise Unreadable if the first bytes are those of a well-known format that is not text in columns."""
    for signature, kind in SIGNATURES.items():
        if first.startswith(signature):
            raise Unreadable(f"{name} is not a CSV file but {kind}")
    start = first.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise Unreadable(f"{name} is not a CSV file but a web page or XML")
    if len(first) > LINE_LIMIT and b"\r" not in first:
        raise Unreadable(too_long(name, 1))
    if b"\0" in first and not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable(f"{name}, line 1: this is not text in UTF-8; it may be UTF-16 without its mark, or not text at all")
