"""The connector and the simulator, written apart, agree on who is in the district, whatever goes wrong in between."""

from collections.abc import Callable, Collection, Iterator
from datetime import date

import polars as pl
import pytest

from rollbook.connectors.powerschool.connector import PowerSchool, PowerSchoolConfig
from rollbook.connectors.powerschool.plugin import package
from rollbook.connectors.powerschool.queries import QUERIES
from rollbook.connectors.protocol import Connector, read_config
from rollbook.connectors.testing import SECRET, ConnectorPromises, extracts
from rollbook.domain.errors import ConfigError, IncompleteExtract, SourceError, SourceRefused
from rollbook.lib.http import Http, Limits
from rollbook.sandbox.powerschool import truth
from rollbook.sandbox.powerschool.server import PowerSchool as Simulator

DAY = date(2026, 10, 14)
GIVEN = {"url": "https://ps.example.org", "key": "k", "secret": SECRET, "devices": "mix"}

Made = Callable[..., PowerSchool]


@pytest.fixture(scope="module")
def listening() -> Iterator[Simulator]:
    with Simulator.of(60, day=DAY) as simulator:
        yield simulator


def at(simulator: Simulator, day: date = DAY, had: Collection[str] = (), **settings: str) -> PowerSchool:
    http = Http(allowed=["127.0.0.1"], limits=Limits(apart=0.0), pause=lambda seconds: None)
    config = PowerSchoolConfig(simulator.url, simulator.client_id, simulator.client_secret, "mix", **settings)
    return PowerSchool(config, had=had, http=http, today=day)


def again(simulator: Simulator, *, guardians: bool = True) -> Simulator:
    """Install the plugin anew, with a secret that must not get out."""
    for plugin in list(simulator.plugins):
        simulator.plugins.delete(plugin.number)
    simulator.faults.clear()
    simulator.ready(package(guardians=guardians)).plugin.client_secret = SECRET
    return simulator


@pytest.fixture
def made(listening: Simulator) -> Iterator[Made]:
    opened: list[PowerSchool] = []
    again(listening)

    def make(day: date = DAY, had: Collection[str] = (), **settings: str) -> PowerSchool:
        opened.append(at(listening, day, had, **settings))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
    again(listening)


class TestPowerSchool(ConnectorPromises):
    @pytest.fixture(autouse=True)
    def ready(self, listening: Simulator) -> None:
        self.simulator = again(listening)

    def connector(self) -> Connector:
        return at(self.simulator)


def ids(connector: Connector, entity: str) -> set[str]:
    return set(connector.extract(entity).frame.select("sourced_id").collect()["sourced_id"])


def everything(connector: Connector) -> dict[str, pl.DataFrame]:
    return {entity: extract.frame.collect() for entity, extract in extracts(connector)}


def keyed(prefix: str, column: pl.Series) -> set[str]:
    return {f"{prefix}-{key}" for key in column}


def expected(simulator: Simulator) -> dict[str, set[str]]:
    true = truth.roster(simulator.database.frames, DAY)
    schools = {f"school-{number}" for number in true.schools["SCHOOL_NUMBER"] if number}
    people = keyed("student", true.students["DCID"]) | keyed("staff", true.staff["DCID"])
    active = true.enrollments.filter(~pl.col("ended"))
    return {
        "org": schools | {"district"},
        "section": keyed("section", true.sections["DCID"]),
        "person": people | keyed("contact", true.guardians["PERSONID"]),
        "enrollment": keyed("cc", active["DCID"]) | keyed("teaching", true.teaching["ID"]),
    }


def told(simulator: Simulator) -> dict[str, set[str]]:
    connector = at(simulator)
    try:
        found = {entity: ids(connector, entity) for entity in ("org", "section", "person", "enrollment")}
        links = connector.extract("guardianship").frame.select("student", "guardian").collect()
        true = truth.roster(simulator.database.frames, DAY).guardianships
        assert set(links.iter_rows()) == {(f"student-{child}", f"contact-{adult}") for child, adult in true.iter_rows()}
        assert connector.extract("academic_session").promised == truth.roster(simulator.database.frames, DAY).terms.height
        return found
    finally:
        connector.close()


@pytest.mark.parametrize("seed", [2, 3])
def test_who_comes_is_what_an_independent_count_of_the_tables_finds_on_two_days(seed: int) -> None:
    with Simulator.of(120, seed=seed, day=DAY).ready(package(guardians=True)) as simulator:
        today = told(simulator)
        assert today == expected(simulator)

        simulator.tomorrow()

        tomorrow = told(simulator)
        assert tomorrow == expected(simulator)
        assert tomorrow != today


def test_every_row_points_to_one_that_comes(made: Made) -> None:
    connector = made()
    found = everything(connector)

    for entity, column, parent in [
        ("academic_session", "parent", "academic_session"),
        ("course", "org", "org"),
        *[
            ("section", column, parent)
            for column, parent in (("course", "course"), ("school", "org"), ("terms", "academic_session"))
        ],
        *[("role", column, parent) for column, parent in (("person", "person"), ("org", "org"))],
        *[("enrollment", column, parent) for column, parent in (("person", "person"), ("section", "section"), ("school", "org"))],
        ("person", "primary_org", "org"),
    ]:
        lost = set(found[entity][column].drop_nulls()) - set(found[parent]["sourced_id"])
        assert not lost, (entity, column)


