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
    Table,
    Unreadable,
    blank_lines,
    byte_order_mark,
    heading_of,
    too_long,
)

#: The bytes that a cell may lie between: comma, quote, line ends.
EDGE = np.zeros(256, bool)
EDGE[[10, 13, 34, 44]] = True


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
    padded: bool = False
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
        is_newline = text == 10
        if not self._is_text(chunk, text, int(np.count_nonzero(is_newline))):
            return False
        self._look_for_blanks(chunk, text)
        separators = np.flatnonzero((text == 44) | is_newline)
        ends = is_newline[separators]
        if b'"' in chunk or self._open or self._closes:
            quotes = np.flatnonzero(text == 34)
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
        self.padded = self.padded or self._last == 32
        return not self._open and self._last != 13 and self._phase == self.cells - 1

    def _is_text(self, chunk: bytes, text: npt.NDArray[np.uint8], newlines: int) -> bool:
        # Searching bytes is several times as quick as comparing an array of them.
        if b"\x7f" in chunk:
            return False
        if not chunk.isascii() or self._decoder.getstate()[0]:
            self.ascii = False
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
        returns = np.flatnonzero(text == 13) if b"\r" in chunk else np.zeros(0, np.intp)
        if np.count_nonzero(text < 32) != newlines + len(returns):
            return False
        if self._last == 13 and text[0] != 10:
            return False
        if len(returns) and returns[-1] == len(text) - 1:
            returns = returns[:-1]
        return bool((text[returns + 1] == 10).all())

    def _look_for_blanks(self, chunk: bytes, text: npt.NDArray[np.uint8]) -> None:
        """See whether a blank stands beside the edge of a cell. The last byte of a chunk is judged with the next one."""
        if self.padded or not (b" " in chunk or self._last == 32):
            return
        blanks = np.flatnonzero(text == 32)
        before = np.where(blanks > 0, text[blanks - 1], self._last)
        after = np.append(text[blanks[blanks < len(text) - 1] + 1], text[0] if self._last == 32 else 32)
        self.padded = bool(EDGE[before].any() or EDGE[after].any())

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
    return Table(
        name,
        tuple(header),
        check.lines - 1,
        path,
        quoted=check.quoted,
        ascii=check.ascii,
        padded=check.padded,
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
