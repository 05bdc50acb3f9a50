"""What `/ws/v1` answers: every quirk that breaks naive clients."""

from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small
from tests.sandbox.powerschool.conftest import Client


def ids(client: Client, path: str, **parameters: Any) -> list[int]:
    (listed,) = client.get(f"/ws/v1/{path}", params=parameters).json().values()
    rows = next((value for key, value in listed.items() if not key.startswith("@")), [])
    return [row["id"] for row in ([rows] if isinstance(rows, dict) else rows)]


def test_metadata_is_open_to_all_and_tells_the_plugins_number_to_a_good_token_only(
    client: Client, simulated: PowerSchool
) -> None:
    simulated.plugin.v1_level = "NONE"
    stranger = client.http.get(f"{simulated.url}/ws/v1/metadata", headers={"Accept": "application/json"}).json()["metadata"]
    known = client.get("/ws/v1/metadata").json()["metadata"]
    assert "plugin_id" not in stranger and known["plugin_id"] == simulated.plugin.number
    assert known["student_max_page_size"] == 100 and known["mobile_api_version"] == "1.0"
    assert client.http.get(f"{simulated.url}/ws/v1/time").status_code == 200


def test_without_the_access_level_everything_else_is_refused_though_the_token_is_good(
    client: Client, simulated: PowerSchool
) -> None:
    simulated.plugin.v1_level = "NONE"
    answer = client.get("/ws/v1/district")
    assert answer.status_code == 401 and "WWW-Authenticate" not in answer.headers
    assert answer.json() == {"errorMessage": {"message": "Plugin is missing required accessLevelV1Api READ permission"}}
    xml = client.get("/ws/v1/district", headers={"Accept": "*/*"})
    assert ElementTree.fromstring(xml.content).findtext("message", "").startswith("Plugin is missing")


def test_without_asking_for_json_there_is_xml(client: Client) -> None:
    xml = client.get("/ws/v1/district/school", headers={"Accept": "text/html"})
    assert [each.findtext("name") for each in ElementTree.fromstring(xml.content)] == ["Elm", "Hollow", "Oak"]


def test_schools_come_by_name_without_the_graduated_and_with_ids_that_are_no_numbers(client: Client) -> None:
    schools = client.get("/ws/v1/district/school").json()["schools"]["school"]
    assert [(school["id"], school["school_number"], school["name"]) for school in schools] == [
        (4, 200, "Elm"),
        (6, 300, "Hollow"),
        (3, 100, "Oak"),
    ]
    assert client.get("/ws/v1/school/100").status_code == 404
    assert client.get("/ws/v1/school/3").json()["school"]["name"] == "Oak"
    assert client.get("/ws/v1/district").json()["district"] == {"name": "Oak Valley", "district_number": 100}


@pytest.mark.parametrize(
    ("path", "count"),
    [("district/school", 3), ("district/student", 5), ("school/3/student", 2), ("school/3/section", 2), ("school/6/staff", 0)],
)
def test_a_count_is_wrapped(client: Client, path: str, count: int) -> None:
    assert client.get(f"/ws/v1/{path}/count").json() == {"resource": {"count": count}}


def test_a_student_has_no_school_until_it_is_asked_for_and_empty_expansions_are_text(client: Client) -> None:
    plain = client.get("/ws/v1/student/501").json()["student"]
    assert plain["local_id"] == 10004 and "school_enrollment" not in plain and "phones" not in plain
    wanted = "school_enrollment,contact,contact_info,phones,nonsense"
    full = client.get("/ws/v1/student/501", params={"expansions": wanted}).json()["student"]
    assert full["@expansions"].startswith("demographics, addresses") and full["@extensions"] == "u_studentsuserfields"
    assert full["school_enrollment"]["school_id"] == 3 and full["school_enrollment"]["school_number"] == 100
    assert full["school_enrollment"]["enroll_status"] == "A" and full["school_enrollment"]["enroll_status_code"] == 0
    assert full["phones"] == "" == full["contact_info"] and full["contact"] == {"guardian_email": "m.rivas@mail.example"}


def test_one_field_has_two_types_from_row_to_row(client: Client) -> None:
    students = client.get("/ws/v1/district/student").json()["students"]["student"]
    assert [student.get("student_username") for student in students] == ["ana.rivas04", 78654, "050010", None, None]
    assert [student.get("state_province_id") for student in students][:3] == [990001, "0990002", None]
    staff = client.get("/ws/v1/school/3/staff").json()["staffs"]["staff"]
    assert [each["local_id"] for each in staff] == [5, "t.lee"]


