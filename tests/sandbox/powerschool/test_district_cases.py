"""Each case that breaks naive imports is in every district, found by its name, and does what its name says."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from rollbook.sandbox import names
from rollbook.sandbox.powerschool import district, truth
from rollbook.sandbox.powerschool.edge_cases import CASES, EMPTY, PAGE, SUMMER, VOCATIONAL
from rollbook.sandbox.powerschool.tables import TABLES

TODAY = date(2026, 10, 14)
DAY = TODAY.isoformat()
YEAR_ID = 36
TABLE = district.tables(50, today=TODAY)
FOUND = truth.roster(TABLE, TODAY)


def rows(case: str, table: str) -> list[dict[str, Any]]:
    key = TABLES[table].key
    return TABLE[table].filter(pl.col(key).is_in(CASES[case].ids[table])).sort(key).to_dicts()


def row(case: str, table: str) -> dict[str, Any]:
    (only,) = rows(case, table)
    return only


def comes(case: str) -> list[bool]:
    """Whether each student of a case is in the roster that a faithful import finds."""
    found = set(FOUND.students["DCID"])
    return [student["DCID"] in found for student in rows(case, "STUDENTS")]


def places(case: str) -> list[bool | None]:
    """Of each CC row of a case: whether it has ended; None if it does not come at all."""
    ended = dict(FOUND.enrollments.select("DCID", "ended").iter_rows())
    return [ended.get(place["DCID"]) for place in rows(case, "CC")]


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_case_is_there_and_says_what_it_is(case: Any) -> None:
    assert case.says.endswith(".")
    for table, ids in case.ids.items():
        assert TABLE[table].filter(pl.col(TABLES[table].key).is_in(ids)).height == len(ids) > 0


def test_the_ids_of_cases_are_the_same_in_a_bigger_district_on_another_day() -> None:
    other = district.tables(900, seed=8, today=date(2028, 2, 2))
    for case in CASES.values():
        for table, ids in case.ids.items():
            assert other[table].filter(pl.col(TABLES[table].key).is_in(ids)).height == len(ids)


def test_people_of_cases_are_invented_like_all_others() -> None:
    students = TABLE["STUDENTS"].filter(pl.col("ID") > 9_000_000)
    assert set(students["FIRST_NAME"].str.strip_chars()) <= {*names.GIVEN, "J"}
    assert set(students["LAST_NAME"].str.strip_chars()) <= set(names.FAMILY)
    users = TABLE["USERS"].filter(pl.col("DCID") > 9_000_000)
    assert set(users["FIRST_NAME"]) <= set(names.GIVEN)
    assert set(users["LAST_NAME"]) <= set(names.FAMILY)


def test_pre_registered_comes_with_a_day_in_the_future() -> None:
    student = row("pre_registered", "STUDENTS")
    assert student["ENROLL_STATUS"] == -1
    assert student["ENTRYDATE"] > DAY
    assert comes("pre_registered") == [True]


@pytest.mark.parametrize(
    ("case", "status"), [("transferred_out", [2]), ("graduated", [3]), ("inactive", [1, 5]), ("historical_import", [4])]
)
def test_those_who_are_not_here_do_not_come(case: str, status: list[int]) -> None:
    assert [student["ENROLL_STATUS"] for student in rows(case, "STUDENTS")] == status
    assert comes(case) == [False] * len(status)


def test_graduated_is_at_a_school_that_is_none() -> None:
    assert (row("graduated", "STUDENTS")["SCHOOLID"], row("graduated", "STUDENTS")["GRADE_LEVEL"]) == (999_999, 99)
    assert 999_999 not in set(FOUND.schools["SCHOOL_NUMBER"])


def test_transferred_out_has_negative_places_only() -> None:
    assert row("transferred_out", "STUDENTS")["EXITDATE"] < DAY
    assert row("transferred_out", "CC")["SECTIONID"] < 0
    assert places("transferred_out") == [None]


def test_no_show_never_came_whatever_the_status_says() -> None:
    students = rows("no_show", "STUDENTS")
    assert all(student["EXITDATE"] == student["ENTRYDATE"] for student in students)
    assert {student["ENROLL_STATUS"] for student in students} == {0, 2}
    assert comes("no_show") == [False, False]


def test_left_and_came_back_has_the_first_stay_elsewhere() -> None:
    student, before = row("left_and_came_back", "STUDENTS"), row("left_and_came_back", "REENROLLMENTS")
    assert before["STUDENTID"] == student["ID"]
    assert before["EXITDATE"] < student["ENTRYDATE"]
    assert places("left_and_came_back") == [True, False]


def test_two_schools_at_once_keeps_both() -> None:
    home = row("two_schools_at_once", "STUDENTS")["SCHOOLID"]
    assert {place["SCHOOLID"] for place in rows("two_schools_at_once", "CC")} == {home, VOCATIONAL}
    assert places("two_schools_at_once") == [False, False]


def test_dropped_in_week_one_never_sat_there() -> None:
    assert all(place["DATELEFT"] <= place["DATEENROLLED"] for place in rows("dropped_in_week_one", "CC"))
    assert places("dropped_in_week_one") == [None, None]


def test_dropped_then_readded_is_one_ended_and_one_open_place() -> None:
    first, second = rows("dropped_then_readded", "CC")
    assert first["SECTIONID"] == -second["SECTIONID"] < 0
    assert places("dropped_then_readded") == [True, False]


def test_ended_by_transfer_or_year_end_was_dropped_by_nobody() -> None:
    leaver, _ = rows("ended_by_transfer_or_year_end", "STUDENTS")
    by_transfer, stays, by_year_end = rows("ended_by_transfer_or_year_end", "CC")
    assert by_transfer["DATELEFT"] == leaver["EXITDATE"]
    assert by_year_end["TERMID"] == -3500
    assert by_year_end["DATELEFT"] == "2026-06-12"
    assert places("ended_by_transfer_or_year_end") == [None, False, None]
    assert stays["SECTIONID"] > 0


@pytest.mark.parametrize("day", [TODAY, date(2027, 2, 1)], ids=str)
def test_a_future_section_has_yet_to_begin(day: date) -> None:
    tables = district.tables(50, today=day)
    (section,) = tables["SECTIONS"].filter(pl.col("DCID").is_in(CASES["future_section"].ids["SECTIONS"])).to_dicts()
    terms = tables["TERMS"].filter((pl.col("ID") == section["TERMID"]) & (pl.col("SCHOOLID") == section["SCHOOLID"]))
    assert terms["FIRSTDAY"].item() > day.isoformat()
    assert section["DCID"] in set(truth.roster(tables, day).sections["DCID"])


def test_a_teacher_at_three_schools_is_one_person_at_two_of_them() -> None:
    user = row("teacher_at_three_schools", "USERS")["DCID"]
    assert [place["STATUS"] for place in rows("teacher_at_three_schools", "SCHOOLSTAFF")] == [1, 1, 2]
    assert FOUND.staff.filter(pl.col("DCID") == user).height == 1
    assert FOUND.staff_at.filter(pl.col("USERS_DCID") == user).height == 2


def test_the_district_office_is_school_zero() -> None:
    user = row("district_office", "USERS")["DCID"]
    assert FOUND.staff_at.filter(pl.col("USERS_DCID") == user)["SCHOOLID"].to_list() == [0]


@pytest.mark.parametrize(
    ("case", "teachers"), [("section_without_teacher", 0), ("section_with_two_teachers", 2), ("section_handed_over", 2)]
)
def test_a_section_has_as_many_teachers_as_it_has(case: str, teachers: int) -> None:
    section = row(case, "SECTIONS")
    assert FOUND.sections.filter(pl.col("DCID") == section["DCID"]).height == 1
    assert FOUND.teaching.filter(pl.col("SECTION") == section["DCID"]).height == teachers


def test_two_teachers_have_two_roles_and_a_hand_over_has_two_spans() -> None:
    assert {teacher["ROLEID"] for teacher in rows("section_with_two_teachers", "SECTIONTEACHER")} == {1, 2}
    first, second = rows("section_handed_over", "SECTIONTEACHER")
    assert first["ROLEID"] == second["ROLEID"] == 1
    assert (date.fromisoformat(second["START_DATE"]) - date.fromisoformat(first["END_DATE"])).days == 1
    assert row("section_handed_over", "SECTIONS")["TEACHER"] == second["TEACHERID"]


def test_a_district_course_is_found_in_whatever_letters() -> None:
    course, section = row("district_course", "COURSES"), row("district_course", "SECTIONS")
    assert course["SCHOOLID"] == 0
    assert course["COURSE_NUMBER"] != section["COURSE_NUMBER"]
    assert FOUND.sections.filter(pl.col("DCID") == section["DCID"])["COURSE"].to_list() == [course["DCID"]]


def test_the_same_term_id_is_in_every_school() -> None:
    terms = rows("same_term_id_in_every_school", "TERMS")
    assert {term["SCHOOLID"] for term in terms if term["ID"] == 3600} == {EMPTY, VOCATIONAL}
    assert FOUND.sections["DCID"].is_duplicated().sum() == 0


def test_summer_lies_outside_of_the_year() -> None:
    section = row("summer_term", "SECTIONS")
    terms = TABLE["TERMS"].filter(pl.col("SCHOOLID") == section["SCHOOLID"])
    year = terms.filter(pl.col("ID") == 3600)["LASTDAY"].item()
    assert terms.filter(pl.col("ID") == section["TERMID"])["FIRSTDAY"].item() > year
    assert places("summer_term") == [False]


def test_the_summer_school_has_a_year_of_its_own() -> None:
    first = {term["ID"]: term["FIRSTDAY"] for term in rows("summer_school", "TERMS")}
    assert first == {3500: "2026-06-14", 3600: "2027-06-14"}
    assert row("summer_school", "SCHOOLS")["SCHOOL_NUMBER"] == SUMMER
    assert places("summer_school") == [False, None]


def test_nobody_is_lost_for_want_of_an_address() -> None:
    emails = dict(FOUND.students.select("DCID", "EMAIL").iter_rows())
    assert row("blank_web_id", "STUDENTS")["STUDENT_WEB_ID"] is None
    assert comes("blank_web_id") == [True]
    assert emails[row("blank_email", "STUDENTS")["DCID"]] is None
    assert row("blank_email", "USERS")["EMAIL_ADDR"] is None
    assert row("blank_email", "USERS")["DCID"] in set(FOUND.staff["DCID"])
    assert emails[row("two_emails", "STUDENTS")["DCID"]] == "naomi.school@students.cases.example"
    assert {emails[student["DCID"]] for student in rows("shared_family_email", "STUDENTS")} == {"family.mbeki@mail.example"}


def test_odd_names_stay_as_they_were_typed() -> None:
    typed = [(one["FIRST_NAME"], one["LAST_NAME"], one["MIDDLE_NAME"]) for one in rows("name_oddities", "STUDENTS")]
    assert ("Finn", "O'Connor", None) in typed
    assert ("  Leah", "Ward ", None) in typed
    assert ("Isaac", "Young", " ") in typed


def test_numbers_that_look_like_numbers_are_text() -> None:
    case = "numbers_that_look_like_numbers"
    assert row(case, "STUDENTS")["STUDENT_WEB_ID"] == "00123"
    assert row(case, "USERS")["TEACHERNUMBER"] == "T07B"
    assert [section["SECTION_NUMBER"] for section in rows(case, "SECTIONS")] == ["01", "1"]


def test_the_empty_school_is_empty_and_the_other_has_one_section() -> None:
    for table in ("STUDENTS", "SCHOOLSTAFF", "SECTIONS", "CC", "COURSES"):
        assert TABLE[table].filter(pl.col("SCHOOLID") == EMPTY).is_empty()
    assert EMPTY in set(FOUND.schools["SCHOOL_NUMBER"])
    assert TABLE["SECTIONS"].filter(pl.col("SCHOOLID") == VOCATIONAL).height == 1


def test_the_last_page_is_full() -> None:
    assert TABLE["COURSES"].height % PAGE == 0


@pytest.mark.parametrize(
    ("case", "guardians"),
    [("contact_with_two_phones", 1), ("contact_dated_twice", 1), ("contact_self", 0), ("contact_no_longer", 0)],
)
def test_a_guardian_is_one_active_person_who_is_not_the_student(case: str, guardians: int) -> None:
    student = row(case, "STUDENTS")["DCID"]
    assert FOUND.guardianships.filter(pl.col("STUDENTDCID") == student).height == guardians
