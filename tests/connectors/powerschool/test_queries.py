"""What the queries bring from a PowerSchool that has every trap in it."""

import io
import sqlite3
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from rollbook.connectors.powerschool.plugin import package

Row = dict[str, object]
THIS_YEAR = 35

OAK, ELM, OFFICE, GRADUATED = 100, 200, 0, 999999

#: Two schools that share their term numbers, the office, and the school of those who graduated. Empty cells are left out.
TABLES: dict[str, list[Row]] = {
    "schools": [
        {"dcid": 3, "school_number": OAK, "name": "Oak"},
        {"dcid": 4, "school_number": ELM, "name": "Elm"},
        {"dcid": 5, "school_number": GRADUATED, "name": "Graduated Students"},
    ],
    "terms": [
        {"dcid": 10 * school + n, "id": 100 * year + n, "schoolid": number, "yearid": year, "isyearrec": int(n == 0)}
        for school, number in ((1, OAK), (2, ELM), (3, OFFICE), (4, GRADUATED))
        for year in (THIS_YEAR,)
        for n in (0, 1)
    ]
    + [{"dcid": 90, "id": 3400, "schoolid": OAK, "yearid": 34, "isyearrec": 1}],
    "courses": [
        {"dcid": 71, "course_number": "MAT100", "course_name": "Mathematics", "schoolid": OFFICE},
        {"dcid": 72, "course_number": "ART1", "course_name": "Art", "schoolid": OAK},
        {"dcid": 73, "course_number": "OLD1", "course_name": "Latin", "schoolid": OAK},
        {"dcid": 74, "course_number": "mat100", "course_name": "Mathematics (copy)", "schoolid": ELM},
    ],
    "sections": [
        {"dcid": 801, "id": 4711, "course_number": "mat100", "section_number": "01", "termid": 3500, "schoolid": OAK},
        {"dcid": 802, "id": 4712, "course_number": "ART1", "section_number": "1", "termid": 3501, "schoolid": ELM},
        {"dcid": 803, "id": 4713, "course_number": "LOST", "section_number": "1", "termid": 3500, "schoolid": OAK},
        {"dcid": 804, "id": 4600, "course_number": "OLD1", "section_number": "1", "termid": 3400, "schoolid": OAK},
    ],
    "users": [
        {"dcid": 51, "last_name": "Three Schools", "teachernumber": "T-1"},
        {"dcid": 52, "last_name": "Left", "teachernumber": "T-2"},
        {"dcid": 53, "last_name": "Office", "teachernumber": "T-3"},
        {"dcid": 54, "last_name": "Nowhere"},
    ],
    "schoolstaff": [
        {"dcid": 61, "id": 161, "users_dcid": 51, "schoolid": OAK, "status": 1, "staffstatus": 1},
        {"dcid": 62, "id": 162, "users_dcid": 51, "schoolid": ELM, "status": 1, "staffstatus": 1},
        {"dcid": 63, "id": 163, "users_dcid": 51, "schoolid": OFFICE, "status": 2, "staffstatus": 1},
        {"dcid": 64, "id": 164, "users_dcid": 52, "schoolid": OAK, "status": 2, "staffstatus": 1},
        {"dcid": 65, "id": 165, "users_dcid": 53, "schoolid": OFFICE, "status": 1, "staffstatus": 2},
    ],
    "roledef": [{"id": 41, "name": "Lead Teacher"}],
    "sectionteacher": [
        {"id": 31, "sectionid": 4711, "teacherid": 164, "roleid": 41, "start_date": "2025-08-18", "end_date": "2025-11-01"},
        {"id": 32, "sectionid": 4711, "teacherid": 161, "roleid": 41, "start_date": "2025-11-02", "end_date": "2026-06-12"},
        {"id": 33, "sectionid": 4712, "teacherid": 162, "roleid": 77},
        {"id": 34, "sectionid": 4713, "teacherid": 999},
        {"id": 35, "sectionid": 4600, "teacherid": 161, "roleid": 41},
    ],
    "students": [
        {"dcid": 501, "id": 11, "person_id": 901, "last_name": "Two Addresses", "enroll_status": 0, "schoolid": OAK},
        {"dcid": 502, "id": 12, "person_id": 902, "last_name": "No Address", "enroll_status": 0, "schoolid": OAK},
        {"dcid": 503, "id": 13, "last_name": "No Person", "enroll_status": 0, "schoolid": ELM, "student_web_id": "00123"},
        {"dcid": 504, "id": 14, "person_id": 904, "last_name": "Registered", "enroll_status": -1, "schoolid": ELM},
        {"dcid": 505, "id": 15, "person_id": 905, "last_name": "Gone", "enroll_status": 2, "schoolid": OAK},
        {"dcid": 506, "id": 16, "person_id": 906, "last_name": "Graduated", "enroll_status": 3, "schoolid": GRADUATED},
        {"dcid": 507, "id": 17, "person_id": 907, "last_name": "Odd", "enroll_status": 0, "schoolid": GRADUATED},
        {"dcid": 508, "id": 18, "person_id": 908, "last_name": "Blank", "enroll_status": 0, "schoolid": OAK},
    ],
    "emailaddress": [
        {"emailaddressid": 1, "emailaddress": "first@home.example"},
        {"emailaddressid": 2, "emailaddress": "primary@school.example"},
        {"emailaddressid": 3, "emailaddress": "family@home.example"},
        {"emailaddressid": 4},
    ],
    "personemailaddressassoc": [
        {"personemailaddressassocid": 1, "personid": 901, "emailaddressid": 1, "emailaddresspriorityorder": 1},
        {"personemailaddressassocid": 2, "personid": 901, "emailaddressid": 2, "isprimaryemailaddress": 1},
        {"personemailaddressassocid": 3, "personid": 904, "emailaddressid": 1, "emailaddresspriorityorder": 2},
        {"personemailaddressassocid": 4, "personid": 904, "emailaddressid": 3, "emailaddresspriorityorder": 1},
        {"personemailaddressassocid": 5, "personid": 908, "emailaddressid": 4, "isprimaryemailaddress": 1},
        {"personemailaddressassocid": 6, "personid": 950, "emailaddressid": 3, "isprimaryemailaddress": 1},
        {"personemailaddressassocid": 7, "personid": 950, "emailaddressid": 1, "isprimaryemailaddress": 1},
    ],
    "cc": [
        {"dcid": 1, "studentid": 11, "sectionid": 4711, "dateenrolled": "2025-08-18", "dateleft": "2026-06-13"},
        {"dcid": 2, "studentid": 11, "sectionid": -4712, "dateenrolled": "2025-08-18", "dateleft": "2025-09-01"},
        {"dcid": 3, "studentid": 11, "sectionid": 4712, "dateenrolled": "2025-10-01", "dateleft": "2026-01-31"},
        {"dcid": 4, "studentid": 15, "sectionid": -4711},
        {"dcid": 5, "studentid": 12, "sectionid": 4600},
        {"dcid": 6, "studentid": 14, "sectionid": 4713},
    ],
    "person": [
        {"id": 901, "lastname": "Two Addresses", "isactive": 1},
        {"id": 950, "lastname": "Parent", "isactive": 1},
        {"id": 951, "lastname": "Inactive", "isactive": 0},
        {"id": 952, "lastname": "Aunt", "isactive": 1},
    ],
    "personphonenumberassoc": [{"personid": 950, "phonenumberasentered": number} for number in ("555-0100", "555-0101")],
    "studentcontactassoc": [
        {"studentcontactassocid": 1, "studentdcid": 501, "personid": 950},
        {"studentcontactassocid": 2, "studentdcid": 502, "personid": 950},
        {"studentcontactassocid": 3, "studentdcid": 501, "personid": 951},
        {"studentcontactassocid": 4, "studentdcid": 501, "personid": 901},
        {"studentcontactassocid": 5, "studentdcid": 503, "personid": 952},
        {"studentcontactassocid": 6, "studentdcid": 505, "personid": 950},
    ],
    "studentcontactdetail": [
        {
            "studentcontactdetailid": 1,
            "studentcontactassocid": 1,
            "relationshiptypecodesetid": 7,
            "isactive": 1,
            "iscustodial": 1,
        },
        {"studentcontactdetailid": 2, "studentcontactassocid": 2, "relationshiptypecodesetid": 7, "isactive": 1},
        {"studentcontactdetailid": 3, "studentcontactassocid": 3, "relationshiptypecodesetid": 7, "isactive": 1},
        {"studentcontactdetailid": 4, "studentcontactassocid": 4, "isactive": 1},
        {"studentcontactdetailid": 5, "studentcontactassocid": 5, "isactive": 1},
        {"studentcontactdetailid": 6, "studentcontactassocid": 6, "isactive": 1},
        {"studentcontactdetailid": 7, "studentcontactassocid": 1, "relationshiptypecodesetid": 7, "isactive": 0},
    ],
    "codeset": [{"codesetid": 7, "code": "Mother"}],
}


