"""Reads a CSV file that is not plain cell by cell, and writes a clean copy that is."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from rollbook.lib.csv_table import (
    CHUNK,
    LINE_LIMIT,
    UNKNOWN_LETTER,
    ZERO_WIDTH,
    Repair,
    Table,
    Unreadable,
    blank_lines,
    byte_order_mark,
    heading_of,
    too_long,
    trimmed_headings,
)

# The csv module's own limit, 128 KiB a cell, would refuse what the plain way accepts.
csv.field_size_limit(LINE_LIMIT)

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
ZERO_WIDTH_IN = frozenset(ZERO_WIDTH)
OUTSIDE_ASCII = re.compile(r"[^\x00-\x7f]")

SHARED = {"blank_lines": blank_lines, "trimmed_headings": trimmed_headings}
COUNTED = {
    "carriage_returns": ("The lines of FILE end with a carriage return alone, as old programs write them. Read as lines.",) * 2,
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


def encoding_of(path: Path, name: str) -> str:
    """Tell UTF-8 from Windows-1252. Raises Unreadable if the bytes are neither, or both."""
    # Whatever ends its lines, they are counted: old programs end them with a carriage return alone.
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")(errors="surrogateescape"), translate=True)
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
            end = text.rfind("\n")
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
        self.zero_width = False
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
                if source.newlines == "\r":
                    self._count("carriage_returns", 1)
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
            zero_width=self.zero_width,
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
        if trimmed := sum(heading != cell.replace("\n", " ") for heading, cell in zip(header, cells, strict=True) if heading):
            self._count("trimmed_headings", self.line, trimmed)
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
        self.zero_width = self.zero_width or not (text.isascii() or ZERO_WIDTH_IN.isdisjoint(text))
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
            if rule in SHARED:
                yield SHARED[rule](self.name, line, count)
            else:
                one, many = COUNTED[rule]
                what = one if count == 1 else many.format(count)
                yield Repair(rule, what.replace("FILE", self.name).replace("LINE", f"first in line {line}"), line, count)


def stays_open(line: str) -> bool:
    """Say whether a line with misplaced quotes may go on in the next one, so that nobody knows where the next row begins."""
    lenient = csv.reader([line, "\n"])
    next(lenient)
    return lenient.line_num > 1
