"""What waits for a person, and which rows are left out: a row that is there but unfit is never taken to be missing."""

from pathlib import Path

import pytest

from tests.connectors.oneroster import bundles
from tests.connectors.oneroster.bundles import header, text, texts, users
from tests.connectors.oneroster.reading import Read, read
from tests.connectors.oneroster.test_accepted_with_a_note import VERSIONS, changed

# --- questions ---


@VERSIONS
def test_without_a_manifest_somebody_must_say_whether_it_is_complete(tmp_path: Path, version: str) -> None:
    files = {name: content for name, content in texts(version).items() if name != "manifest.csv"}

    asked, told = read(tmp_path, files), read(tmp_path, files, without_manifest="complete")

    assert len(asked.questions) == 1
    assert asked.questions[0].startswith("There is no manifest.csv. Is this a complete export")
    assert told.questions == []
    assert told.offers == read(tmp_path / "with", texts(version)).offers
    assert told.frames["role"].height == 3


@pytest.mark.parametrize(("version", "other"), [("1.1", "1.2"), ("1.2", "1.1")])
def test_another_version_than_expected_is_asked_about(tmp_path: Path, version: str, other: str) -> None:
    asked, fine = read(tmp_path, texts(version), version=other), read(tmp_path, texts(version), version=version)

    assert asked.questions == [f"The files say OneRoster {version}; this source expects {other}. Read them all the same?"]
    assert fine.questions == []


@VERSIONS
@pytest.mark.parametrize(
    ("begin", "end", "order", "meant"),
    [("8/1/2026", "1/15/2027", "month/day/year", "2026-08-01"), ("1.8.2026", "15.1.2027", "day/month/year", "2026-08-01")],
)
def test_dates_that_fit_one_reading_are_read_so_and_asked_about(
    tmp_path: Path, version: str, begin: str, end: str, order: str, meant: str
) -> None:
    content = texts(version)["enrollments.csv"].replace("2026-08-01", begin).replace("2027-01-15", end)

    given = read(tmp_path, texts(version) | {"enrollments.csv": content})

    assert given.questions == [
        f"enrollments.csv has dates that are not written YYYY-MM-DD. All of them can be read as {order}: "
        f"{end} as 2027-01-15. Is that right?"
    ]
    assert given.row("enrollment", "e1")["begin_date"] == meant
    assert given.told("error") == []


@VERSIONS
@pytest.mark.parametrize("dates", [["1/5/2027"], ["8/27/2026", "27/8/2026"], ["8/27/2026", "soon"]])
def test_dates_that_fit_both_or_none_leave_their_rows_out(tmp_path: Path, version: str, dates: list[str]) -> None:
    rows = [[f"e{place}", "", "", "k1", "s1", "u1", "teacher", "", date, ""] for place, date in enumerate(dates)]
    sound = ["e9", "", "", "k1", "s1", "u1", "teacher", "", "2026-08-01", ""]

    given = read(tmp_path, texts(version) | {"enrollments.csv": text([header("enrollments", version), *rows, sound])})

    assert given.questions == []
    errors = given.told("error")
    assert [
        (error["line"], error["sourced_id"], error["field"]) for error in sorted(errors, key=lambda error: error["line"])
    ] == [(place, f"e{place - 2}", "beginDate") for place in range(2, 2 + len(dates))]
    assert set(given.rows("enrollment")) == {f"e{place}" for place in range(len(dates))} | {"e9"}, "unfit is not missing"
    assert "enrollment" not in given.partial


@VERSIONS
def test_dates_are_read_as_the_settings_say(tmp_path: Path, version: str) -> None:
    files = changed(version, "enrollments.csv", "2026-08-01", "1/5/2027")

    given = read(tmp_path, files, dates="dmy")

    assert set(given.frames["enrollment"]["begin_date"]) == {"2027-05-01"}
    assert given.questions == []
    assert given.one("date_form")["message"] == (
        "enrollments.csv: beginDate in 2 rows is written as day/month/year; read so: 1/5/2027 as 2027-05-01."
    )


# --- rows that are left out ---


def error(given: Read, rule: str) -> tuple[str, str, int, str, str | None]:
    fault = given.one(rule)
    assert fault["level"] == "error"
    assert fault["remedy"]
    assert fault["count"] == 1
    return fault["entity"], fault["file"], fault["line"], fault["field"], fault["sourced_id"]


