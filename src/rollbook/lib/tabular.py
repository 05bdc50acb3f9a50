"""Turns the bytes of a CSV file into columns of text, and says in a sentence what was repaired or why it cannot.

Nearly every file is *plain*: UTF-8, the same number of cells in every line, quotes only where they belong. One pass over the
bytes proves that, and then polars may scan the file as it is. All others are read cell by cell into a clean copy.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

CHUNK = 4 << 20

#: A line of a roster has some hundred letters. A longer one than this is a file of another kind, or a quote left open.
LINE_LIMIT = 1 << 20

#: Thirty million lines of a hundred letters; more than any district has.
SIZE_LIMIT = 4 << 30

# The csv module's own limit, 128 KiB a cell, would refuse what the plain way accepts.
csv.field_size_limit(LINE_LIMIT)

#: What stands in for a letter that cannot be told. A key that holds it cannot be trusted.
UNKNOWN_LETTER = "\N{REPLACEMENT CHARACTER}"

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

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2060\ufeff]")
OUTSIDE_ASCII = re.compile(r"[^\x00-\x7f]")


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
    ascii: bool = False
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


def too_long(name: str, line: int) -> str:
    return (
        f"{name}, line {line}: the line has more than {LINE_LIMIT:,} bytes, so this is not a CSV file, or a line end is missing"
    )


# --- the plain way ---------------------------------------------------------------------------------------------------------


@dataclass
class PlainCheck:
    """Walks over chunks of bytes, and knows after each whether all so far was plain.

    Shape: numpy over whole chunks; about two nanoseconds a byte.
    """

    name: str
    cells: int
    lines: int = 1
    ascii: bool = True
    quoted: bool = False
    _place: int = 0  # where the chunk begins
    _begin: int = 0  # where the current line begins
    _phase: int = 0  # separators seen in the current line
    _open: int = 0  # 1 within quotes
    _last: int = 10  # the byte before the chunk
    _closes: bool = False  # that byte is a closing quote
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def takes(self, chunk: bytes) -> bool:
        """Say whether the file is still plain with this chunk. Raises Unreadable if a line never ends."""
        text = np.frombuffer(chunk, np.uint8)
        if not self._is_text(chunk, text):
            return False
        separators = np.flatnonzero((text == 44) | (text == 10))
        ends = text[separators] == 10
        is_quote = text == 34
        if is_quote.any() or self._open or self._closes:
            quotes = np.flatnonzero(is_quote)
            if not self._quotes_belong(text, quotes):
                return False
            before = np.bincount(np.searchsorted(separators, quotes), minlength=len(separators) + 1)[:-1].cumsum()
            inside = (before + self._open) & 1 == 1
            if (ends & inside).any():
                return False
            separators, ends = separators[~inside], ends[~inside]
            self._open = (self._open + len(quotes)) & 1
            self.quoted = True
        due = ends[self.cells - 1 - self._phase :: self.cells]
        newlines = separators[ends]
        self._measure(newlines, len(text))
        if not due.all() or len(newlines) != len(due):
            return False
        self._phase = (self._phase + len(separators)) % self.cells
        self._last = int(text[-1])
        return True

    def ends(self) -> bool:
        """Say whether the file is plain, now that it has ended (its last line ends, if at all, outside of what was shown)."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return not self._open and self._last != 13 and self._phase == self.cells - 1

    def _is_text(self, chunk: bytes, text: npt.NDArray[np.uint8]) -> bool:
        if text.max() > 126 or self._decoder.getstate()[0]:
            if (text == 127).any():
                return False
            self.ascii = self.ascii and bool(text.max() < 128)
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
        returns = np.flatnonzero(text == 13)
        if np.count_nonzero(text < 32) != np.count_nonzero(text == 10) + len(returns):
            return False
        if self._last == 13 and text[0] != 10:
            return False
        if len(returns) and returns[-1] == len(text) - 1:
            returns = returns[:-1]
        return bool((text[returns + 1] == 10).all())

    def _quotes_belong(self, text: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp]) -> bool:
        """A quote opens at the beginning of a cell and closes at its end; within, it is doubled."""
        if self._closes and text[0] not in (44, 10, 13, 34):
            return False
        opening, closing = quotes[self._open :: 2], quotes[1 - self._open :: 2]
        before = np.where(opening > 0, text[opening - 1], self._last)
        if not ((before == 44) | (before == 10) | (before == 34)).all():
            return False
        self._closes = bool(len(closing) and closing[-1] == len(text) - 1)
        after = text[closing[:-1] + 1 if self._closes else closing + 1]
        return bool(((after == 44) | (after == 10) | (after == 13) | (after == 34)).all())

    def _measure(self, newlines: npt.NDArray[np.intp], length: int) -> None:
        lengths = np.diff(newlines + self._place, prepend=self._begin)
        if len(newlines):
            longest = int(np.argmax(lengths))
            if lengths[longest] > LINE_LIMIT:
                raise Unreadable(too_long(self.name, self.lines + longest))
            self._begin = self._place + int(newlines[-1])
        self.lines += len(newlines)
        self._place += length
        if self._place - self._begin > LINE_LIMIT:
            raise Unreadable(too_long(self.name, self.lines))


