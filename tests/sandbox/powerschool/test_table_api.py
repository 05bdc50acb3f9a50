"""What `/ws/schema/table` answers and refuses, in which order."""

from typing import Any

import pytest

from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool.conftest import Client

TABLE = "/ws/schema/table"


@pytest.fixture
def simulated(simulated: PowerSchool) -> PowerSchool:
    """Grant the plugin what these tests read besides."""
    columns = {"TERMS": "DCID ID SCHOOLID ISYEARREC FIRSTDAY", "STUDENTS": "ENROLL_STATUS SCHOOLID MIDDLE_NAME"}
    granted = {(table, column): "ViewOnly" for table, names in columns.items() for column in names.split()}
    simulated.plugin.granted |= granted
    return simulated


def rows(client: Client, table: str, **parameters: Any) -> list[dict[str, Any]]:
    return client.get(f"{TABLE}/{table}", params=parameters).json().get("record", [])


def test_rows_are_text_under_small_names_without_nulls(client: Client) -> None:
    answer = client.get(f"{TABLE}/Terms", params={"projection": "dcid,ID,schoolid,isyearrec,firstday", "q": "dcid==881"}).json()
    values = {"dcid": "881", "id": "3500", "schoolid": "100", "isyearrec": "1", "firstday": "2025-08-18"}
    assert answer == {"name": "terms", "record": [{"id": 881, "name": "terms", "tables": {"terms": values}}]}
    (student,) = rows(client, "students", projection="dcid,middle_name", q="dcid==501")
    assert student["tables"] == {"students": {"dcid": "501"}}


def test_no_rows_are_no_key(client: Client) -> None:
    assert client.get(f"{TABLE}/terms", params={"projection": "dcid", "q": "dcid==1"}).json() == {"name": "terms"}


def test_filters_sorting_and_pages(client: Client, simulated: PowerSchool) -> None:
    def ids(**parameters: Any) -> list[int]:
        return [row["id"] for row in rows(client, "students", projection="dcid", **parameters)]

    assert ids(q="schoolid==100;enroll_status!=2") == [501, 502, 503]
    assert ids(sort="last_name", sortdescending="true") == [503, 501, 502, 505, 504]
    simulated.plugin.page_sizes["schema_table_query"] = 2
    assert ids(pagesize=50) == [501, 502] and ids(page=3) == [505] and ids(page=4) == []


def test_one_row_by_its_id(client: Client) -> None:
    assert client.get(f"{TABLE}/terms/881", params={"projection": "id"}).json()["tables"] == {"terms": {"id": "3500"}}
    assert client.get(f"{TABLE}/terms/1", params={"projection": "id"}).status_code == 404


def test_a_count_needs_no_grant_and_a_filter_does(client: Client) -> None:
    assert client.get(f"{TABLE}/users/count").json() == {"count": 2}
    assert client.get(f"{TABLE}/users/count", params={"q": "dcid==63"}).status_code == 403
    assert client.get(f"{TABLE}/terms/count", params={"q": "schoolid==100"}).json() == {"count": 3}


def test_grants_can_be_looked_up_before_a_pull(client: Client) -> None:
    found = client.get(f"{TABLE}/students/metadata", params={"expansions": "access"}).json()
    access = {column["name"]: column["access"] for column in found["columns"]}
    assert found["primaryKey"] == "dcid"
    assert (access["dcid"], access["ssn"], access["web_password"]) == ("ViewOnly", "NoAccess", "BlackListNoAccess")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("nowhere?projection=*", 404, "Resource not found"),
        ("audit_log?projection=*", 404, "Resource not found"),
        ("students", 400, "projection"),
        ("students?projection=foo,ssn", 400, "Invalid field specified: FOO is not valid column for table: Students"),
        ("students?projection=ssn&q=foo==1", 400, "Invalid field FOO"),
        ("students?projection=ssn&q=dcid==x", 400, "Invalid number 'x' passed for comparison to number field DCID"),
        ("students?projection=ssn&q=dcid==1", 403, "At least one column lacks sufficient permission"),
        ("students?projection=dcid&pagesize=many", 400, "Invalid pagesize"),
    ],
)
def test_a_wrong_column_is_found_before_a_wrong_value_and_that_before_a_missing_grant(
    client: Client, path: str, status: int, message: str
) -> None:
    answer = client.get(f"{TABLE}/{path}")
    assert answer.status_code == status and message in answer.json()["message"]


def test_a_missing_grant_names_its_column(client: Client) -> None:
    answer = client.get(f"{TABLE}/students", params={"projection": "dcid,ssn"})
    assert answer.json()["errors"] == [{"code": "NoAccess", "field": "SSN", "resource": "Students"}]


def test_a_view_is_closed(client: Client) -> None:
    assert client.get(f"{TABLE}/teachers", params={"projection": "dcid"}).status_code == 405


def test_a_star_gives_what_was_granted(client: Client, simulated: PowerSchool) -> None:
    first = rows(client, "terms", projection="*")[0]["tables"]["terms"]
    assert set(first) == {"dcid", "id", "schoolid", "isyearrec", "firstday"}
    simulated.faults.on("star-refused")
    assert client.get(f"{TABLE}/terms", params={"projection": "*"}).status_code == 403


def test_nothing_can_be_written(client: Client) -> None:
    assert client.ask("POST", f"{TABLE}/students", json={}).status_code == 403
    assert client.ask("DELETE", f"{TABLE}/students/501").status_code == 403


def test_tables_and_their_areas_can_be_listed(client: Client) -> None:
    names = {table["name"] for table in client.get(TABLE).json()["tables"]}
    assert "students" in names and "teachers" not in names
    (area,) = client.get("/ws/schema/area").json()["areas"]
    assert client.get(f"/ws/schema/area/{area['name']}/table").status_code == 200


def test_an_installed_plugin_is_valid_and_a_subscription_has_seen_nothing(client: Client, simulated: PowerSchool) -> None:
    assert client.get(f"/ws/schema/plugin/{simulated.plugin.number}/validate").json()["results"] == []
    assert client.get("/ws/schema/plugin/1/validate").status_code == 404
    assert client.get("/ws/dataversion/roster/0").json()["tables"] == {}
    assert client.get("/ws/dataversion/roster/-1").status_code == 400
