"""PowerQueries: the plugin's own SQL, names and grants, in PowerSchool's shapes."""

from typing import Any

import polars as pl
import pytest

from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small
from tests.sandbox.powerschool.conftest import Client

FIVE = ["501", "502", "503", "504", "505"]


def test_a_flattened_answer_has_small_names_text_values_and_no_nulls(client: Client) -> None:
    answer = client.query().json()
    ana, bo, *_ = answer["record"]
    assert (answer["name"], answer["@extensions"], len(answer["record"])) == ("STUDENTS", "", 5)
    assert ana == {
        "_id": 501,
        "_name": "STUDENTS",
        "dcid": "501",
        "last_name": "Rivas",
        "grade_level": "6",
        "school_name": "Oak",
        "guardianemail": "m.rivas@mail.example",
    }
    assert "guardianemail" not in bo


def test_the_keys_of_two_rows_come_in_different_orders(client: Client) -> None:
    rows = client.query().json()["record"]
    assert len({tuple(key for key in row if key != "guardianemail") for row in rows}) > 1


def test_an_answer_that_is_not_flattened_has_its_values_by_table(client: Client) -> None:
    answer = client.query("by_table").json()
    assert answer["name"] == "Students"
    assert answer["record"][1] == {
        "id": 502,
        "name": "Students",
        "tables": {"students": {"dcid": "502", "last_name": "O'Neil", "grade_level": "7"}, "schools": {"school_name": "Oak"}},
    }


def test_one_row_is_still_a_list_and_none_has_neither_rows_nor_a_name(client: Client) -> None:
    assert len(client.query(body={"schoolid": "200"}).json()["record"]) == 1
    assert client.query(body={"schoolid": "300"}).json() == {"@extensions": ""}


def test_without_a_page_size_there_are_a_hundred_rows_and_with_zero_all() -> None:
    students = pl.concat([small.TABLES["STUDENTS"].with_columns(pl.col("DCID", "ID") + 1000 * n) for n in range(50)])
    with PowerSchool({**small.TABLES, "STUDENTS": students}).ready(small.package()) as simulated:
        client = Client(simulated)
        assert len(client.ids()) == 100
        assert len(client.ids(pagesize=0, page=7)) == 250
        pages = [client.ids(page=page, pagesize=100) for page in (1, 2, 3, 4)]
        assert [len(page) for page in pages] == [100, 100, 50, 0]
        assert [each for page in pages for each in page] == client.ids(pagesize=0)
        client.http.close()


def test_page_zero_is_page_one(client: Client) -> None:
    assert client.ids(pagesize=2, page=0) == client.ids(pagesize=2, page=1) == FIVE[:2]
    assert client.ids(pagesize=2, page=3) == FIVE[4:]


def test_a_count_can_be_asked_for_alone_or_beside_a_page(client: Client) -> None:
    path = f"/ws/schema/query/{small.NAME}"
    assert client.ask("POST", f"{path}/count", json={"schoolid": 100}).json() == {"count": 4}
    answer = client.query(pagesize=2, count="true").json()
    assert (answer["count"], len(answer["record"])) == (5, 2)


def test_an_empty_body_is_taken_and_a_get_is_not(client: Client) -> None:
    path = f"/ws/schema/query/{small.NAME}"
    assert len(client.ask("POST", path).json()["record"]) == 5
    assert client.get(path).status_code == 405


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"grades": ["6", "7"]}, ["501", "502", "503"]),
        ({"grades": "8"}, ["504"]),
        ({"grades": []}, []),
        ({"$q": "students.grade_level=ge=7"}, ["502", "504"]),
        ({"$q": "students.last_name==*a*;students.grade_level==6"}, ["501", "503"]),
        ({"$q": "students.guardianemail==\u0000;students.dcid!=502"}, ["503", "504", "505"]),
        ({"$q": "students.last_name==O%27Neil"}, ["502"]),
    ],
)
def test_arguments_and_filters_choose_rows(client: Client, body: dict[str, Any], found: list[str]) -> None:
    path = f"/ws/schema/query/{small.NAME}"
    assert [row["dcid"] for row in client.query(body=body).json().get("record", [])] == found
    assert client.ask("POST", f"{path}/count", json=body).json() == {"count": len(found)}


