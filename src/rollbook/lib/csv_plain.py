"""Proves from its bytes that a CSV file is plain: then polars may scan it as it is, and reads what the csv module reads."""

import codecs
import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rollbook.lib.csv_table import (
    CHUNK,
    LINE_LIMIT,
    ZERO_WIDTH,
    Table,
    Unreadable,
    blank_lines,
    byte_order_mark,
    heading_of,
    too_long,
    trimmed_headings,
)

#: One bit for each byte of a chunk, the first byte's lowest.
Bits = npt.NDArray[np.uint64]

WORD = 64
ONE = np.uint64(1)

#: How the blanks begin that are no ASCII, in UTF-8. Some letters begin so, too, which costs time and nothing else.
WIDE_BLANKS = (b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a\x80", b"\xe2\x80", b"\xe2\x81\x9f", b"\xe3\x80\x80")

MARKS = tuple(mark.encode() for mark in ZERO_WIDTH)


@dataclass
class PlainCheck:
    """Walks over chunks of bytes, and knows after each whether all so far was plain.

    Shape: a chunk becomes bits, one for each byte that is a comma, a quote or a line end; then 64 bytes are judged at once.
    """

    name: str
    cells: int
    lines: int = 1
    ascii: bool = True
    quoted: bool = False
    doubled: bool = False  # two quotes stand side by side: an empty cell in quotes, or a quote in a cell
    padded: bool = False
    zero_width: bool = False
    _place: int = 0  # where the chunk begins
    _begin: int = 0  # where the current line begins
    _commas: int = 0  # those between cells that the current line has so far
    _open: bool = False  # within quotes
    _last: int = 10  # the byte before the chunk
    _closes: bool = False  # that byte is a closing quote
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def takes(self, chunk: bytes) -> bool:
        """Say whether the file is still plain with this chunk. Raises Unreadable if a line never ends."""
        text = np.frombuffer(chunk, np.uint8)
        newlines, commas = bits(text == 10), bits(text == 44)
        returns = bits(text == 13) if b"\r" in chunk else np.zeros_like(newlines)
        if not self._is_text(chunk, text, newlines, returns):
            return False
        quotes = bits(text == 34) if b'"' in chunk else np.zeros_like(newlines)
        edges = newlines | commas | quotes | returns
        self._look_for_blanks(chunk, text, edges)
        if self._open or self._closes or quotes.any():
            inside = within(quotes, opened=self._open)
            if (newlines & inside).any() or not self._quotes_belong(quotes, inside, edges, len(text)):
                return False
            commas &= ~inside
            self._open ^= bool(count(quotes) & 1)
            self.quoted = True
        fits = self._counts_cells(newlines, commas)
        self._measure(chunk, newlines)
        self._last = chunk[-1]
        return fits

    def ends(self) -> bool:
        """Say whether the file is plain, now that it has ended (its last line ends, if at all, outside of what was shown)."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        self.padded = self.padded or self._last == 32
        return not self._open and self._last != 13 and self._commas == self.cells - 1

    def _is_text(self, chunk: bytes, text: npt.NDArray[np.uint8], newlines: Bits, returns: Bits) -> bool:
        if b"\x7f" in chunk:
            return False
        cut = self._decoder.getstate()[0]  # what the last chunk has of a letter
        if cut or not chunk.isascii():
            self.ascii = False
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
            self.padded = self.padded or any(blank in cut + chunk[:2] for blank in WIDE_BLANKS)
            # One byte is found many times as quickly as two.
            self.padded = self.padded or any(blank[:1] in chunk and blank in chunk for blank in WIDE_BLANKS)
            self.zero_width = self.zero_width or any(
                mark in cut + chunk[:2] or (mark[:1] in chunk and mark in chunk) for mark in MARKS
            )
        if np.count_nonzero(text < 32) != count(newlines) + count(returns):
            return False
        return not (after(returns, len(text), first=self._last == 13) & ~newlines).any()

    def _look_for_blanks(self, chunk: bytes, text: npt.NDArray[np.uint8], edges: Bits) -> None:
        """See whether a blank stands beside the edge of a cell. The last byte of a chunk is judged with the next one."""
        if self.padded or not (b" " in chunk or self._last == 32):
            return
        blanks = bits(text == 32)
        behind = after(edges, len(text), first=self._last in b'\n\r",') & blanks
        before = after(blanks, len(text), first=self._last == 32) & edges
        self.padded = bool((behind | before).any())

    def _quotes_belong(self, quotes: Bits, inside: Bits, edges: Bits, length: int) -> bool:
        """A quote opens at the beginning of a cell and closes at its end; within, it is doubled."""
        opening, closing = quotes & inside, quotes & ~inside
        follows_edge = after(edges, length, first=self._last in b'\n",')
        follows_closing = after(closing, length, first=self._closes)
        self.doubled = self.doubled or bool((after(quotes, length, first=self._last == 34) & quotes).any())
        self._closes = bool(closing[-1] >> np.uint64((length - 1) % WORD) & ONE)
        return not ((opening & ~follows_edge).any() or (follows_closing & ~edges).any())

    def _counts_cells(self, newlines: Bits, commas: Bits) -> bool:
        """Say whether every line that ends here has as many commas as the header.

        Shape: the n-th newline has n times as many commas before it. All first newlines of 64 bytes are judged at once, then all
            second ones, and so on: lines are seldom that short.
        """
        due = self.cells - 1
        here = np.bitwise_count(commas).cumsum(dtype=np.int64)
        ended = np.bitwise_count(newlines).cumsum(dtype=np.int64)
        at = np.flatnonzero(newlines)
        left, around = newlines[at], commas[at]
        commas_before = here[at] - np.bitwise_count(around) + self._commas
        lines = ended[at] - np.bitwise_count(left) + 1
        while len(left):
            lowest = left & -left
            if (commas_before + np.bitwise_count(around & (lowest - ONE)) != lines * due).any():
                return False
            left = left ^ lowest
            more = left != 0
            left, around, commas_before, lines = left[more], around[more], commas_before[more], lines[more] + 1
        self._commas += int(here[-1]) - int(ended[-1]) * due
        return True

    def _measure(self, chunk: bytes, newlines: Bits) -> None:
        """Count lines; none may be too long. A chunk is shorter than that, so only its first line can be."""
        first = chunk.find(b"\n")
        end = self._place + (len(chunk) if first < 0 else first)
        if end - self._begin > LINE_LIMIT:
            raise Unreadable(too_long(self.name, self.lines))
        if first >= 0:
            self._begin = self._place + chunk.rfind(b"\n")
        self.lines += count(newlines)
        self._place += len(chunk)


def bits(mask: npt.NDArray[np.bool_]) -> Bits:
    """Pack a mask into words; what is missing in the last one is 0."""
    packed = np.packbits(mask, bitorder="little")
    if len(packed) % 8:
        packed = np.pad(packed, (0, -len(packed) % 8))
    return packed.view("<u8")


def count(some: Bits) -> int:
    return int(np.bitwise_count(some).sum())


def after(some: Bits, length: int, *, first: bool) -> Bits:
    """Mark the bytes that follow a marked one; `first` says whether the one before the chunk was."""
    moved = some << ONE
    moved[1:] |= some[:-1] >> np.uint64(WORD - 1)
    moved[0] |= np.uint64(first)
    if length % WORD:
        moved[-1] &= (ONE << np.uint64(length % WORD)) - ONE
    return moved


def within(quotes: Bits, *, opened: bool) -> Bits:
    """Mark the bytes with an odd number of quotes up to them: what is in quotes, the opening quote too."""
    odd = quotes.copy()
    for width in (1, 2, 4, 8, 16, 32):
        odd ^= odd << np.uint64(width)
    turns = odd >> np.uint64(WORD - 1)
    before = (turns.cumsum() - turns + np.uint64(opened)) & ONE
    return odd ^ -before


def plain_table(path: Path, name: str, first: bytes) -> Table | None:
    """Return the table if polars may scan the file as it is, else None."""
    start = len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0
    try:
        header = next(csv.reader([first[start:].decode("utf-8").rstrip("\r\n")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    cells, header = header, [heading_of(cell) for cell in header]
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
    if trimmed := sum(heading != cell for heading, cell in zip(header, cells, strict=True)):
        repairs.append(trimmed_headings(name, 1, trimmed))
    if blank:
        repairs.append(blank_lines(name, check.lines + 1, blank))
    return Table(
        name,
        tuple(header),
        check.lines - 1,
        path,
        quoted=check.quoted,
        doubled=check.doubled,
        ascii=check.ascii,
        padded=check.padded,
        zero_width=check.zero_width,
        repairs=tuple(repairs),
    )


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