@VERSIONS
@pytest.mark.parametrize(
    ("name", "old", "new", "rule", "where", "words"),
    [
        (
            "users",
            "true,",
            "maybe,",
            "boolean",
            ("person", "users.csv", 2, "enabledUser", "u1"),
            "'maybe' is neither true nor false",
        ),
        (
            "users",
            "u1,,",
            "u1,inactive,",
            "status",
            ("person", "users.csv", 2, "status", "u1"),
            "'inactive' is not a word of OneRoster",
        ),
        ("orgs", ",school,", ",zoo,", "word", ("org", "orgs.csv", 3, "type", "s1"), "type 'zoo' is not known to OneRoster"),
        (
            "academicSessions",
            ",term,",
            ",week,",
            "word",
            ("academic_session", "academicSessions.csv", 3, "type", "t1"),
            "Known: gradingPeriod",
        ),
        (
            "academicSessions",
            ",2027\r\nt1",
            ",26/27\r\nt1",
            "year",
            ("academic_session", "academicSessions.csv", 2, "schoolYear", "y27"),
            "'26/27' is not a year",
        ),
        (
            "academicSessions",
            "2027-01-15",
            "2027-02-30",
            "date",
            ("academic_session", "academicSessions.csv", 3, "endDate", "t1"),
            "'2027-02-30' is not a date",
        ),
        (
            "academicSessions",
            "2027-01-15",
            "2027-1-5",
            "date",
            ("academic_session", "academicSessions.csv", 3, "endDate", "t1"),
            "is not a date",
        ),
        (
            "academicSessions",
            "2027-01-15",
            "2027-02-29",
            "date",
            ("academic_session", "academicSessions.csv", 3, "endDate", "t1"),
            "is not a date",
        ),
        ("classes", "scheduled", "sometimes", "word", ("section", "classes.csv", 2, "classType", "k1"), "'sometimes'"),
        ("enrollments", ",teacher,", ",aide,", "word", ("enrollment", "enrollments.csv", 2, "role", "e1"), "role 'aide'"),
    ],
)
def test_a_row_with_a_wrong_value_is_told_and_still_there(
    tmp_path: Path, version: str, name: str, old: str, new: str, rule: str, where: tuple[str, str, int, str, str], words: str
) -> None:
    content = texts(version)[f"{name}.csv"]
    assert old in content

    given = read(tmp_path, texts(version) | {f"{name}.csv": content.replace(old, new, 1)})

    assert error(given, rule) == where
    assert words in given.one(rule)["message"]
    assert given.one(rule)["message"].startswith(f"{name}.csv line {where[2]}: ")
    assert where[4] in given.rows(where[0]), "the row is there: it is unfit, not missing"
    assert given.partial == set()


@VERSIONS
def test_29_february_is_a_day_in_a_leap_year(tmp_path: Path, version: str) -> None:
    assert read(tmp_path, changed(version, "academicSessions.csv", "2027-01-15", "2028-02-29")).messages == []


@VERSIONS
@pytest.mark.parametrize("row", ["x,y", "x" + "," * 40, 'x"y,"a"b' + "," * 20])
def test_a_row_of_another_width_is_left_out_and_nobody_is_taken_to_be_missing(tmp_path: Path, version: str, row: str) -> None:
    given = read(tmp_path, texts(version) | {"users.csv": texts(version)["users.csv"] + row + "\r\n"})

    (told,) = given.told("error")
    assert (told["entity"], told["file"], told["line"], told["sourced_id"]) == ("person", "users.csv", 5, None)
    assert told["message"].startswith("users.csv line 5")
    assert set(given.rows("person")) == {"u1", "u2", "u3"}
    assert given.partial == ({"person", "role", "guardianship"} if version == "1.1" else {"person", "guardianship"})


def test_the_message_counts_the_cells(tmp_path: Path) -> None:
    given = read(tmp_path, texts("1.1") | {"orgs.csv": "sourcedId,name,type\r\ns1,Alder, Birch,school\r\n"})

    assert given.told("error")[0]["message"].startswith("orgs.csv line 2 has 4 cells, the header has 3.")


@VERSIONS
@pytest.mark.parametrize("key", ["", "  ", "u\0" + "2", '"u\n2"', "u\ufffd2"])
def test_a_row_whose_id_cannot_be_read_is_left_out_and_nobody_is_taken_to_be_missing(
    tmp_path: Path, version: str, key: str
) -> None:
    given = read(tmp_path, texts(version) | {"users.csv": texts(version)["users.csv"].replace("\r\nu2,", f"\r\n{key},")})

    assert error(given, "no_key") == ("person", "users.csv", 3, "sourcedId", None)
    assert set(given.rows("person")) == {"u1", "u3"}
    assert given.partial == ({"person", "role", "guardianship"} if version == "1.1" else {"person", "guardianship"})
    assert given.frames["guardianship"].height == 0


@pytest.mark.parametrize(("role", "rule"), [("substitute", "word"), ("", "empty"), ("principal", "word")])
def test_in_1_1_a_role_that_is_unknown_hides_only_the_role(tmp_path: Path, role: str, rule: str) -> None:
    given = read(tmp_path, changed("1.1", "users.csv", ",teacher,", f",{role},"))

    assert error(given, rule) == ("role", "users.csv", 2, "role", None)
    assert "u1" in given.rows("person")
    assert set(given.rows("role")) == {"u2|s1|student", "u3|s1|parent"}
    assert given.partial == {"role", "guardianship"}
    if role:
        assert f"role '{role}' is not known to OneRoster 1.1. Known: administrator" in given.one(rule)["message"]