class District:
    """Answers the queries of the plugin, with the fields that the plugin asks for and no others."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.sql: dict[str, str] = {}
        with zipfile.ZipFile(io.BytesIO(package(guardians=True))) as archive:
            for name in archive.namelist():
                root = ElementTree.fromstring(archive.read(name))
                for query in root.findall("query"):
                    self.sql[query.attrib["name"].rpartition(".")[2]] = query.findtext("sql") or ""
                if name == "plugin.xml":
                    self.create([(node.attrib["table"], node.attrib["field"]) for node in root.iter() if "field" in node.attrib])

    def create(self, fields: list[tuple[str, str]]) -> None:
        for table in {table for table, _ in fields}:
            columns = [field for owner, field in fields if owner == table]
            self.database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            self.database.executemany(
                f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})",
                [[row.get(column.lower()) for column in columns] for row in TABLES[table.lower()]],
            )

    def rows(self, query: str, *aliases: str, year: int = THIS_YEAR) -> list[tuple[object, ...]]:
        cursor = self.database.execute(self.sql[query], {"yearid": year})
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        keys = [row[0] for row in rows]
        assert keys == sorted(set(keys)), "one row for each key, in the order of the keys"
        return [tuple(row[names.index(alias)] for alias in aliases) for row in rows]


@pytest.fixture
def district() -> Iterator[District]:
    database = sqlite3.connect(":memory:")
    yield District(database)
    database.close()


def test_the_school_of_those_who_graduated_is_no_school(district: District) -> None:
    assert district.rows("schools", "school_number") == [(OAK,), (ELM,)]
    assert (GRADUATED,) not in district.rows("terms", "school_number")
    assert (GRADUATED,) not in district.rows("years", "school_number")


def test_every_year_comes_so_that_the_current_one_can_be_found(district: District) -> None:
    assert district.rows("years", "year_id", "school_number") == [(35, OAK), (35, ELM), (35, OFFICE), (34, OAK)]


def test_terms_of_another_year_stay_away(district: District) -> None:
    assert district.rows("terms", "term_id", "school_number") == [
        (term, school) for school in (OAK, ELM, OFFICE) for term in (3500, 3501)
    ]


def test_a_section_comes_once_although_each_school_has_its_term_number(district: District) -> None:
    assert district.rows("sections", "section_dcid", "term_dcid") == [(801, 10), (802, 21), (803, 10)]


def test_a_course_of_the_district_is_found_whatever_the_case_of_its_number(district: District) -> None:
    assert district.rows("sections", "section_dcid", "course_dcid", "course_name") == [
        (801, 71, "Mathematics"),
        (802, 72, "Art"),
        (803, None, None),
    ]


def test_a_section_number_keeps_its_zero(district: District) -> None:
    assert district.rows("sections", "section_number") == [("01",), ("1",), ("1",)]


def test_a_course_comes_when_it_is_taught_in_the_year(district: District) -> None:
    assert district.rows("courses", "course_dcid") == [(71,), (72,), (74,)]
    assert district.rows("courses", "course_dcid", year=34) == [(73,)]


def test_a_teacher_at_three_schools_is_one_person_with_two_places(district: District) -> None:
    assert district.rows("staff", "user_dcid") == [(51,), (53,)]
    assert district.rows("school_staff", "user_dcid", "school_number") == [(51, OAK), (51, ELM), (53, OFFICE)]


def test_both_teachers_of_a_hand_over_come_with_their_dates(district: District) -> None:
    rows = district.rows("section_teachers", "section_dcid", "user_dcid", "role_name", "start_date")
    assert rows[:2] == [(801, 52, "Lead Teacher", "2025-08-18"), (801, 51, "Lead Teacher", "2025-11-02")]


def test_a_teacher_or_a_role_that_is_not_found_leaves_a_gap_to_be_seen(district: District) -> None:
    rows = district.rows("section_teachers", "section_teacher_id", "user_dcid", "role_name")
    assert rows[2:] == [(33, 51, None), (34, None, None)]


def test_only_students_who_are_enrolled_or_registered_come(district: District) -> None:
    assert district.rows("students", "student_dcid", "enroll_status") == [(501, 0), (502, 0), (503, 0), (504, -1), (508, 0)]


def test_a_student_without_an_address_comes_and_one_with_two_comes_once(district: District) -> None:
    assert district.rows("students", "student_dcid", "email") == [
        (501, "primary@school.example"),
        (502, None),
        (503, None),
        (504, "family@home.example"),
        (508, None),
    ]


def test_the_name_that_signs_in_keeps_its_zeros(district: District) -> None:
    assert ("00123",) in district.rows("students", "username")


def test_a_dropped_place_comes_as_ended_and_the_one_taken_again_does_not(district: District) -> None:
    rows = district.rows("enrollments", "cc_dcid", "student_dcid", "section_dcid", "ended")
    assert rows == [(1, 501, 801, 0), (2, 501, 802, 1), (3, 501, 802, 0), (6, 504, 803, 0)]


def test_a_place_at_another_school_than_the_students_own_comes(district: District) -> None:
    assert district.rows("enrollments", "student_dcid", "school_number")[2] == (501, ELM)


def test_places_of_who_does_not_come_and_of_other_years_stay_away(district: District) -> None:
    came = {row[0] for row in district.rows("students", "student_dcid")}
    classes = {row[0] for row in district.rows("sections", "section_dcid")}
    rows = district.rows("enrollments", "student_dcid", "section_dcid")
    assert {row[0] for row in rows} <= came and {row[1] for row in rows} <= classes


def test_a_contact_with_two_telephones_and_two_addresses_comes_once_for_each_child(district: District) -> None:
    rows = district.rows("guardians", "student_dcid", "person_id", "email", "relation", "is_custodial")
    assert rows[:2] == [
        (501, 950, "family@home.example", "Mother", 1),
        (502, 950, "family@home.example", "Mother", None),
    ]


def test_inactive_contacts_students_themselves_and_parents_of_who_left_stay_away(district: District) -> None:
    assert district.rows("guardians", "relation_id") == [(1,), (2,), (5,)]


def test_a_contact_without_a_relation_or_an_address_comes(district: District) -> None:
    assert district.rows("guardians", "student_dcid", "person_id", "email", "relation")[2] == (503, 952, None, None)
