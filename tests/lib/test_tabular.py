"""What becomes of the bytes of a CSV file."""

import codecs
import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollbook.lib.csv_plain import PlainCheck, plain_table
from rollbook.lib.csv_repair import CONTROL
from rollbook.lib.csv_table import LINE_LIMIT, UNKNOWN_LETTER, Table, Unreadable
from rollbook.lib.tabular import open_table

Cells = list[list[str]]


def opened(folder: Path, content: bytes, **more: Callable[[str], bool]) -> Table:
    path = folder / "people.csv"
    path.write_bytes(content)
    return open_table(path, "people.csv", scratch=lambda: folder, **more)  # type: ignore[arg-type]


def rows(table: Table) -> list[tuple[object, ...]]:
    frame = table.scan(range(len(table.header))).collect(engine="streaming")
    return [(line, *(cell or "" for cell in cells)) for line, *cells in frame.iter_rows()]


def rules(table: Table) -> dict[str, int]:
    return {repair.rule: repair.count for repair in table.repairs}


def read_by_csv_module(content: bytes) -> Cells:
    return [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True) if row]


# --- plain or not ---

cells = st.text(st.sampled_from('ab ,"\n\r\t;é\U0001f600\x00\x7f\u2028\xa0'), max_size=4)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5)
    ),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.sampled_from(["", "\n", "\r\n", "\n\n", "\r\n\r\n"]),
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
)
def test_polars_and_the_csv_module_agree_on_what_was_written_well(
    tmp_path: Path, table: Cells, quoting: int, end: str, last: str, mark: bytes
) -> None:
    out = io.StringIO(newline="")
    header = [f"h{place}" for place in range(len(table[0]))]
    csv.writer(out, lineterminator=end, quoting=quoting).writerows([header, *table])  # type: ignore[arg-type]
    content = mark + out.getvalue().removesuffix(end).encode() + last.encode()

    agrees_if_plain(tmp_path, content)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [b"a", b"b,", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\xc3\xa9", b"\xc3", b" ", b"x,y\n", b'"q,r",z\n']
        ),
        max_size=16,
    )
)
def test_polars_and_the_csv_module_agree_on_every_plain_file(tmp_path: Path, parts: list[bytes]) -> None:
    agrees_if_plain(tmp_path, b"h1,h2\n" + b"".join(parts))


def agrees_if_plain(folder: Path, content: bytes) -> None:
    path = folder / "plain.csv"
    path.write_bytes(content)
    table = plain_table(path, "plain.csv", content.splitlines(keepends=True)[0])
    if table is None:
        return
    expected = read_by_csv_module(content)
    assert rows(table) == [(line, *row) for line, row in enumerate(expected[1:], 2)]
    assert table.rows == len(expected) - 1
    assert table.padded or all(cell == cell.strip() for row in expected for cell in row)
    assert table.doubled or (b'""' not in content)


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 64])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [b"a", b" ", b",", b'"', b'""', b"\n", b"\r\n", b"\xc3\xa9", b"\xc2\xa0", b"\xe3\x80\x80", b"x,y\n", b'"q,""r",z\r\n']
        ),
        max_size=12,
    )
)
def test_where_a_chunk_ends_makes_no_difference(chunk: int, parts: list[bytes]) -> None:
    content = b"h1,h2\n" + b"".join(parts)

    def verdict(size: int) -> tuple[bool, bool]:
        check = PlainCheck("x", 2)
        plain = all(check.takes(content[place : place + size]) for place in range(0, len(content), size)) and check.ends()
        return plain, plain and check.padded

    assert verdict(chunk) == verdict(len(content))


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"a,b\r\n1,2\r\n3,4",
        b'a,b\n"1,x","say ""no"""\n',
        b"a,b\n1,2\n\n\n",
        codecs.BOM_UTF8 + b"a,b\n1,2\n",
        b"a,b\n\xc3\xa9,\xf0\x9f\x98\x80\n",
        b"a,b\n,\n",
    ],
)
def test_usual_files_are_plain(tmp_path: Path, content: bytes) -> None:
    assert not opened(tmp_path, content).copied


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path: Path) -> None:
    big = b"a,b\n" + b"".join(b"%d,some words that fill the line\n" % place for place in range(2, 300_002))

    frame = opened(tmp_path, big).scan([0]).collect(engine="streaming")

    assert frame["line"].cast(str).to_list() == frame["0"].to_list()
    assert frame.height == 300_000


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert rows(opened(tmp_path, b"a,b")) == []
    assert rows(opened(tmp_path, b"a,b\r\n")) == []


