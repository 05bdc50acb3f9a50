"""Each switch does what it says, as often as it says, and can be taken back."""

import json
from pathlib import Path

import httpx2
import pytest

from rollbook.sandbox.powerschool import guesses
from rollbook.sandbox.powerschool.faults import FAULTS, Faults, spelled
from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small
from tests.sandbox.powerschool.conftest import Client

FIVE = ["501", "502", "503", "504", "505"]


@pytest.fixture(autouse=True)
def signed_in(client: Client) -> None:
    client.sign_in()


def test_a_fault_waits_for_its_turn_comes_so_often_and_is_counted(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("server-error", after=2, times=1)
    assert [client.query().status_code for _ in range(4)] == [200, 200, 500, 200]
    assert simulated.faults.hits["server-error"] == 1


def test_a_fault_that_is_switched_off_does_nothing_more(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("unavailable")
    assert client.query().status_code == 503
    simulated.faults.off("unavailable")
    assert client.query().status_code == 200
    simulated.faults.on("unavailable")
    simulated.faults.clear()
    assert client.query().status_code == 200


@pytest.mark.parametrize(
    ("name", "status"), [("server-error", 500), ("bad-gateway", 502), ("unavailable", 503), ("gateway-timeout", 504)]
)
def test_server_errors_are_html(client: Client, simulated: PowerSchool, name: str, status: int) -> None:
    simulated.faults.on(name)
    answer = client.query()
    assert answer.status_code == status and answer.headers["Content-Type"].startswith("text/html")
    assert client.sign_in().status_code == 200


@pytest.mark.parametrize(("name", "header"), [("throttle", "1"), ("throttle-silent", None)])
def test_requests_that_come_too_close_are_refused(client: Client, simulated: PowerSchool, name: str, header: str | None) -> None:
    simulated.minimum_interval_ms = 60_000 if header is None else 1_000_000
    simulated.faults.on(name)
    assert client.query().status_code == 200
    refused = client.query()
    assert refused.status_code == 429 and "Too many requests" in refused.json()["message"]
    assert refused.headers.get("Retry-After") == (None if header is None else "1000")
    simulated.clock.forward(minutes=20)
    assert client.query().status_code == 200


def test_the_window_is_the_plugins_and_not_the_connections(client: Client, simulated: PowerSchool) -> None:
    simulated.minimum_interval_ms = 60_000
    other = Client(simulated, token=client.token)
    assert (client.query().status_code, other.query().status_code) == (200, 429)
    other.http.close()


def test_a_busy_server_refuses_everybody(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("too-many-requests")
    answer = client.get("/ws/v1/metadata")
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "1"


def test_a_slow_answer_is_longer_than_an_impatient_client_waits(client: Client, simulated: PowerSchool) -> None:
    simulated.slow_seconds = 30
    simulated.faults.on("slow")
    with pytest.raises(httpx2.ReadTimeout):
        client.ask("POST", f"/ws/schema/query/{small.NAME}", timeout=0.2)
    simulated.slow_seconds = 0
    assert client.query().status_code == 200


def test_a_connection_breaks_in_the_middle(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("cut", times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        client.query()
    assert client.ids() == FIVE


def test_half_an_answer_claims_to_be_whole(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("truncated-json", times=1)
    answer = client.query()
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert client.ids() == FIVE


def test_maintenance_is_a_page_that_looks_like_success(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("maintenance")
    assert client.query().status_code == 302 and client.sign_in().status_code == 302
    page = client.query().headers["Location"]
    answer = client.get("/ws/v1/metadata", follow_redirects=True)
    assert answer.url.path == page and answer.status_code == 200
    assert "PowerSchool page unavailable" in answer.text and "html" in answer.headers["Content-Type"]


def test_a_token_runs_out_once_and_a_new_one_is_given(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("token-expired", after=1)
    assert [client.query().status_code for _ in range(3)] == [200, 401, 401]
    assert "expired" in client.query().headers["WWW-Authenticate"]
    client.sign_in()
    assert client.query().status_code == 200


def test_credentials_that_changed_do_not_come_back(client: Client, simulated: PowerSchool) -> None:
    old = simulated.client_id, simulated.client_secret
    simulated.faults.on("credentials-changed", after=1)
    assert [client.query().status_code for _ in range(2)] == [200, 401]
    again = client.http.post(f"{simulated.url}/oauth/access_token", data={"grant_type": "client_credentials"}, auth=old)
    assert again.status_code == 401


def test_a_plugin_is_disabled_and_enabled_again(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("plugin-disabled", after=1)
    assert [client.query().status_code for _ in range(2)] == [200, 401]
    assert guesses.UNKNOWN_TOKEN in client.query().headers["WWW-Authenticate"]
    assert client.sign_in().status_code == 401
    simulated.switch_off("plugin-disabled")
    assert client.query().status_code == 200


def test_a_field_is_withdrawn_and_granted_again(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("field-withdrawn", after=1)
    assert [client.query().status_code for _ in range(2)] == [200, 403]
    assert [error["field"] for error in client.query().json()["errors"]] == ["schools.name"]
    assert client.get("/ws/schema/table/students", params={"projection": "dcid"}).status_code == 403
    simulated.switch_off("field-withdrawn")
    assert client.query().status_code == 200


def test_v1_closes_while_the_rest_goes_on(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("v1-closed")
    assert "accessLevelV1Api" in client.get("/ws/v1/district").json()["errorMessage"]["message"]
    assert client.query().status_code == 200


def test_a_row_inserted_between_two_pages_makes_a_client_see_one_twice(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("row-inserted")
    pages = client.ids(pagesize=2, page=1) + client.ids(pagesize=2, page=2) + client.ids(pagesize=2, page=3)
    assert pages == ["501", "502", "502", "503", "504", "505"]
    assert client.ids() == ["500", *FIVE]
    simulated.switch_off("row-inserted")
    assert client.ids() == FIVE


def test_an_answer_is_empty_though_the_count_is_not(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("empty")
    assert client.query().json() == {"@extensions": ""}
    assert client.ask("POST", f"/ws/schema/query/{small.NAME}/count").json() == {"count": 5}
    assert "student" not in client.get("/ws/v1/district/student").json()["students"]
    assert "record" not in client.get("/ws/schema/table/students", params={"projection": "dcid"}).json()


def test_a_page_is_one_row_short(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("short-page")
    assert client.ids() == FIVE[:4]
    assert len(client.get("/ws/v1/district/student").json()["students"]["student"]) == 4
    assert len(client.get("/ws/schema/table/students", params={"projection": "dcid"}).json()["record"]) == 4


def test_a_query_without_an_order_shuffles_and_one_with_an_order_does_not(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("unstable-order")
    seen = {tuple(row["dcid"] for row in client.query("enrollments", {"yearid": 35}).json()["record"]) for _ in range(40)}
    assert len(seen) > 1
    assert {tuple(client.ids()) for _ in range(5)} == {tuple(FIVE)}


def test_newer_servers_answer_with_numbers(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("numbers")
    row = client.query().json()["record"][0]
    assert (row["dcid"], row["grade_level"], row["last_name"]) == (501, 6, "Rivas")


def test_a_large_page_is_refused_instead_of_lowered(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("large-page-refused")
    large = {"projection": "dcid", "pagesize": 101}
    assert client.get("/ws/schema/table/students", params=large).status_code == 400
    assert client.get("/ws/v1/district/student", params=large).status_code == 400


def test_no_fault_goes_without_a_test_here_or_beside() -> None:
    elsewhere = {"token-throttle", "star-refused"}
    text = Path(__file__).read_text(encoding="utf-8")
    here = {name for name in FAULTS if f'"{name}"' in text}
    assert here | elsewhere == set(FAULTS)


def test_a_fault_can_be_spelled_with_when_and_how_often() -> None:
    assert spelled("cut") == ("cut", 0, None)
    assert spelled("cut:3") == ("cut", 3, None)
    assert spelled("cut:3:1") == ("cut", 3, 1)
    for wrong in ("nothing", "cut:x", "cut:1:2:3"):
        with pytest.raises(ValueError, match=wrong):
            spelled(wrong)
    with pytest.raises(KeyError):
        Faults().on("nothing")
