"""One hostile source: whatever it sends, each value comes through as it was, or the file is refused in words."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rollbook.domain.errors import SourceError
from tests.connectors.hostile.names import NAMES
from tests.connectors.oneroster.bundles import header, text, texts, users, write
from tests.connectors.oneroster.reading import Read, read, stop


def people(names: list[str], version: str = "1.1") -> str:
    place = header("users", version).index("familyName")
    pattern = users(version)[0]
    rows = [[f"p{number}", *pattern[1:place], name, *pattern[place + 1 :]] for number, name in enumerate(names)]
    return text([header("users", version), *rows])


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_every_name_comes_through_letter_by_letter(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, texts(version) | {"users.csv": people(list(NAMES), version)})

    assert [given.row("person", f"p{number}")["family_name"] for number in range(len(NAMES))] == list(NAMES)
    assert given.told("error") == []


def test_every_name_comes_through_the_slow_way_too(tmp_path: Path) -> None:
    content = people([*NAMES, "a\nb"])

    given = read(tmp_path, texts("1.1") | {"users.csv": content})

    assert [given.row("person", f"p{number}")["family_name"] for number in range(len(NAMES))] == list(NAMES)
    assert given.row("person", f"p{len(NAMES)}")["family_name"] == "a b"


def test_every_name_may_be_an_id(tmp_path: Path) -> None:
    rows = "".join(text([[name, "Alder", "school"]]) for name in NAMES)

    given = read(tmp_path, texts("1.1") | {"orgs.csv": "sourcedId,name,type\r\n" + rows})

    assert set(given.rows("org")) == set(NAMES)
    assert given.partial == set()


def test_every_name_may_be_a_wrong_value_in_a_message(tmp_path: Path) -> None:
    rows = "".join(text([[f"o{number}", "Alder", name]]) for number, name in enumerate(NAMES))

    given = read(tmp_path, texts("1.1") | {"orgs.csv": "sourcedId,name,type\r\n" + rows})

    errors = given.faults.filter(pl.col("rule") == "word")
    assert errors.height == len(NAMES)
    assert all(name[:79] in message for name, message in zip(NAMES, errors["message"], strict=True))


def test_a_zero_byte_in_a_name_is_removed_and_said(tmp_path: Path) -> None:
    given = read(tmp_path, texts("1.1") | {"users.csv": people(["A\0da"])})

    assert given.row("person", "p0")["family_name"] == "Ada"
    assert given.one("control_characters")["line"] == 2


def test_two_headings_of_one_name_are_not_guessed_at(tmp_path: Path) -> None:
    files = texts("1.1")

    assert "two columns 'email'" in stop(tmp_path, files | {"users.csv": files["users.csv"].replace(",sms,", ",EMAIL,")})


def test_two_passwords_are_no_reason_to_look_at_either(tmp_path: Path) -> None:
    files = texts("1.1")

    given = read(tmp_path, files | {"users.csv": files["users.csv"].replace(",sms,", ",password,")})

    assert "sms" not in given.frames["person"].columns
    assert given.told("error") == []


def test_a_name_in_a_changed_encoding_shows_no_password(tmp_path: Path) -> None:
    content = people(["Zoë"]).replace("hunter2", "hüntér2").encode("cp1252")

    given = read(tmp_path, texts("1.1") | {"users.csv": content})

    assert "Zoë" in given.one("windows_1252")["message"]
    assert not [message for message in given.messages if "hüntér2" in message]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_file_cut_in_the_middle_never_makes_anybody_else(tmp_path: Path, version: str) -> None:
    whole = people(["Smith, Jr.", "Zoë", 'Anna "Nan" Lee'], version).encode()
    expected = {
        name: row["family_name"]
        for name, row in Read(write(tmp_path, texts(version) | {"users.csv": whole})).rows("person").items()
    }

    for end in range(4 if version == "1.2" else 0, len(whole), 8):
        try:
            given = read(tmp_path, texts(version) | {"users.csv": whole[:end]}, only="person")
        except SourceError as error:
            assert "users.csv" in str(error)  # noqa: PT017
            continue
        found = {name: row["family_name"] for name, row in given.rows("person").items()}
        assert found.items() <= expected.items()
        # A cut at the end of a line, or within its last cell, cannot be seen in the file itself.
        last = whole[:end].rsplit(b"\n", 1)[-1]
        if b"\n" in whole[:end] and last.strip() and last.count(b",") < whole.splitlines()[0].count(b","):
            assert "person" in given.partial


SLIPS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from([b"", b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xc3", b" ", b'""', b"x"]),
    ),
    min_size=1,
    max_size=3,
)


def effort(examples: int, *, repeatable: bool) -> settings:
    unmoved = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, derandomize=repeatable, database=None, suppress_health_check=unmoved)


@effort(60, repeatable=True)
@given(slips=SLIPS, quoted=st.booleans())
@example(slips=[(0.5, b'"')], quoted=False)
def test_what_is_taken_is_what_the_csv_module_reads(tmp_path: Path, slips: list[tuple[float, bytes]], quoted: bool) -> None:
    read_alike(tmp_path, slips, quoted)


@pytest.mark.torture
@effort(2_000, repeatable=False)
@given(slips=SLIPS, quoted=st.booleans())
def test_the_same_for_many_slips(tmp_path: Path, slips: list[tuple[float, bytes]], quoted: bool) -> None:
    read_alike(tmp_path, slips, quoted)


def read_alike(tmp_path: Path, slips: list[tuple[float, bytes]], quoted: bool) -> None:
    """Hold what is read of a file with a few wrong bytes against what the csv module reads."""
    out = io.StringIO()
    rows = [[f"s{number}", f"School {number}", "school", str(number)] for number in range(5)] + [["d1", "A, B", "district", "é"]]
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(rows)
    content = bytearray(out.getvalue().encode())
    for where, slip in slips:
        place = int(where * len(content))
        content[place : place + 1] = slip
    broken = b"sourcedId,name,type,identifier\r\n" + bytes(content)

    try:
        given = read(tmp_path, texts("1.1") | {"orgs.csv": broken}, only="org")
    except SourceError as error:
        assert "orgs.csv" in str(error)  # noqa: PT017
        return

    plain = broken.decode("utf-8" if "windows_1252" not in given.faults["rule"].to_list() else "cp1252")
    lines = csv.reader(io.StringIO(plain, newline=None), strict=False)
    cells = {
        row[0].strip(): [cell.replace("\0", "").replace("\n", " ").strip() for cell in row] for row in lines if len(row) >= 4
    }
    for sourced_id, row in given.rows("org").items():
        assert cells[sourced_id][:4] == [sourced_id, row["name"] or "", row["type"] or "", row["identifier"] or ""]
    missing = {row[0] for row in rows} - set(given.rows("org"))
    assert not missing or "org" in given.partial or missing <= {row[0] for row in rows} - set(cells), "left out without a word"