# --- what is repaired ---


def test_a_byte_order_mark_is_no_part_of_the_first_heading(tmp_path: Path) -> None:
    table = opened(tmp_path, codecs.BOM_UTF8 + b"a,b\n1,2\n")

    assert table.header == ("a", "b")
    assert rules(table) == {"byte_order_mark": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_with_its_mark_is_read(tmp_path: Path, encoding: str) -> None:
    text = "a,b\r\nZoë,2\r\n"
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")

    table = opened(tmp_path, mark + text.encode(encoding))

    assert rows(table) == [(2, "Zoë", "2")]
    assert rules(table) == {"utf16": 1}


def test_windows_1252_is_read_and_the_names_are_shown(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,b\nZoë,2\nAnn,3\nRenée,4\n".encode("cp1252"))

    assert rows(table) == [(2, "Zoë", "2"), (3, "Ann", "3"), (4, "Renée", "4")]
    assert "Zoë; Renée" in table.repairs[0].message


def test_what_must_not_be_seen_is_neither_copied_nor_shown(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,secret\nZoë,pässword\n".encode("cp1252"), blind=lambda heading: heading == "secret")

    assert rows(table) == [(2, "Zoë", "")]
    assert "pässword" not in table.path.read_text() + table.repairs[0].message


def test_a_line_break_within_a_cell_becomes_a_blank(tmp_path: Path) -> None:
    table = opened(tmp_path, b'a,b\n1,"two\nlines"\n3,4\n')

    assert rows(table) == [(2, "1", "two lines"), (4, "3", "4")]
    assert rules(table) == {"line_breaks": 1}
    assert rows(opened(tmp_path, b'a,b,c\n"two\nlines",1,2\n3,4,"x, y\nz"\n')) == [
        (2, "two lines", "1", "2"),
        (4, "3", "4", "x, y z"),
    ]


def test_control_characters_are_removed_but_never_from_a_key(tmp_path: Path) -> None:
    table = opened(tmp_path, b"id,b\nx\x001,two\x07\tthree\n", exact=lambda heading: heading == "id")

    ((_, key, name),) = rows(table)
    assert name == "two three"
    assert UNKNOWN_LETTER in str(key), "x1 may be somebody else"


def test_a_lone_carriage_return_ends_a_line(tmp_path: Path) -> None:
    assert rows(opened(tmp_path, b"a,b\r1,2\r3,4\r")) == [(2, "1", "2"), (3, "3", "4")]


def test_blank_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    table = opened(tmp_path, b"a,b\n1,2\n\n  \n3,4\n\n")

    assert rows(table) == [(2, "1", "2"), (5, "3", "4")]
    assert rules(table) == {"blank_lines": 3}
    assert rules(opened(tmp_path, b"a,b\n1,2\n\n\n")) == {"blank_lines": 2}


def test_headings_that_are_blank_at_the_end_are_dropped(tmp_path: Path) -> None:
    table = opened(tmp_path, b"a,b,,\n1,2\n3,4,,\n5,6,x,\n")

    assert table.header == ("a", "b")
    assert rows(table) == [(2, "1", "2"), (3, "3", "4")]
    assert table.refused().rows() == [(4, 4, "cells")]


def test_marks_that_nobody_sees_are_no_part_of_a_heading(tmp_path: Path) -> None:
    assert opened(tmp_path, "\u200ba,\ufeffb \n1,2\n".encode()).header == ("a", "b")


def test_quotation_marks_within_an_unquoted_cell_stay(tmp_path: Path) -> None:
    table = opened(tmp_path, b'a,b\n5" pipe,2\n')

    assert rows(table) == [(2, '5" pipe', "2")]
    assert rules(table) == {"inner_quotes": 1}


# --- what is refused ---


def test_a_row_that_does_not_fit_under_the_header_is_left_out_and_told(tmp_path: Path) -> None:
    table = opened(tmp_path, b'a,b\n1,2\n1,2,3\n4\n"x"y,5\n6,7\n')

    assert rows(table) == [(2, "1", "2"), (6, "6", "7")]
    assert table.refused().rows() == [(3, 3, "cells"), (4, 1, "cells"), (5, 0, "quotes")]


STOPS = {
    "nothing": (b"", "people.csv is empty"),
    "only blank lines": (b"\n\n", "people.csv is empty"),
    "pdf": (b"%PDF-1.7 ...", "a PDF"),
    "xlsx": (b"PK\x03\x04....", "xlsx"),
    "xls": (b"\xd0\xcf\x11\xe0....", "xls"),
    "gzip": (b"\x1f\x8b....", "gzip"),
    "web page": (b"  <!DOCTYPE html><html>", "web page"),
    "semicolons": (b"a;b\n1;2\n", "semicolons"),
    "open quote": (b'a,b\n1,2\n"3,4\n5,6\n', "the quote opened in line 3 is never closed"),
    "open quote in the last line": (b'a,b\n1,2\n3,"4', "the quote opened in line 3 is never closed"),
    "open quote, closed far below": (b'a,b,c\n1,"x,3\n4,5,6\n7,y",9\n', "the quote opened in line 2 closes only in line 4"),
    "open quote, and the row is too long": (
        b'a,b,c\n1,"x,3\n4,5,6\n7,y,z",9\n',
        "the quote opened in line 2 closes only in line 4",
    ),
    "open quote in the next row": (b'a,b,c\n1,"x,3\n7,y",9\n', "the quote opened in line 2 closes only in line 3"),
    "misplaced quotes that leave one open": (
        b'a,b,c\n"1","2,"3","4\n"5","6","7"\n',
        "the quote opened in line 2 is never closed",
    ),
    "neither encoding": (b"a,b\n1,\x81\n", "line 2: the bytes are neither"),
    "bytes": (b"a,b\n\xff\xfe\x00\x01,2\n", "line 2: the bytes are neither"),
    "two encodings of old lines": (b"a,b\r\xc3\xa9,1\r\xe9,2\r", "mixes two encodings: line 2 is UTF-8, line 3 is not"),
    "two encodings": (b"a,b\n\xc3\xa9,1\n\xe9,2\n", "mixes two encodings: line 2 is UTF-8, line 3 is not"),
    "utf-16 without its mark": ("a,b\n1,2\n".encode("utf-16-le"), "line 1: this is not text in UTF-8"),
    "a long line": (b"a,b\n1,2\n3," + b"x" * (LINE_LIMIT + 1) + b"\n4,5\n", "line 3: the line has more than"),
    "a long header": (b"a," + b"x" * (LINE_LIMIT + 1), "line 1: the line has more than"),
}


@pytest.mark.parametrize(("content", "sentence"), STOPS.values(), ids=STOPS.keys())
def test_a_file_that_cannot_be_trusted_stops_with_a_sentence_of_its_own(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as stop:
        opened(tmp_path, content)

    assert str(stop.value).startswith("people.csv")
    assert sentence in str(stop.value)


def test_a_file_of_one_endless_line_stops_at_once(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,")
        file.truncate(2 << 30)  # a hole: takes no room on the disk

    with pytest.raises(Unreadable, match=r"line 2: the line has more than|line 2: the bytes"):
        open_table(path, "people.csv", scratch=lambda: tmp_path)


def test_a_file_over_the_size_limit_stops(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"a,b\n1,2\n")

    with pytest.raises(Unreadable, match="8 bytes"):
        open_table(path, "people.csv", scratch=lambda: tmp_path, size_limit=7)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60), start=st.sampled_from([b"", b"a,b\n", b"a,b\n1,2\n"]))
def test_no_bytes_do_worse_than_stop(tmp_path: Path, content: bytes, start: bytes) -> None:
    try:
        table = opened(tmp_path, start + content)
    except Unreadable:
        return
    for row in rows(table):
        assert len(row) == len(table.header) + 1
        assert not any(CONTROL.search(str(cell)) for cell in row)