def test_between_two_years_the_classes_of_both_come_and_each_row_once(made: Made) -> None:
    old, both, new = (everything(made(date(2026, month, 5))) for month in (5, 8, 10))

    for entity in ("academic_session", "course", "section", "enrollment"):
        of_old, of_both, of_new = (set(each[entity]["sourced_id"]) for each in (old, both, new))
        assert len(of_both) == both[entity].height
        assert of_both == of_old | of_new
        assert of_old != of_new
    assert set(old["person"]["sourced_id"]) == set(new["person"]["sourced_id"])


def test_whoever_waits_sees_what_is_on_its_way_and_at_last_all_that_was_announced(listening: Simulator) -> None:
    again(listening)
    seen: list[dict[str, tuple[int, int]]] = []

    def look(seconds: float, because: str) -> None:
        seen.append({what: (rows, promised) for what, rows, promised in connector.arriving()})

    http = Http(allowed=["127.0.0.1"], limits=Limits(apart=1.0), waiting=look, pause=lambda seconds: None)
    config = PowerSchoolConfig(listening.url, listening.client_id, listening.client_secret, "mix")
    connector = PowerSchool(config, http=http, today=DAY)
    assert connector.arriving() == ()
    students = listening.database.frames["STUDENTS"].filter(pl.col("ENROLL_STATUS").is_in([0, -1])).height
    try:
        everything(connector)
        came = {what: (rows, promised) for what, rows, promised in connector.arriving()}
    finally:
        connector.close()

    assert came.keys() == {query.title for query in QUERIES}
    assert all(rows == promised for rows, promised in came.values())
    assert came["Students"] == (students, students)
    assert (0, students) in [each.get("Students") for each in seen], "nothing is said before the first page has come"


def test_a_plugin_without_guardians_offers_none_and_says_so(listening: Simulator, made: Made) -> None:
    again(listening, guardians=False)
    connector = made()

    assert "guardianship" not in connector.offers()
    assert len(connector.offers()) == 7
    assert "Guardians do not come" in connector.probe().notes[0]
    assert not [key for key in ids(connector, "person") if key.startswith("contact-")]


def test_guardians_that_must_come_and_do_not_stop_the_import(listening: Simulator, made: Made) -> None:
    again(listening, guardians=False)

    with pytest.raises(SourceRefused, match="Contacts of students"):
        made(guardians="yes").offers()
    assert "guardianship" not in made(guardians="no").offers()


def test_guardians_who_came_before_are_not_left_out_because_another_plugin_was_installed(
    listening: Simulator, made: Made
) -> None:
    again(listening, guardians=False)

    with pytest.raises(SourceRefused, match="Guardians came before") as caught:
        made(had={"person", "guardianship"}).offers()
    assert "with guardians again" in caught.value.next_step and "Never" in caught.value.next_step
    assert "guardianship" not in made(had={"person"}).offers()
    assert "guardianship" not in made(had={"guardianship"}, guardians="no").offers()


def test_a_field_that_was_taken_away_is_no_reason_to_take_guardians_away(listening: Simulator, made: Made) -> None:
    listening.plugin.granted.pop(("PERSON", "FIRSTNAME"))

    with pytest.raises(SourceRefused, match=r"person\.firstname"):
        made().offers()


@pytest.mark.parametrize(
    "fault", ["empty", "short-page", "maintenance", "server-error", "plugin-disabled", "truncated-json", "cut"]
)
@pytest.mark.parametrize("after", [0, 15])
def test_whatever_breaks_there_is_an_error_and_never_half_a_district(
    listening: Simulator, made: Made, fault: str, after: int
) -> None:
    listening.faults.on(fault, after=after)

    with pytest.raises(SourceError):
        everything(made())


def test_a_district_without_any_student_is_not_believed(made: Made, listening: Simulator) -> None:
    frames = dict(listening.database.frames)
    listening.database.replace(frames | {"STUDENTS": frames["STUDENTS"].clear()})
    try:
        with pytest.raises(IncompleteExtract, match="nothing at all under Students"):
            made().extract("person")
    finally:
        listening.database.replace(frames)


def test_an_address_is_written_as_it_is_asked_and_keys_lose_their_blanks() -> None:
    config = read_config(PowerSchoolConfig, GIVEN | {"url": " PS.example.org/admin/home.html ", "key": "a b\u00a0"})

    assert (config.url, config.key) == ("https://ps.example.org", "ab")


def test_all_that_is_wrong_with_settings_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(PowerSchoolConfig, {"url": "ftp://ps.example.org", "devices": "ipads"})

    assert set(caught.value.fields) == {"url", "key", "secret", "devices"}
    assert SECRET not in repr(read_config(PowerSchoolConfig, GIVEN))


@pytest.mark.parametrize(
    ("url", "allowed", "fine"),
    [
        ("http://127.0.0.1:8000", ["127.0.0.1"], True),
        ("http://10.1.2.3", ["10.1.0.0/16"], True),
        ("http://ps.lan", ["PS.lan."], True),
        ("http://10.2.2.3", ["10.1.0.0/16"], False),
        ("http://ps.example.org", ["ps.lan", "10.1.0.0/16"], False),
        ("http://ps.example.org", [], False),
    ],
)
def test_a_secret_goes_over_plain_http_only_where_the_installation_says_so(url: str, allowed: list[str], fine: bool) -> None:
    if fine:
        assert read_config(PowerSchoolConfig, GIVEN | {"url": url}, allowed).url == url
    else:
        with pytest.raises(ConfigError, match="https://"):
            read_config(PowerSchoolConfig, GIVEN | {"url": url}, allowed)