def test_in_1_1_a_person_without_an_org_has_no_role(tmp_path: Path) -> None:
    one, *others = users("1.1")
    one[4] = ""

    given = read(tmp_path, texts("1.1") | {"users.csv": text([header("users", "1.1"), one, *others])})

    assert error(given, "empty") == ("role", "users.csv", 2, "orgSourcedIds", None)
    assert given.partial == {"role"}


@pytest.mark.parametrize(
    ("place", "value", "rule", "field"),
    [
        (3, "", "no_key", "userSourcedId"),
        (8, "", "no_key", "orgSourcedId"),
        (5, "", "empty", "role"),
        (5, "boss", "word", "role"),
    ],
)
def test_in_1_2_a_role_without_its_key_is_left_out(tmp_path: Path, place: int, value: str, rule: str, field: str) -> None:
    one, *others = bundles.roles()
    one[place] = value

    given = read(tmp_path, texts("1.2") | {"roles.csv": text([header("roles", "1.2"), one, *others])})

    assert error(given, rule) == ("role", "roles.csv", 2, field, None)
    assert set(given.rows("role")) == {"u2|s1|student", "u3|s1|parent"}
    assert given.partial == {"role", "guardianship"}


@pytest.mark.parametrize("whose", [1, 2])
@pytest.mark.parametrize(("place", "value"), [(3, ""), (3, "u\ufffd"), (5, ""), (5, "boss")])
def test_what_somebody_is_to_a_child_is_not_guessed_where_a_role_cannot_be_read(
    tmp_path: Path, whose: int, place: int, value: str
) -> None:
    rows = bundles.roles()
    rows[whose][place] = value

    given = read(tmp_path, texts("1.2") | {"roles.csv": text([header("roles", "1.2"), *rows])})

    assert given.frames["guardianship"].height == 0
    assert "guardianship" in given.partial


@pytest.mark.parametrize("whose", [1, 2])
@pytest.mark.parametrize("value", ["", "boss"])
def test_in_1_1_it_is_not_guessed_either(tmp_path: Path, whose: int, value: str) -> None:
    rows = users("1.1")
    rows[whose][5] = value

    given = read(tmp_path, texts("1.1") | {"users.csv": text([header("users", "1.1"), *rows])})

    assert given.frames["guardianship"].height == 0
    assert "guardianship" in given.partial


def test_a_parent_whose_role_names_no_school_is_still_the_parent(tmp_path: Path) -> None:
    rows = bundles.roles()
    rows[2][8] = ""

    given = read(tmp_path, texts("1.2") | {"roles.csv": text([header("roles", "1.2"), *rows])})

    assert set(given.rows("guardianship")) == {"u2|u3|parent"}


def test_in_1_2_a_wrong_kind_of_role_is_told_under_its_key(tmp_path: Path) -> None:
    given = read(tmp_path, changed("1.2", "roles.csv", "u1,primary", "u1,third"))

    assert error(given, "word") == ("role", "roles.csv", 2, "roleType", "u1|s1|teacher")
    assert given.partial == set()


def test_many_wrong_rows_are_all_told(tmp_path: Path) -> None:
    lines = "".join(f"s{place},Alder,zoo\r\n" for place in range(250_000))

    given = read(tmp_path, texts("1.1") | {"orgs.csv": "sourcedId,name,type\r\n" + lines})

    errors = given.faults.filter(rule="word")
    assert errors.height == 250_000
    assert errors["line"].to_list() == list(range(2, 250_002))


@pytest.mark.parametrize("kind", ["District Office", "", "absent", "twice", "ragged"])
def test_nobody_guesses_which_administrator_somebody_is(tmp_path: Path, kind: str) -> None:
    files = changed("1.1", "users.csv", "true,s1,teacher", "true,d1,Administrator")
    if kind == "absent":
        del files["orgs.csv"]
        files["manifest.csv"] = files["manifest.csv"].replace("file.orgs,bulk", "file.orgs,absent")
    elif kind == "twice":
        files["orgs.csv"] += "d1,,,Maple Grove,school,,\r\n"
    else:
        row = "x" if kind == "ragged" else f"d1,,,Maple Grove,{kind},,"
        files["orgs.csv"] = files["orgs.csv"].replace("d1,,,Maple Grove,district,,", row)

    given = read(tmp_path, files)

    told = given.one("administrator_somewhere")
    assert (told["level"], told["line"], told["field"], told["sourced_id"]) == ("error", 2, "orgSourcedIds", None)
    assert "users.csv line 2: no row of orgs.csv says readably whether 'd1' is a school or a district" in told["message"]
    assert set(given.rows("role")) == {"u2|s1|student", "u3|s1|parent"}
    assert "role" in given.partial, "nobody has lost a role"
    assert "u1" in given.rows("person")
