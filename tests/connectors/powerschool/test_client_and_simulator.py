"""Our client and our simulator, written apart, understand each other: whatever goes wrong, all rows come, or an error."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rollbook.connectors.powerschool.client import PowerSchool
from rollbook.connectors.powerschool.plugin import package
from rollbook.connectors.powerschool.queries import Query, chosen
from rollbook.domain.errors import SourceError, SourceRefused
from rollbook.lib.http import Http, Limits
from rollbook.sandbox.powerschool.server import PowerSchool as Simulator
from tests.lib.answering import NOBODY

QUERIES = chosen(guardians=True)
ENROLLMENTS = next(query for query in QUERIES if query.name.endswith("core.enrollments"))
YEAR = {"yearid": "35"}
PAGE = 150


@pytest.fixture(scope="module")
def district() -> Iterator[Simulator]:
    with Simulator.of(60, day=date(2025, 10, 6)) as simulator:
        yield simulator


@pytest.fixture
def simulator(district: Simulator) -> Iterator[Simulator]:
    for plugin in list(district.plugins):
        district.plugins.delete(plugin.number)
    yield district.ready(package(guardians=True))
    district.faults.clear()
    for fault in ("row-inserted", "field-withdrawn"):
        district.switch_off(fault)


@pytest.fixture
def http(simulator: Simulator) -> Iterator[Http]:
    def pause(seconds: float) -> None:
        simulator.clock.forward(seconds=seconds)

    asking = Http(allowed=["127.0.0.1"], trust=NOBODY, limits=Limits(apart=0.0), pause=pause)
    yield asking
    asking.close()


@pytest.fixture
def client(simulator: Simulator, http: Http) -> PowerSchool:
    return PowerSchool(simulator.url, simulator.client_id, simulator.client_secret, http, page=PAGE)


@pytest.fixture
def pull(client: PowerSchool, tmp_path: Path) -> Callable[..., pl.DataFrame]:
    def rows(query: Query, folder: str = "calm") -> pl.DataFrame:
        count = client.rows(query, YEAR, tmp_path / folder)
        found = pl.read_parquet(tmp_path / folder / "*.parquet").sort(query.key)
        assert len(found) == count
        return found

    return rows


def test_the_connection_is_good(client: PowerSchool) -> None:
    first, second, third = client.check(QUERIES, YEAR)
    assert "is a PowerSchool, version" in first
    assert "It takes the client ID" in second
    assert f"all {len(QUERIES)} queries" in third


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name.rpartition(".")[2])
def test_every_query_gives_the_rows_that_it_counts(simulator: Simulator, pull: Callable[..., pl.DataFrame], query: Query) -> None:
    found = pull(query)
    assert len(found) > 0
    assert found.columns == list(query.aliases)
    assert found[query.key].is_unique().all()


@pytest.mark.parametrize(
    ("fault", "after", "times"),
    [
        ("throttle", 0, None),
        ("throttle-silent", 0, None),
        ("too-many-requests", 2, 2),
        ("cut", 2, 2),
        ("truncated-json", 2, 2),
        ("server-error", 2, 2),
        ("bad-gateway", 2, 2),
        ("unavailable", 0, 2),
        ("gateway-timeout", 2, 2),
        ("token-expired", 2, 1),
        ("numbers", 0, None),
        ("v1-closed", 0, None),
        ("unstable-order", 0, None),
    ],
)
def test_what_passes_costs_no_row(
    simulator: Simulator, pull: Callable[..., pl.DataFrame], fault: str, after: int, times: int | None
) -> None:
    calm = pull(ENROLLMENTS)
    assert len(calm) > 2 * PAGE, "fewer pages prove nothing"
    simulator.faults.on(fault, after=after, times=times)
    assert_frame_equal(pull(ENROLLMENTS, "fault"), calm)
    assert simulator.faults.hits[fault] or fault == "v1-closed", "it is open to all what we ask there"


def test_a_row_that_comes_meanwhile_makes_no_other_vanish(simulator: Simulator, pull: Callable[..., pl.DataFrame]) -> None:
    calm = pull(ENROLLMENTS)
    simulator.faults.on("row-inserted", after=2)
    found = pull(ENROLLMENTS, "fault")
    assert simulator.faults.hits["row-inserted"] == 1
    assert set(calm[ENROLLMENTS.key]) <= set(found[ENROLLMENTS.key])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("too-many-requests", "asks us to wait 1 second"),
        ("cut", "broke off when asked for"),
        ("truncated-json", "ends in its middle"),
        ("server-error", "in trouble (500"),
        ("maintenance", "shows a page instead of rows"),
        ("credentials-changed", "turned down the client ID or the client secret"),
        ("plugin-disabled", "turned down the client ID or the client secret"),
        ("field-withdrawn", "does not let the plugin read these fields"),
        ("empty", "rows instead of"),
        ("short-page", "rows instead of"),
    ],
)
def test_what_stays_is_an_error_and_leaves_no_half_of_the_rows(
    simulator: Simulator, client: PowerSchool, tmp_path: Path, fault: str, says: str
) -> None:
    client.metadata()
    client.count(ENROLLMENTS, YEAR)
    simulator.faults.on(fault, after=2 if fault in ("maintenance", "plugin-disabled") else 1)
    with pytest.raises(SourceError) as error:
        client.rows(ENROLLMENTS, YEAR, tmp_path / "s")
    assert says in str(error.value)
    assert simulator.faults.hits[fault]
    secrets = {simulator.client_secret, simulator.plugin.token} - {""}
    assert not [secret for secret in secrets if secret in error.value.sentence]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("secret", "turned down the client ID or the client secret"),
        ("disabled", "turned down the client ID or the client secret"),
        ("older", "does not know the queries for Contacts of students"),
        ("deleted", "turned down the client ID or the client secret"),
    ],
)
def test_what_an_admin_did_in_powerschool_is_said_by_the_test_of_the_connection(
    simulator: Simulator, http: Http, wrong: str, says: str
) -> None:
    simulator.plugins.delete(simulator.plugin.number)
    simulator.ready(package(guardians=wrong != "older"))
    secret = "hunter2" if wrong == "secret" else simulator.client_secret
    client = PowerSchool(simulator.url, simulator.client_id, secret, http)
    if wrong == "disabled":
        simulator.plugins.disable(simulator.plugin.number)
    if wrong == "deleted":
        simulator.plugins.delete(simulator.plugin.number)
    with pytest.raises(SourceRefused) as error:
        client.check(QUERIES, YEAR)
    assert says in str(error.value)
    assert "Plugin Management Configuration" in error.value.next_step