def plain_table(path: Path, name: str, first: bytes) -> Table | None:
    """Return the table if polars may scan the file as it is, else None."""
    start = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
    try:
        header = next(csv.reader([first[start:].decode("utf-8").rstrip("\r\n")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    header = [heading_of(cell) for cell in header]
    if len(header) < 2 or not all(header):
        return None
    end, blank = content_end(path)
    if end is None:
        return None
    check = PlainCheck(name, len(header))
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            chunk = file.read(min(CHUNK, end - start))
            if not chunk or not check.takes(chunk):
                return None
            start += len(chunk)
    if not check.ends():
        return None
    repairs = []
    if first.startswith(codecs.BOM_UTF8):
        repairs.append(byte_order_mark(name))
    if blank:
        repairs.append(blank_lines(name, check.lines + 1, blank))
    return Table(name, tuple(header), check.lines - 1, path, quoted=check.quoted, ascii=check.ascii, repairs=tuple(repairs))


def heading_of(cell: str) -> str:
    """Return a heading without what cannot be seen: control characters, marks of zero width, outer blanks."""
    return UNSEEN.sub("", cell.replace("\n", " ")).strip()


def content_end(path: Path) -> tuple[int | None, int]:
    """Return where the last line's text ends and how many blank lines follow; None if that takes more than a look."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 16)))
        tail = file.read()
    text = tail.rstrip(b"\r\n")
    rest = tail[len(text) :]
    if not text or rest.replace(b"\r\n", b"\n").strip(b"\n"):
        return None, 0
    return size - len(rest), max(0, rest.count(b"\n") - 1)


# --- the slow way ----------------------------------------------------------------------------------------------------------


def encoding_of(path: Path, name: str) -> str:
    """Tell UTF-8 from Windows-1252. Raises Unreadable if the bytes are neither, or both."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    line, length, wrong, right, control = 1, 0, 0, 0, False
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            if not text.isascii():
                for found in OUTSIDE_ASCII.finditer(text):
                    if "\udc80" <= found.group() <= "\udcff":
                        wrong = wrong or line + text.count("\n", 0, found.start())
                    else:
                        right = right or line + text.count("\n", 0, found.start())
                    if wrong and right:
                        break
            control = control or bool(re.search(r"[\x00-\x08]", text))
            line += text.count("\n")
            end = max(text.rfind("\n"), text.rfind("\r"))
            length = len(text) - end if end >= 0 else length + len(text)
            if length > LINE_LIMIT:
                raise Unreadable(too_long(name, line))
            if not chunk:
                break
    if not wrong:
        return "utf-8-sig"
    if right:
        raise Unreadable(f"{name} mixes two encodings: line {right} is UTF-8, line {wrong} is not")
    if control:
        raise Unreadable(f"{name}, line {wrong}: the bytes are neither UTF-8 nor Windows-1252 text")
    try:
        with path.open("r", encoding="cp1252", newline="") as readable:
            while readable.read(CHUNK):
                pass
    except UnicodeDecodeError:
        raise Unreadable(f"{name}, line {wrong}: the bytes are neither UTF-8 nor Windows-1252 text") from None
    return "cp1252"


class Copyist:
    """Reads a file cell by cell and writes a clean copy, with the number of its line before each row.

    Shape: one line at a time; here, and only here, rows are walked in Python.
    """

    def __init__(self, path: Path, name: str, encoding: str, blind: Callable[[str], bool], exact: Callable[[str], bool]) -> None:
        self.path, self.name, self.encoding = path, name, encoding
        self.blind, self.exact = blind, exact
        self.line = 0  # the last line that was read
        self.record: list[str] = []  # the lines of the row that is being read
        self.length = 0  # of all of them
        self.counts: dict[str, tuple[int, int]] = {}  # repair -> (first line, how often)
        self.changed: list[str] = []  # cells whose letters depend on the encoding

    def copy(self, scratch: Path) -> Table:
        """Write the clean copy; return the table over it."""
        target, refused = scratch / f"{self.path.stem}.clean.csv", scratch / f"{self.path.stem}.refused.csv"
        try:
            with (
                self.path.open("r", encoding=self.encoding, newline=None) as source,
                target.open("w", encoding="utf-8", newline="") as clean,
                refused.open("w", encoding="utf-8", newline="") as left_out,
            ):
                reader = csv.reader(self._lines(source), strict=True)
                header, width = self._header(reader)
                rows, ragged = self._rows(reader, header, width, clean, left_out)
        except UnicodeError:
            raise Unreadable(
                f"{self.name}, after line {self.line}: the bytes are not the UTF-16 text that the file begins as"
            ) from None
        return Table(
            self.name,
            tuple(header),
            rows,
            target,
            copied=True,
            repairs=tuple(self._repairs()),
            refused_path=refused if ragged else None,
        )

    def _lines(self, source: io.TextIOBase) -> Iterator[str]:
        while line := source.readline(LINE_LIMIT + 1):
            self.line += 1
            self.record.append(line)
            self.length = len(line) if len(self.record) == 1 else self.length + len(line)
            if len(line) > LINE_LIMIT:
                raise Unreadable(too_long(self.name, self.line))
            if self.length > LINE_LIMIT:
                raise Unreadable(self._never_closed())
            yield line

    def _header(self, reader: Iterator[list[str]]) -> tuple[list[str], int]:
        try:
            cells = next(reader, None)
            while cells is not None and not any(heading_of(cell) for cell in cells):
                self._count("blank_lines", self.line)
                self.record.clear()
                cells = next(reader, None)
        except csv.Error:
            raise Unreadable(f"{self.name}, line 1: the quotes of the header do not fit together") from None
        if cells is None:
            raise Unreadable(f"{self.name} is empty: it has not even a header")
        if len(cells) == 1:
            for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
                if separator in cells[0]:
                    raise Unreadable(f"{self.name}, line {self.line}: the cells are separated by {word} instead of commas")
        self.record.clear()
        header = [heading_of(cell) for cell in cells]
        width = len(header)
        while not header[-1]:
            header.pop()
        if len(header) < width:
            self._count("blank_headings", self.line, width - len(header))
        return header, width

    def _rows(
        self, reader: Iterator[list[str]], header: list[str], width: int, clean: io.TextIOBase, left_out: io.TextIOBase
    ) -> tuple[int, int]:
        write, refuse = csv.writer(clean, lineterminator="\n").writerow, csv.writer(left_out, lineterminator="\n").writerow
        write(["line", *range(len(header))])
        refuse(["line", "cells", "why"])
        blind = [place for place, heading in enumerate(header) if self.blind(heading)]
        exact = {place for place, heading in enumerate(header) if self.exact(heading)}
        rows = ragged = 0
        while True:
            begin = self.line + 1
            self.record.clear()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if len(self.record) > 1 or "unexpected end" in str(error) or stays_open(self.record[0]):
                    raise Unreadable(self._never_closed(begin)) from None
                refuse([begin, 0, "quotes"])
                ragged += 1
                continue
            if cells is None:
                return rows, ragged
            if len(self.record) > 1:
                self._refuse_swallowed_rows(begin, len(header), cells)
            if not any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    self._count("blank_lines", begin)
                    continue
            elif len(cells) < len(header) or len(cells) > width or any(cell.strip() for cell in cells[len(header) :]):
                refuse([begin, len(cells), "cells"])
                ragged += 1
                continue
            del cells[len(header) :]
            for place in blind:
                cells[place] = ""
            self._clean(cells, exact, begin)
            write([begin, *cells])
            rows += 1

    def _clean(self, cells: list[str], exact: set[int], line: int) -> None:
        text = "".join(self.record)
        if CONTROL.search(text) or len(self.record) > 1:
            for place, cell in enumerate(cells):
                without = CONTROL.sub(lambda found: " " if found.group() == "\t" else "", cell)
                if without != cell:
                    self._count("control_characters", line)
                if "\n" in without:
                    self._count("line_breaks", line)
                    without = without.replace("\n", " ")
                if without != cell:
                    # Of outer blanks nothing is lost; anything else in a key might make two keys one.
                    cells[place] = UNKNOWN_LETTER + without if place in exact and cell.strip() != without.strip() else without
        if '"' in text:
            for cell in cells:
                if '"' in cell and '"' + cell.replace('"', '""') + '"' not in text:
                    self._count("inner_quotes", line)
        if self.encoding == "cp1252" and len(self.changed) < 5 and not text.isascii():
            self.changed.extend(cell for cell in cells if not cell.isascii() and cell not in self.changed)

    def _refuse_swallowed_rows(self, begin: int, width: int, cells: list[str]) -> None:
        # A quote left open in one row, and closed by a stray one further down, can make a single row that looks sound.
        # Then the commas of whole rows lie within one cell.
        for cell in cells:
            breaks = cell.count("\n")
            whole = breaks if len(cells) == width else 1
            if breaks and width > 2 and cell.count(",") >= whole * (width - 1):
                raise Unreadable(
                    f"{self.name}: the quote opened in line {begin} closes only in line {self.line}, with whole rows between"
                )

    def _never_closed(self, begin: int | None = None) -> str:
        return f"{self.name}: the quote opened in line {begin or self.line - len(self.record) + 1} is never closed"

    def _count(self, rule: str, line: int, times: int = 1) -> None:
        first, count = self.counts.get(rule, (line, 0))
        self.counts[rule] = (first, count + times)

    def _repairs(self) -> Iterator[Repair]:
        if self.encoding == "utf-16":
            yield Repair("utf16", f"{self.name} is written in UTF-16. Read as such; UTF-8 is what the standard asks for.")
        if self.encoding == "cp1252":
            shown = "; ".join(self.changed[:5])
            yield Repair("windows_1252", f"{self.name} is not UTF-8. Read as Windows-1252; please check these: {shown}.")
        if self.encoding == "utf-8-sig":
            with self.path.open("rb") as file:
                if file.read(3) == codecs.BOM_UTF8:
                    yield byte_order_mark(self.name)
        for rule, (line, count) in self.counts.items():
            if rule == "blank_lines":
                yield blank_lines(self.name, line, count)
            else:
                one, many = COUNTED[rule]
                what = one if count == 1 else many.format(count)
                yield Repair(rule, what.replace("FILE", self.name).replace("LINE", f"first in line {line}"), line, count)


COUNTED = {
    "blank_headings": (
        "1 heading at the end of FILE is blank. Ignored.",
        "{} headings at the end of FILE are blank. Ignored.",
    ),
    "line_breaks": (
        "1 line break within a cell of FILE was replaced by a space, LINE.",
        "{} line breaks within cells of FILE were replaced by spaces, LINE.",
    ),
    "control_characters": (
        "1 cell of FILE holds control characters, LINE. Removed.",
        "{} cells of FILE hold control characters, LINE. Removed.",
    ),
    "inner_quotes": (
        "1 cell of FILE holds quotation marks but is not quoted, LINE. Read as it stands.",
        "{} cells of FILE hold quotation marks but are not quoted, LINE. Read as they stand.",
    ),
}


def stays_open(line: str) -> bool:
    """Say whether a line with misplaced quotes may go on in the next one, so that nobody knows where the next row begins."""
    lenient = csv.reader([line, "\n"])
    next(lenient)
    return lenient.line_num > 1


def byte_order_mark(name: str) -> Repair:
    return Repair("byte_order_mark", f"{name} begins with a byte-order mark, as spreadsheet programs write it. Ignored.", 1)


def blank_lines(name: str, line: int, count: int) -> Repair:
    return Repair(
        "blank_lines", f"{name} has {count} blank {'line' if count == 1 else 'lines'}, first line {line}. Ignored.", line, count
    )
