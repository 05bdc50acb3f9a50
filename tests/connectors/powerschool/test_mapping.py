"""PowerSchool's rows mean what they mean on every day: nobody is somebody else, and nothing odd is taken in silence."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rollbook.connectors.powerschool import mapping, years
from rollbook.connectors.powerschool.connector import BY_NAME
from rollbook.connectors.powerschool.devices import DEVICES, NEEDED, judge_devices
from rollbook.connectors.powerschool.reading import Built, Manner, clean
from rollbook.domain.errors import SourceBroken

Row = dict[str, str | None]

#: A district of two schools, as PowerSchool would say it; tests add to it or change it.
SMALL: dict[str, list[Row]] = {
    "schools": [
        {"school_dcid": "3", "school_number": "0", "name": "District Office"},
        {"school_dcid": "4", "school_number": "101", "name": "Oak Elementary"},
        {"school_dcid": "5", "school_number": "501", "name": "Elm High"},
    ],
    "terms": [
        {"term_dcid": "61", "term_id": "3600", "school_number": "501", "year_id": "36", "is_year": "1", "portion": "1"}
        | {"name": "2026-2027", "first_day": "2026-08-17", "last_day": "2027-06-11"},
        {"term_dcid": "62", "term_id": "3601", "school_number": "501", "year_id": "36", "is_year": "0", "portion": "2"}
        | {"name": "Semester 1", "first_day": "2026-08-17", "last_day": "2027-01-08"},
        {"term_dcid": "71", "term_id": "3600", "school_number": "101", "year_id": "36", "is_year": "1", "portion": "1"}
        | {"name": "2026-2027", "first_day": "2026-08-17", "last_day": "2027-06-11"},
    ],
    "courses": [{"course_dcid": "7", "course_number": "ALG1", "course_name": "Algebra 1", "school_number": "0"}],
    "sections": [
        {"section_dcid": "9", "section_number": "01", "course_number": "alg1", "course_dcid": "7", "course_name": "Algebra 1"}
        | {"school_number": "501", "term_dcid": "62", "room": "12", "expression": "1-2(A,C) 4(B)"}
    ],
    "staff": [
        {"user_dcid": "9", "first_name": "Tina", "middle_name": None, "last_name": "Lee", "email": "tina@elm.example"}
        | {"teacher_number": "T07", "username": "tlee", "school_number": "501"}
    ],
    "school_staff": [{"school_staff_dcid": "1", "user_dcid": "9", "school_number": "501", "staff_status": "1"}],
    "students": [
        {"student_dcid": "9", "student_number": "2001", "first_name": " Ana ", "middle_name": " ", "last_name": "Rivas"}
        | {"grade_level": "9", "school_number": "501", "enroll_status": "0", "entry_date": "2026-08-17"}
        | {"exit_date": "2027-06-12", "username": "00123", "email": "ana@elm.example"}
    ],
    "section_teachers": [
        {"section_teacher_id": "9", "section_dcid": "9", "school_number": "501", "user_dcid": "9", "role_name": "Lead Teacher"}
        | {"start_date": "2026-08-17", "end_date": "2027-01-08"}
    ],
    "enrollments": [
        {"cc_dcid": "9", "student_dcid": "9", "section_dcid": "9", "school_number": "501", "ended": "0"}
        | {"date_enrolled": "2026-08-17", "date_left": "2027-01-09"}
    ],
    "guardians": [
        {
            "relation_id": "9",
            "student_dcid": "9",
            "person_id": "9",
            "first_name": "Eva",
            "middle_name": None,
            "last_name": "Rivas",
        }
        | {"email": "eva@mail.example", "relation": "Mother", "is_custodial": "1", "receives_mail": "1"}
        | {"start_date": "2026-08-17", "end_date": None}
    ],
}


def changed(query: str, *others: Row, **values: str | None) -> dict[str, list[Row]]:
    """Return the district with other values in the first row of a query, and with rows that differ from it by these values."""
    first = SMALL[query][0] | values
    return SMALL | {query: [first, *SMALL[query][1:], *(first | other for other in others)]}


def built(entity: str, rows: dict[str, list[Row]] = SMALL, devices: str = "mix", guardians: bool = True) -> Built:
    frames = {
        name: clean(pl.LazyFrame(found, schema=dict.fromkeys(BY_NAME[name].aliases, pl.String))) for name, found in rows.items()
    }
    return mapping.build(entity, frames, Manner(devices, "Maple Grove", guardians))


def made(entity: str, rows: dict[str, list[Row]] = SMALL, **more: Any) -> dict[str, dict[str, Any]]:
    found = built(entity, rows, **more).frame.collect()
    by_id = {row["sourced_id"]: row for row in found.to_dicts()}
    assert len(by_id) == found.height, "two rows have one id"
    return by_id


def said(entity: str, rows: dict[str, list[Row]] = SMALL, **more: Any) -> list[tuple[str, str | None]]:
    faults = [row for each in built(entity, rows, **more).faults for row in each.collect().to_dicts()]
    assert all(each["message"] and (each["remedy"] or each["level"] == "note") for each in faults)
    return [(each["rule"], each["sourced_id"]) for each in faults]


def test_a_sound_district_has_no_faults() -> None:
    assert [said(entity) for entity in mapping.SOURCES] == [[]] * len(mapping.SOURCES)


def test_a_student_a_teacher_and_a_mother_with_one_number_are_three_people() -> None:
    assert set(made("person")) == {"student-9", "staff-9", "contact-9"}
    assert set(made("enrollment")) == {"cc-9", "teaching-9"}
    assert set(made("guardianship")) == {"student-9|contact-9|parent"}


def test_blanks_are_not_values_and_zeros_in_front_are_kept() -> None:
    ana = made("person")["student-9"]

    assert (ana["given_name"], ana["middle_name"], ana["username"]) == ("Ana", None, "00123")


def test_characters_that_nobody_sees_do_not_get_into_the_roster() -> None:
    ana = made("person", changed("students", first_name="A\u00a0na\x1e\n", last_name="\t"))["student-9"]

    assert (ana["given_name"], ana["family_name"]) == ("A na", None)


def test_the_district_office_is_the_district() -> None:
    orgs = made("org")

    assert {key: (org["type"], org["parent"]) for key, org in orgs.items()} == {
        "district": ("district", None),
        "school-101": ("school", "district"),
        "school-501": ("school", "district"),
    }
    assert orgs["district"]["name"] == "Maple Grove"
    assert set(made("role", changed("school_staff", school_number="0"))) >= {"staff-9|district|teacher"}
    assert "district" in made("org", SMALL | {"schools": SMALL["schools"][1:]}), "there need not be an office"


def test_a_term_belongs_to_the_year_of_its_own_school_and_ends_the_day_after_its_last() -> None:
    other = {"term_dcid": "72", "school_number": "101", "is_year": "0"}
    sessions = made("academic_session", changed("terms", other))

    parents = {key: each["parent"] for key, each in sessions.items()}
    assert parents == {"term-61": None, "term-62": "term-61", "term-71": None, "term-72": "term-71"}
    assert (sessions["term-62"]["start_date"], sessions["term-62"]["end_date"]) == ("2026-08-17", "2027-01-09")
    assert (sessions["term-62"]["type"], sessions["term-62"]["school_year"]) == ("semester", "2027")


def test_a_class_finds_its_course_and_one_without_is_kept_with_a_course_of_its_number() -> None:
    rows = changed("sections", {"section_dcid": "10", "course_dcid": None, "course_name": None, "course_number": "art9"})

    sections, courses = made("section", rows), made("course", rows)

    assert (sections["section-9"]["course"], sections["section-10"]["course"]) == ("course-7", "course-number-ART9")
    assert (sections["section-9"]["title"], sections["section-9"]["section_code"]) == ("Algebra 1 (01)", "alg1.01")
    assert (courses["course-number-ART9"]["title"], courses["course-7"]["org"]) == ("art9", "district")
    assert said("section", rows) == [("course_not_in_catalogue", "section-10")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("1-2(A,C) 4(B)", "1,2,4"), ("HR(A-E)", "HR"), ("3(M-F) 3(A)", "3"), ("9-8(A)", "9-8"), ("(A)", None), (None, None)],
)
def test_periods_are_read_out_of_an_expression(expression: str | None, expected: str | None) -> None:
    assert made("section", changed("sections", expression=expression))["section-9"]["periods"] == expected


@pytest.mark.parametrize(("level", "code"), [("-2", "PR"), ("-1", "PK"), ("0", "KG"), ("9", "09"), ("12", "12"), ("x", None)])
def test_grades_are_written_as_codes(level: str, code: str | None) -> None:
    rows = changed("students", grade_level=level)

    assert made("person", rows)["student-9"]["grades"] == code
    assert said("person", rows) == ([] if code else [("grade", "student-9")])


@pytest.mark.parametrize("values", [{"exit_date": "2026-08-17"}, {"grade_level": "99"}])
def test_who_never_came_or_has_finished_leaves_no_trace_but_a_note(values: Row) -> None:
    rows = changed("students", **values)

    assert "student-9" not in made("person", rows)
    assert not [key for key in made("role", rows) if "student-9" in key or "contact-9" in key]
    assert set(made("enrollment", rows)) == {"teaching-9"}
    assert made("guardianship", rows) == {}
    assert said("person", rows) == [("never_came", None)]


def test_a_student_of_two_schools_has_a_role_at_both_and_an_ended_place_gives_none() -> None:
    elsewhere = {"cc_dcid": "10", "school_number": "101"}

    now = made("role", changed("enrollments", elsewhere))
    over = made("role", changed("enrollments", elsewhere | {"ended": "1"}))

    assert now["student-9|school-501|student"]["begin_date"] == "2026-08-17"
    assert {"student-9|school-501|student", "student-9|school-101|student"} <= set(now)
    assert "student-9|school-101|student" not in over


def test_who_has_two_roles_at_a_school_has_one_primary_one_there() -> None:
    office = {"school_staff_dcid": "2", "staff_status": "2"}

    roles = made("role", changed("school_staff", office, office | {"school_staff_dcid": "3", "school_number": "101"}))

    assert {key: each["role_type"] for key, each in roles.items() if key.startswith("staff-")} == {
        "staff-9|school-501|teacher": "primary",
        "staff-9|school-501|ext:staff": "secondary",
        "staff-9|school-101|ext:staff": "primary",
    }


def test_a_day_of_leaving_from_before_the_day_of_entry_is_of_an_earlier_time() -> None:
    role = made("role", changed("students", exit_date="2026-05-01"))["student-9|school-501|student"]

    assert (role["begin_date"], role["end_date"]) == ("2026-08-17", None)


def test_a_course_of_a_school_that_does_not_come_belongs_to_the_district() -> None:
    courses = made("course", changed("courses", {"course_dcid": "8", "school_number": "77"}, school_number="101"))

    assert (courses["course-7"]["org"], courses["course-8"]["org"]) == ("school-101", "district")


def test_a_place_that_was_ended_does_not_come_and_one_taken_up_again_comes_once() -> None:
    rows = changed("enrollments", {"cc_dcid": "10", "ended": "1", "date_left": "2026-09-10"})

    seats = made("enrollment", rows)

    assert set(seats) == {"cc-9", "teaching-9"}
    assert (seats["cc-9"]["begin_date"], seats["cc-9"]["end_date"]) == ("2026-08-17", "2027-01-09")


def test_both_teachers_of_a_class_that_was_handed_over_come_with_their_days() -> None:
    rows = changed("staff", {"user_dcid": "10"})
    handed = {"start_date": "2026-10-01", "section_teacher_id": "10", "user_dcid": "10", "role_name": "Co-teacher"}
    rows |= {"section_teachers": changed("section_teachers", handed, end_date="2026-09-30")["section_teachers"]}

    seats = made("enrollment", rows)

    assert (seats["teaching-9"]["primary"], seats["teaching-9"]["end_date"]) == ("true", "2026-10-01")
    assert (seats["teaching-10"]["primary"], seats["teaching-10"]["begin_date"]) == ("false", "2026-10-01")


def test_a_teacher_who_works_nowhere_now_is_left_out_and_counted() -> None:
    rows = changed("section_teachers", {"section_teacher_id": "10", "user_dcid": "77"})

    assert "teaching-10" not in made("enrollment", rows)
    assert said("enrollment", rows) == [("teacher_gone", None)]


def test_the_main_school_is_one_at_which_there_is_a_role() -> None:
    rows = changed("staff", school_number="101")

    assert made("person", rows)["staff-9"]["primary_org"] == "school-501"


def test_a_relation_that_was_dated_anew_is_one_link() -> None:
    old = {"relation_id": "8", "relation": "Guardian", "start_date": "2025-08-17", "end_date": "2026-06-11"}

    assert set(made("guardianship", changed("guardians", old))) == {"student-9|contact-9|parent"}


def test_a_neighbor_is_no_guardian_and_nobody_is_their_own() -> None:
    neighbor = {"relation_id": "10", "person_id": "10", "relation": "Neighbor", "is_custodial": "0", "receives_mail": "0"}
    own = {"relation_id": "11", "person_id": "11", "relation": "Self"}
    rows = changed("guardians", neighbor, own)

    assert set(made("person", rows)) == {"student-9", "staff-9", "contact-9"}
    assert said("guardianship", rows) == [("contact_only", None)]


@pytest.mark.parametrize(
    ("relation", "word"),
    [
        ("Mother", "parent"),
        ("Step-Father", "parent"),
        ("Legal Guardian", "guardian"),
        ("Stepmom", "parent"),
        ("Grandmother", "relative"),
        ("Godparent", "relative"),
        ("Mother-in-law", "relative"),
        ("Mother's Boyfriend", "relative"),
        ("Guardian’s Wife", "relative"),
        (None, "relative"),
    ],
)
def test_relations_are_said_in_the_words_of_a_roster(relation: str | None, word: str) -> None:
    assert set(made("guardianship", changed("guardians", relation=relation))) == {f"student-9|contact-9|{word}"}


def test_without_guardians_there_is_nobody_that_they_would_be() -> None:
    assert set(made("person", guardians=False)) == {"student-9", "staff-9"}
    assert set(made("role", guardians=False)) == {"student-9|school-501|student", "staff-9|school-501|teacher"}


def test_a_date_that_is_none_is_told_and_left_empty() -> None:
    rows = changed("enrollments", date_left="1/9/27")

    assert made("enrollment", rows)["cc-9"]["end_date"] is None
    assert said("enrollment", rows) == [("date", "cc-9")]
    assert made("enrollment", changed("enrollments", date_left="2027-01-09 00:00:00.0"))["cc-9"]["end_date"] == "2027-01-09"


def test_a_student_is_told_only_for_what_the_devices_need() -> None:
    rows = changed("students", username=None, email=None)
    expected = {
        "chromebooks": ["student_without_email"],
        "none": ["student_without_username"],
        "mix": ["student_without_email", "student_without_username"],
    }

    assert {devices: [rule for rule, _ in said("person", rows, devices=devices)] for devices in DEVICES} == expected


def test_a_username_that_the_server_hides_and_an_address_that_is_none_sign_nobody_in() -> None:
    rows = changed("students", username="##a81f", email="none")

    ana = made("person", rows)["student-9"]

    assert (ana["username"], ana["email"]) == (None, None)
    assert said("person", rows) == [("student_without_email", "student-9"), ("student_without_username", "student-9")]
    assert said("person", rows, devices="none") == [("student_without_username", "student-9"), ("email", "student-9")]


@pytest.mark.parametrize("devices", DEVICES)
def test_another_answer_is_judged_before_it_is_saved_as_the_import_will_judge_it(devices: str) -> None:
    blank = {"student_dcid": "10", "username": None, "email": None}
    twin = {"student_dcid": "11", "username": "X1", "email": "ANA@elm.example"}
    rows = changed("students", blank, twin, {"student_dcid": "12", "username": "x1", "email": "not one"})
    students = pl.DataFrame([row for key, row in made("person", rows).items() if key.startswith("student-")])

    counts = judge_devices(students, devices)

    assert counts["students"] == 4
    told = [rule for rule, _ in said("person", rows, devices=devices)]
    assert {name: number for name, number in counts.items() if "without" in name} == {
        f"student_without_{column}": told.count(f"student_without_{column}") for column in NEEDED[devices]
    }
    assert counts.get("username_used_twice", 2) == counts.get("email_used_twice", 2) == 2


@pytest.mark.parametrize("entity", mapping.SOURCES)
def test_rows_in_another_order_mean_the_same(entity: str) -> None:
    rows = changed("guardians", {"relation_id": "8", "relation": "Guardian"}, {"relation_id": "10", "student_dcid": "10"})
    rows |= {"students": changed("students", {"student_dcid": "10", "school_number": "101"})["students"]}
    turned = {name: list(reversed(found)) for name, found in rows.items()}

    one, other = built(entity, rows).frame.collect(), built(entity, turned).frame.collect()

    assert_frame_equal(one, other, check_row_order=False)


# --- years ---


def year(number: int, first: str, last: str, school: str = "501") -> Row:
    return {"year_id": str(number), "school_number": school, "first_day": first, "last_day": last}


RECORDS = [year(34, "2024-08-19", "2025-06-06"), year(35, "2025-08-18", "2026-06-05"), year(36, "2026-08-17", "2027-06-11")]
TERMS = {
    "34": [year(34, "2024-08-19", "2025-06-06")],
    "35": [year(35, "2025-08-18", "2026-06-05"), year(35, "2026-06-22", "2026-07-24")],
    "36": [year(36, "2026-08-17", "2027-06-11")],
}


def asked(today: str, records: list[Row] = RECORDS) -> tuple[str, ...]:
    frame, day = pl.DataFrame(records, schema=dict.fromkeys(RECORDS[0], pl.String)), date.fromisoformat(today)
    terms = [pl.DataFrame(TERMS[each]) for each in years.begun_years(frame, day)]
    return years.asked_years(frame, terms, day)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2026-03-01", ("35",)),
        ("2026-07-24", ("35",)),  # the summer term is a part of it
        ("2026-07-25", ("35", "36")),  # between two years: nothing is empty
        ("2026-08-16", ("35", "36")),
        ("2026-08-17", ("36",)),
        ("2027-08-01", ("36",)),  # the next one has not been entered
    ],
)
def test_the_year_that_is_going_on_comes_and_between_two_years_both(today: str, expected: tuple[str, ...]) -> None:
    assert asked(today) == expected


def test_a_school_that_begins_early_does_not_end_the_summer_of_the_others() -> None:
    assert asked("2026-07-20", [*RECORDS, year(36, "2026-07-06", "2027-06-11", "902")]) == ("35", "36")


def test_a_powerschool_without_years_is_told_and_not_taken_for_an_empty_one() -> None:
    with pytest.raises(SourceBroken, match="no school year"):
        asked("2026-10-01", [year(36, "2026-08-17", "2027-06-11") | {"first_day": None}])