def test_the_students_of_a_school_are_the_active_ones_unless_asked(client: Client) -> None:
    assert ids(client, "school/3/student") == [501, 502]
    assert ids(client, "school/3/student", q="school_enrollment.enroll_status==(a,p,g,t,h,i)") == [501, 502, 503, 504]
    assert ids(client, "district/student") == [501, 502, 503, 504, 505]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("name.last_name==R*", [501]),
        ("local_id=ge=10006;school_enrollment.enroll_status==A", [505]),
        ("school_enrollment.enroll_status_code==-1", [503]),
        ("school_enrollment.entry_date=gt=2025-12-31", [503]),
        ("student_username==050010", [503]),
    ],
)
def test_filters_choose_students(client: Client, q: str, found: list[int]) -> None:
    assert ids(client, "district/student", q=q) == found


def test_a_wrong_filter_is_refused(client: Client) -> None:
    assert client.get("/ws/v1/district/student", params={"q": "shoe_size==9"}).status_code == 400


def test_one_student_is_an_object_and_none_has_no_key(client: Client) -> None:
    assert client.get("/ws/v1/school/4/student").json()["students"]["student"]["id"] == 505
    empty = client.get("/ws/v1/school/6/student").json()["students"]
    assert "student" not in empty and "@expansions" in empty


def test_a_page_size_above_the_maximum_is_lowered_and_the_page_after_the_last_is_empty(
    client: Client, simulated: PowerSchool
) -> None:
    simulated.plugin.page_sizes["student"] = 2
    assert ids(client, "district/student", pagesize=100) == [501, 502] == ids(client, "district/student")
    assert ids(client, "district/student", page=3) == [505]
    assert "student" not in client.get("/ws/v1/district/student", params={"page": 4}).json()["students"]
    simulated.faults.on("large-page-refused")
    assert client.get("/ws/v1/district/student", params={"pagesize": 100}).status_code == 400


def test_staff_have_an_id_a_school_and_one_person_behind_them(client: Client) -> None:
    staff = client.get("/ws/v1/school/3/staff", params={"expansions": "school_affiliations,emails"}).json()["staffs"]["staff"]
    jo, tam = staff
    assert (jo["id"], jo["users_dcid"], jo["emails"]) == (65, 63, {"work_email": "jlee@example.org"})
    assert jo["school_affiliations"]["school_affiliation"] == [
        {"school_id": 3, "type": 1, "status": 1},
        {"school_id": 0, "type": 2, "status": 1},
    ]
    assert tam["emails"] == ""
    assert ids(client, "school/4/staff") == []


def test_sections_are_this_years_unless_another_is_asked_for(client: Client) -> None:
    assert ids(client, "school/3/section") == [701, 702]
    assert ids(client, "school/3/section", q="term.start_year==2024") == [703]
    section = client.get("/ws/v1/section/702", params={"expansions": "term"}).json()["section"]
    assert (section["school_id"], section["course_id"], section["term_id"], section["staff_id"]) == (3, 31, 883, 67)
    assert section["section_number"] == "01" and section["term"]["local_id"] == 3501


def test_dropped_enrollments_are_there_and_say_so(client: Client) -> None:
    listed = client.get("/ws/v1/section/701/section_enrollment").json()["section_enrollments"]["section_enrollment"]
    assert [(each["id"], each["student_id"], each["dropped"]) for each in listed] == [
        (9001, 501, False),
        (9002, 502, True),
        (9003, 502, False),
    ]
    assert all(each["section_id"] == 701 for each in listed)


def test_terms_and_courses_come_in_their_order(client: Client) -> None:
    assert ids(client, "school/3/term") == [871, 881, 883]
    assert client.get("/ws/v1/term/881").json()["term"]["start_year"] == 2025
    assert ids(client, "school/3/course") == [31]


def test_an_extension_says_whether_it_has_anything(client: Client) -> None:
    def extension(student: int) -> Any:
        asked = {"extensions": "u_studentsuserfields,u_nothing"}
        return client.get(f"/ws/v1/student/{student}", params=asked).json()["student"]["_extension_data"]["_table_extension"]

    assert extension(501)["recordFound"] is True
    assert extension(501)["_field"][0] == {"name": "email", "type": "String", "value": "ana@oak.example"}
    assert extension(502) == {"name": "u_studentsuserfields", "recordFound": False}


@pytest.mark.parametrize("path", ["student/999", "school/3/nothing", "nothing", "district/student/all"])
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    answer = client.get(f"/ws/v1/{path}")
    assert answer.status_code == 404 and answer.json()["errorMessage"]["message"]


def test_an_exact_last_page_is_followed_by_an_odd_one() -> None:
    students = pl.concat([small.TABLES["STUDENTS"].with_columns(pl.col("DCID", "ID") + 1000 * n) for n in range(40)])
    with PowerSchool({**small.TABLES, "STUDENTS": students}).ready(small.package()) as simulated:
        client = Client(simulated)
        assert [len(ids(client, "district/student", page=page)) for page in (1, 2, 3)] == [100, 100, 0]
        client.http.close()