def test_an_order_and_a_projection_may_be_asked_for(client: Client) -> None:
    assert client.ids(order="students.grade_level;desc,students.dcid;desc") == ["504", "502", "503", "501", "505"]
    row = client.query(body={"projection": "students.dcid;schools.school_name"}).json()["record"][0]
    assert set(row) == {"_id", "_name", "dcid", "school_name"}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("enrollments", {}),
        ("enrollments", {"yearid": "this"}),
        ("students", {"$q": "students.dcid==1,students.dcid==2"}),
        ("students", {"$q": "(students.dcid==1)"}),
        ("students", {"$q": "students.ssn==1"}),
        ("students", {"projection": "students.ssn"}),
        ("students", {"$dataversion": "0"}),
        ("students", []),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_name(client: Client, name: str, body: Any) -> None:
    answer = client.query(name, body)
    assert answer.status_code == 400
    assert answer.json()["message"] and answer.json()["errors"][0]["resource"].endswith(name)


def test_ended_enrollments_are_there_with_negative_sections(client: Client) -> None:
    rows = client.query("enrollments", {"yearid": "35"}).json()["record"]
    assert {row["dcid"]: row["ended"] for row in rows} == {"9001": "0", "9002": "1", "9003": "0"}


def test_every_field_that_was_not_granted_is_named(client: Client, simulated: PowerSchool) -> None:
    for field in (("STUDENTS", "GUARDIANEMAIL"), ("SCHOOLS", "NAME")):
        del simulated.plugin.granted[field]
    answer = client.query()
    assert answer.status_code == 403
    assert answer.json() == {
        "message": "Validation Failed",
        "errors": [
            {"resource": small.NAME, "field": "students.guardianemail", "code": "No access to the field"},
            {"resource": small.NAME, "field": "schools.name", "code": "No access to the field"},
        ],
    }


def test_an_update_with_more_fields_is_refused_until_it_is_enabled_again(client: Client, simulated: PowerSchool) -> None:
    before = simulated.client_id, simulated.client_secret
    more = small.STUDENTS.replace('column="SCHOOLS.NAME"', 'column="SCHOOLS.ABBREVIATION"')
    newer = small.plugin_xml(version="1.0.1", fields=(*small.FIELDS, "SCHOOLS.ABBREVIATION"))
    simulated.plugins.install("plugin.zip", small.zipped(newer, more))
    assert (simulated.client_id, simulated.client_secret) == before
    assert client.query().status_code == 403
    simulated.plugins.enable(simulated.plugin.number)
    assert client.query().status_code == 200


def test_an_unknown_query_and_one_of_a_disabled_plugin_are_not_found(client: Client, simulated: PowerSchool) -> None:
    assert client.query("nothing").status_code == 404
    other = simulated.plugins.install("other.zip", small.zipped(name="Other"))
    simulated.plugins.enable(other.number)
    simulated.plugins.disable(simulated.plugin.number)
    simulated._plugin, client.token = other, ""
    assert client.query().status_code == 404


def test_a_dataversion_is_answered_with_one_to_save(client: Client, simulated: PowerSchool) -> None:
    asked = {"$dataversion": "0", "$dataversion_applicationname": "roster"}
    first = client.query(body=asked).json()
    assert len(first["record"]) == 5
    again = client.query(body={**asked, "$dataversion": first["$dataversion"]}).json()
    assert "record" not in again and again["$dataversion"] == first["$dataversion"]


def test_the_fields_of_a_query_and_all_queries_can_be_listed(client: Client) -> None:
    fields = client.get(f"/ws/powerqueryaccesslist/{small.NAME}").json()["fields"]
    assert {"table": "SCHOOLS", "field": "NAME"} in fields and len(fields) == 5
    assert f"/ws/schema/query/{small.NAME}" in client.get("/ws/schema/query/api").json()["paths"]


def test_a_night_changes_what_is_answered() -> None:
    def night(tables: Any, day: int, today: Any) -> Any:
        return {**tables, "STUDENTS": tables["STUDENTS"].with_columns(LAST_NAME=pl.lit(f"Day {day}, {today}"))}

    with PowerSchool(small.TABLES, tomorrow=night).ready(small.package()) as simulated:
        client, tomorrow = Client(simulated), simulated.clock.today().toordinal() + 1
        simulated.tomorrow()
        assert simulated.clock.today().toordinal() == tomorrow
        assert {row["last_name"] for row in client.query().json()["record"]} == {f"Day 1, {simulated.clock.today()}"}
        client.http.close()
