"""A PowerSchool gives all rows of a query or an error that says why, and the secret is nowhere."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rollbook.connectors.powerschool.client import PowerSchool
from rollbook.connectors.powerschool.queries import Argument, Column, Query
from rollbook.connectors.testing import SECRET
from rollbook.domain.errors import IncompleteExtract, SourceBroken, SourceError, SourceRefused, SourceUnavailable
from rollbook.lib import clock
from rollbook.lib.http import Http, Limits
from tests.lib.answering import NOBODY, Answering, Asked, Reply, write_certificate

TOKEN = "6a0c3c8e-1111-4222-8333-0123456789ab"
STUDENTS = Query(
    "org.rollbook.roster.core.students",
    "Students",
    "STUDENTS",
    "Students of a test.",
    (
        Column("STUDENTS.DCID", "student_dcid", "st.dcid", "key"),
        Column("STUDENTS.LAST_NAME", "last_name", "st.last_name", "name"),
        Column("STUDENTS.STUDENT_WEB_ID", "web_id", "st.student_web_id", "sign-in"),
    ),
    "FROM students st",
    args=(Argument("yearid", "TERMS.YEARID", "the year"),),
)
SCHOOLS = Query(
    "org.rollbook.roster.core.schools",
    "Schools",
    "SCHOOLS",
    "Schools of a test.",
    (Column("SCHOOLS.DCID", "school_dcid", "sc.dcid", "key"),),
    "FROM schools sc",
)
ARGS = {"yearid": "35", "of another query": "1"}
EMPTY = {"@extensions": ""}
HTML = {"Content-Type": "text/html;charset=UTF-8"}
UNAVAILABLE = Reply(200, b"<html><head><title>PowerSchool page unavailable</title></head></html>", HTML)
EXPIRED = {
    "WWW-Authenticate": 'Bearer error="invalid_token",realm="PowerSchool",error_description="The access token has expired"'
}


def of_json(found: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(found).encode(), {"Content-Type": "application/json;charset=UTF-8", **headers})


def students(number: int) -> list[dict[str, Any]]:
    return [{"_id": each, "student_dcid": str(each), "last_name": f"Hill{each}"} for each in range(1, number + 1)]


@dataclass
class School:
    """A PowerSchool of a few lines. `says` may answer in its place: None lets it answer itself."""

    rows: dict[str, list[dict[str, Any]]]
    limit: int = 0
    says: Callable[[str, Asked], Reply | None] = lambda path, asked: None
    tokens: list[str] = field(default_factory=lambda: [TOKEN])

    def __call__(self, asked: Asked) -> Reply | None:
        path, _, search = asked.path.partition("?")
        if reply := self.says(path, asked):
            return reply if reply.status else None  # status 0: the connection ends
        given = asked.headers.get("authorization", "")
        if path == "/oauth/access_token":
            token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
            return of_json({"access_token": token, "token_type": "Bearer", "expires_in": "2591999"})
        if path == "/ws/v1/metadata":
            plugin = {"plugin_id": 42} if given.startswith("Bearer ") else {}
            said = {"powerschool_version": "25.2.0.0", "schema_table_query_max_page_size": 100, **plugin}
            return of_json({"metadata": said})
        if given != f"Bearer {self.tokens[0]}":
            return Reply(401, b"", EXPIRED)
        name = path.removeprefix("/ws/schema/query/")
        if name.endswith("/count"):
            return of_json({"count": len(self.rows[name.removesuffix("/count")])})
        asked_for = dict(each.split("=") for each in search.split("&"))
        size, page = int(asked_for["pagesize"]), int(asked_for["page"])
        size = min(size, self.limit or size)
        found = self.rows[name][(page - 1) * size : page * size]
        return of_json({"name": "STUDENTS", "record": found, "@extensions": ""} if found else EMPTY)


class Stand:
    """A school that answers, and a client that asks it."""

    def __init__(self, school: School, page: int = 4, **limits: Any) -> None:
        self.school = school
        self.server = Answering(school)
        self.pauses: list[float] = []
        self.http = Http(allowed=["127.0.0.1"], trust=NOBODY, limits=Limits(**{"apart": 0.0, **limits}), pause=self.pauses.append)
        self.client = self.another(page)

    def another(self, page: int = 4) -> PowerSchool:
        return PowerSchool(self.server.url, " id-1 ", f" {SECRET}\n", self.http, page=page)

    def asked(self, part: str) -> list[str]:
        return [each.path for each in self.server.asked if part in each.path]


@pytest.fixture
def stand() -> Iterator[Callable[..., Stand]]:
    made: list[Stand] = []

    def make(rows: int | list[dict[str, Any]] = 10, *, page: int = 4, limits: Any = None, **options: Any) -> Stand:
        found = students(rows) if isinstance(rows, int) else rows
        school = School({STUDENTS.name: found, SCHOOLS.name: [{"school_dcid": "3"}]}, **options)
        made.append(Stand(school, page, **(limits or {})))
        made[-1].server.__enter__()
        return made[-1]

    yield make
    for each in made:
        each.server.__exit__()
        each.http.close()


def instead(reply: Reply, *, where: str = "", times: int = 10_000, after: int = 0) -> Callable[[str, Asked], Reply | None]:
    """Give this reply to some of the requests whose path has `where` in it."""
    seen = [0]
    lock = threading.Lock()

    def says(path: str, asked: Asked) -> Reply | None:
        if where not in asked.path:
            return None
        with lock:
            seen[0] += 1
            return reply if after < seen[0] <= after + times else None

    return says


def read(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "*.parquet").sort("student_dcid")


# Rows


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 8, 10])
def test_every_row_comes_whatever_the_pages(stand: Callable[..., Stand], tmp_path: Path, rows: int) -> None:
    here = stand(rows)
    seen: list[tuple[int, int]] = []
    assert here.client.rows(STUDENTS, ARGS, tmp_path / "s", lambda done, promised: seen.append((done, promised))) == rows
    assert set(read(tmp_path / "s")["student_dcid"]) == {str(each) for each in range(1, rows + 1)}
    assert seen[-1] == (rows, rows)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    bodies = {each.body for each in here.server.asked if "query" in each.path}
    assert bodies == {b'{"yearid": "35"}'}, "a query is given its own arguments and no other"


def test_text_stays_as_it_was_written(stand: Callable[..., Stand], tmp_path: Path) -> None:
    rows = [
        {"student_dcid": 1, "last_name": "Ñandú", "web_id": "00123"},
        {"student_dcid": 2, "web_id": 123},
        {"student_dcid": 3, "LAST_NAME": " Hill", "web_id": 1.50},
        {"student_dcid": 90071992547409931234, "last_name": None, "web_id": True},
    ]
    stand(rows).client.rows(STUDENTS, ARGS, tmp_path / "s")
    found = read(tmp_path / "s")
    assert found.schema == pl.Schema(dict.fromkeys(STUDENTS.aliases, pl.String))
    assert found.rows() == [
        ("1", "Ñandú", "00123"),
        ("2", None, "123"),
        ("3", " Hill", "1.5"),
        ("90071992547409931234", None, "true"),
    ]


def test_no_rows_are_believed_only_where_the_count_says_so(stand: Callable[..., Stand], tmp_path: Path) -> None:
    none = stand(0)
    assert none.client.rows(STUDENTS, ARGS, tmp_path / "none") == 0
    assert read(tmp_path / "none").shape == (0, 3)

    empty = stand(3, says=instead(of_json(EMPTY), where="pagesize"))
    with pytest.raises(IncompleteExtract, match="page 1 has 0 rows instead of 3"):
        empty.client.rows(STUDENTS, ARGS, tmp_path / "empty")
    assert not (tmp_path / "empty").exists()


def test_rows_where_the_count_says_there_are_none_are_not_believed_either(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(3, says=instead(of_json({"count": 0}), where="count"))
    with pytest.raises(IncompleteExtract):
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")


def test_a_short_page_is_an_error(stand: Callable[..., Stand], tmp_path: Path) -> None:
    short = of_json({"record": students(8)[4:7]})
    here = stand(10, says=instead(short, where="page=2"))
    with pytest.raises(IncompleteExtract, match="page 2 has 3 rows instead of 4"):
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_row_that_comes_twice_hides_one_that_does_not_come(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(10, says=instead(of_json({"record": students(7)[3:7]}), where="page=2"))
    with pytest.raises(IncompleteExtract, match="1 of 10 rows came twice"):
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")


def test_a_query_is_read_anew_when_a_row_came_meanwhile(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(10)

    def one_more(path: str, asked: Asked) -> Reply | None:
        if "page=3" in asked.path and len(here.school.rows[STUDENTS.name]) == 10:
            here.school.rows[STUDENTS.name] = students(13)
        return None

    here.school.says = one_more
    assert here.client.rows(STUDENTS, ARGS, tmp_path / "s") == 13
    assert read(tmp_path / "s")["student_dcid"].n_unique() == 13


def test_a_query_that_never_holds_still_is_given_up(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(10)

    def grows(path: str, asked: Asked) -> Reply | None:
        if path.endswith("/count"):
            here.school.rows[STUDENTS.name] = students(len(here.school.rows[STUDENTS.name]) + 1)
        return None

    here.school.says = grows
    with pytest.raises(IncompleteExtract, match="rows came or went while they were read, 3 times"):
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_server_that_gives_smaller_pages_than_asked_is_still_read_whole(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(250, page=200, limit=100)
    assert here.client.rows(STUDENTS, ARGS, tmp_path / "s") == 250
    assert read(tmp_path / "s")["student_dcid"].n_unique() == 250


def test_pages_that_an_interrupted_attempt_left_are_not_asked_for_again(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(10, says=instead(Reply(0), where="page=3"), limits={"tries": 1, "at_once": 1})
    with pytest.raises(SourceUnavailable):
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    here.school.says = lambda path, asked: None
    here.server.asked.clear()
    seen: list[tuple[int, int]] = []
    assert here.another().rows(STUDENTS, ARGS, tmp_path / "s", lambda done, promised: seen.append((done, promised))) == 10
    query = f"/ws/schema/query/{STUDENTS.name}"
    assert here.asked("page=") == [f"{query}?pagesize=1&page=8", f"{query}?pagesize=4&page=3"]
    assert seen == [(8, 10), (10, 10)]


@pytest.mark.parametrize("gap", [1, 2, 3])
@pytest.mark.parametrize(("went", "came"), [(2, 11), (10, 0)])
def test_a_row_that_came_and_one_that_went_between_two_attempts_push_no_third_out(
    stand: Callable[..., Stand], tmp_path: Path, gap: int, went: int, came: int
) -> None:
    here = stand(10)
    here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    (tmp_path / "s" / f"page-{gap:06}.parquet").unlink()
    there = here.school.rows[STUDENTS.name]
    made = [row for row in there if row["student_dcid"] != str(went)] + [{"student_dcid": str(came), "last_name": "New"}]
    here.school.rows[STUDENTS.name] = sorted(made, key=lambda row: int(row["student_dcid"]))

    here.another().rows(STUDENTS, ARGS, tmp_path / "s")

    stayed = {row["student_dcid"] for row in there} - {str(went)}
    assert stayed <= set(read(tmp_path / "s")["student_dcid"])


@pytest.mark.parametrize("change", ["count", "args", "page", "broken", "day"])
def test_pages_that_answer_another_question_are_not_used(
    stand: Callable[..., Stand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    here = stand(10)
    here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    here.server.asked.clear()
    if change == "count":
        here.school.rows[STUDENTS.name] = students(11)
    if change == "broken":
        (tmp_path / "s" / "asked.json").write_text('{"query": ')
    if change == "day":
        tomorrow = clock.now() + timedelta(days=1)
        monkeypatch.setattr("rollbook.lib.clock.now", lambda: tomorrow)
    args = {"yearid": "36"} if change == "args" else ARGS
    again = here.another(5) if change == "page" else here.client
    # The size of the pages may differ: what is there was cut otherwise, and is whole.
    assert again.rows(STUDENTS, args, tmp_path / "s") == (11 if change == "count" else 10)
    assert len(here.asked("page=")) == (0 if change == "page" else 3)


@pytest.mark.parametrize(
    "found",
    [
        [{"other": "1"}, {"other": "2"}],
        [{"student_dcid": {"a": 1}}, {"student_dcid": "2"}],
        [["1"], ["2"]],
        ["1", "2"],
        [None, None],
        {"student_dcid": "1"},
        "text",
        7,
        [{"student_dcid": "1", "last_name": "\ud800"}, {"student_dcid": "2"}],
        [{"last_name": "Hill"}, {"student_dcid": "2"}],
    ],
)
def test_rows_of_another_form_are_no_rows(stand: Callable[..., Stand], tmp_path: Path, found: Any) -> None:
    here = stand(2, says=instead(of_json({"record": found}), where="page="))
    with pytest.raises(SourceError) as broken:
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    assert "Hill" not in broken.value.sentence


# Faults on the way


def test_a_token_is_asked_for_once(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(10)
    here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    here.client.count(SCHOOLS, ARGS)
    assert len(here.asked("token")) == 1
    login = next(each for each in here.server.asked if "token" in each.path)
    assert login.body == b"grant_type=client_credentials"
    assert login.headers["authorization"] == "Basic aWQtMTpodW50ZXIy"


def test_a_token_that_dies_on_the_way_is_renewed_once(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(40, tokens=["first", "second"])  # this school honours the next one that it would give
    assert here.client.rows(STUDENTS, ARGS, tmp_path / "s") == 40
    assert len(here.asked("token")) == 2


@pytest.mark.parametrize("life", [300, "300"], ids=["a number", "a text"])
def test_a_token_whose_time_is_over_is_not_used_again(
    stand: Callable[..., Stand], tmp_path: Path, life: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = of_json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": life})
    here = stand(40, says=instead(token, where="token"))
    here.client.rows(STUDENTS, ARGS, tmp_path / "one")
    now = clock.now()
    for later, tokens in ((299, 1), (301, 2)):
        monkeypatch.setattr(clock, "now", lambda later=later: now + timedelta(seconds=later))
        here.client.rows(STUDENTS, ARGS, tmp_path / str(later))
        assert len(here.asked("token")) == tokens


def test_a_token_that_is_never_honoured_ends_in_one_sentence(stand: Callable[..., Stand]) -> None:
    here = stand(says=instead(Reply(401, b"", EXPIRED), where="query"))
    with pytest.raises(SourceRefused, match=r"no longer takes the token.*The access token has expired") as refused:
        here.client.count(STUDENTS, ARGS)
    assert "Data Provider Configuration" in refused.value.next_step
    assert len(here.asked("token")) == 2
    with pytest.raises(SourceRefused):
        here.client.count(STUDENTS, ARGS)
    assert len(here.asked("token")) == 2, "not once more"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(0),
        Reply(200, b'{"record": [', cut=4),
        Reply(429, b"", {"Retry-After": "2"}),
        Reply(503),
        of_json({"message": "Too many requests, please wait 2 seconds"}, 403),
        Reply(200, b'{"record":[{"student_dcid":"1"},{"stu'),
    ],
    ids=["dropped", "cut", "429", "503", "too many in words", "truncated"],
)
def test_what_passes_is_waited_for(stand: Callable[..., Stand], tmp_path: Path, reply: Reply) -> None:
    here = stand(10, says=instead(reply, where="page=2", times=2))
    assert here.client.rows(STUDENTS, ARGS, tmp_path / "s") == 10
    assert len(here.asked("page=2")) == 3
    assert len([pause for pause in here.pauses if pause >= 0.5]) >= 2


@pytest.mark.parametrize(
    "reply",
    [
        UNAVAILABLE,
        Reply(302, b"", {"Location": "/unavailable.html"}),
        Reply(200, b"<html></html>", HTML),
        Reply(500, b"<html></html>", HTML),
        Reply(502),
        Reply(429),
        Reply(0),
        Reply(200, b'{"record":[{"student_dcid":"1"},{"stu'),
        Reply(200, b'{"record":[}'),
        Reply(200, b""),
    ],
    ids=["unavailable", "302", "page", "500", "502", "429", "dropped", "truncated", "no json", "nothing"],
)
def test_what_stays_is_an_error_that_another_night_may_mend(stand: Callable[..., Stand], tmp_path: Path, reply: Reply) -> None:
    here = stand(10, says=instead(reply, where="page=2"))
    with pytest.raises(SourceError) as error:
        here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    assert error.value.retryable
    assert error.value.sentence.count("The roster is as it was.") == 1
    assert "when asked for Students" in str(error.value)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, b"<results/>", {"Content-Type": "text/xml"}), SourceBroken),
        (of_json({"message": "Missing argument", "errors": [{"field": "yearid", "code": "required"}]}, 400), SourceBroken),
        (of_json({"errorMessage": {"message": "HTTP 405 Method Not Allowed"}}, 405), SourceBroken),
        (of_json([]), SourceError),
    ],
    ids=["xml", "400", "405", "list"],
)
def test_what_no_night_mends_is_said_at_once(stand: Callable[..., Stand], reply: Reply, kind: type[SourceError]) -> None:
    here = stand(says=instead(reply, where="count"))
    with pytest.raises(kind):
        here.client.count(STUDENTS, ARGS)


@pytest.mark.parametrize("count", ["x", None, -1, 1.5, True, [3]])
def test_a_count_that_is_no_number_is_not_a_count(stand: Callable[..., Stand], count: Any) -> None:
    with pytest.raises(SourceBroken, match="did not say how many rows"):
        stand(says=instead(of_json({"count": count}), where="count")).client.count(STUDENTS, ARGS)


@pytest.mark.parametrize("reply", [{}, {"access_token": True}, {"access_token": "a\nb"}, {"access_token": ""}])
def test_a_token_that_is_none_goes_into_no_header(stand: Callable[..., Stand], reply: Any) -> None:
    with pytest.raises(SourceBroken, match="answered without a token"):
        stand(says=instead(of_json(reply), where="token")).client.token()


# Test connection: each fault is told from every other


def test_a_connection_that_works_is_described(stand: Callable[..., Stand]) -> None:
    here = stand(1234)
    assert here.client.check([SCHOOLS, STUDENTS], ARGS) == [
        f"127.0.0.1:{here.server.port} is a PowerSchool, version 25.2.0.0.",
        "It takes the client ID and the client secret.",
        "It lets us read all 2 queries: schools 1, students 1,234.",
    ]
    assert not here.asked("pagesize"), "no row is read"
    assert "authorization" not in here.server.asked[0].headers, "who it is, is seen before a secret is sent"


NO_FIELDS = {
    "message": "Validation Failed",
    "errors": [
        {"resource": STUDENTS.name, "field": "students.guardianemail", "code": "No access to the field"},
        {"resource": STUDENTS.name, "field": "STUDENTS.Student_Web_Id", "code": "No access to the field"},
    ],
}
NO_QUERY = {"message": "Query not found"}
V1 = {"errorMessage": {"message": "The plugin does not have access to v1"}}


@pytest.mark.parametrize(
    ("where", "reply", "kind", "says", "do"),
    [
        ("token", of_json({"error": "invalid_client"}, 401), SourceRefused, "turned down the client ID or", "copy both again"),
        (
            "token",
            of_json({"error": "invalid_client"}, 400),
            SourceRefused,
            "at the token address: invalid_client",
            "Data Provider",
        ),
        ("token", Reply(429, b"", {"Retry-After": "45"}), SourceUnavailable, "wait 45 seconds", "Minimum time interval"),
        ("count", of_json({"message": "Too many requests. Wait 7 seconds."}, 429), SourceUnavailable, "wait 7 seconds", "again"),
        ("core", of_json(NO_QUERY, 404), SourceRefused, "none of the plugin's queries (404)", "tick Enable/Disable"),
        (
            "students",
            of_json(NO_QUERY, 404),
            SourceRefused,
            "does not know the queries for Students",
            "Download the plugin again",
        ),
        (
            "core",
            of_json(NO_FIELDS, 403),
            SourceRefused,
            "for Schools: students.guardianemail, students.student_web_id; for Students: students.guardianemail",
            "untick Enable/Disable",
        ),
        ("count", of_json({"message": "Forbidden"}, 403), SourceRefused, "does not allow", "list of fields is confirmed"),
        ("count", Reply(401, b"", EXPIRED), SourceRefused, "no longer takes the token", "regenerated"),
        ("count", of_json(V1, 401), SourceRefused, "/ws/v1", "access level of the v1 API to read"),
        ("metadata", of_json({"message": "Resource not found"}, 404), SourceError, "does not look like a PowerSchool", "Setup"),
        ("metadata", Reply(404, b"<html></html>", HTML), SourceError, "does not look like a PowerSchool", "without /admin"),
        ("metadata", Reply(200, b"<title>Shop</title>", HTML), SourceError, "does not look like a PowerSchool", "Setup"),
        ("metadata", of_json({"hello": "there"}), SourceError, "does not look like a PowerSchool", "Setup"),
        ("metadata", UNAVAILABLE, SourceUnavailable, "shows a page instead of rows", "again"),
        ("metadata", Reply(302, b"", {"Location": "/unavailable.html"}), SourceUnavailable, "shows a page", "again"),
        (
            "metadata",
            Reply(301, b"", {"Location": "https://ps2.example.org/?x=1"}),
            SourceError,
            "sends us on to ps2.example.org",
            "enter it under Setup",
        ),
        ("metadata", Reply(503), SourceUnavailable, "in trouble (503 at /ws/v1/metadata)", "again"),
        ("metadata", Reply(0), SourceUnavailable, "broke off at /ws/v1/metadata", "again"),
        (
            "metadata",
            of_json({"metadata": {"powerschool_version": "1"}}),
            SourceRefused,
            "does not know the plugin",
            "is enabled",
        ),
        ("metadata", Reply(200, b"{" + b" " * 3000 + b"}"), SourceBroken, "more than we take in one answer", "Setup"),
    ],
)
def test_every_fault_of_a_connection_has_its_own_sentence(
    stand: Callable[..., Stand], where: str, reply: Reply, kind: type[SourceError], says: str, do: str
) -> None:
    here = stand(says=instead(reply, where=where), limits={"tries": 2, "patience": 20.0, "body": 2000})
    with pytest.raises(kind) as error:
        here.client.check([SCHOOLS, STUDENTS], ARGS)
    assert says in str(error.value)
    assert do in error.value.next_step
    assert type(error.value).__mro__.index(SourceError) <= 2
    assert error.value.retryable is (kind is SourceUnavailable)


def test_a_host_that_is_not_there_is_told_from_one_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    http = Http(allowed=["127.0.0.1"], trust=NOBODY, limits=Limits(tries=1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        with pytest.raises(SourceUnavailable, match=r"takes no connection \(connection refused\)"):
            PowerSchool(f"https://127.0.0.1:{taken.getsockname()[1]}", "id", SECRET, http).check([], {})
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceError, match=r"The name ps\.example\.org has no address") as error:
        PowerSchool("https://ps.example.org", "id", SECRET, http).check([], {})
    assert not error.value.retryable
    http.close()


def test_an_address_inside_is_told_with_the_setting_that_opens_it() -> None:
    http = Http(trust=NOBODY)
    with pytest.raises(SourceError, match="leads into the network") as error:
        PowerSchool("https://169.254.169.254", "id", SECRET, http).check([], {})
    assert "ROLLBOOK_ALLOWED_NETWORKS" in error.value.next_step
    http.close()


def test_no_tls_is_told_from_a_certificate_that_is_wrong(tmp_path: Path) -> None:
    http = Http(allowed=["127.0.0.1"], trust=NOBODY, limits=Limits(tries=1))
    with Answering(lambda asked: Reply()) as plain, pytest.raises(SourceError, match="not over TLS"):
        PowerSchool(f"https://127.0.0.1:{plain.port}", "id", SECRET, http).check([], {})
    with Answering(lambda asked: Reply(), write_certificate(tmp_path, "127.0.0.1")) as signed:
        with pytest.raises(SourceError, match="is not to be trusted: self-signed certificate"):
            PowerSchool(signed.url, "id", SECRET, http).check([], {})
        assert not signed.asked
    http.close()


def test_who_says_nothing_is_told_from_who_is_not_there(stand: Callable[..., Stand]) -> None:
    over = threading.Event()

    def silent(path: str, asked: Asked) -> Reply:
        over.wait(10)
        return Reply()

    here = stand(says=silent, limits={"read": 0.1, "tries": 1})
    with pytest.raises(SourceUnavailable, match="did not answer in time at /ws/v1/metadata"):
        here.client.check([STUDENTS], ARGS)
    over.set()


# The secret


def test_the_secret_and_the_token_are_nowhere(
    stand: Callable[..., Stand], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even if PowerSchool, or who stands in its place, says them back to us."""
    caplog.set_level(logging.DEBUG)
    here = stand(10)
    said = [repr(here.client), str(here.client), repr(here.http)]
    here.client.check([STUDENTS], ARGS)
    here.client.rows(STUDENTS, ARGS, tmp_path / "s")
    echo = f"no {SECRET}, no {TOKEN}, no Basic aWQtMTpodW50ZXIy"
    fields = [{"field": f"students.{SECRET}"}, {"field": TOKEN}]
    for where, reply in [
        ("token", of_json({"error": "invalid_client", "error_description": f"no {SECRET}"}, 401)),
        ("count", of_json({"message": echo, "errors": fields}, 400)),
        ("count", of_json({"message": echo, "errors": fields}, 403)),
        ("count", Reply(401, b"", {"WWW-Authenticate": f'Bearer error="invalid_token",error_description="{echo}"'})),
        ("count", Reply(302, b"", {"Location": f"https://{SECRET}.example/"})),
        ("count", Reply(500, echo.encode())),
        ("count", Reply(0)),
    ]:
        here.school.says = instead(reply, where=where)
        with pytest.raises(SourceError) as error:
            here.another().count(STUDENTS, ARGS)
        said += [error.value.sentence, repr(error.value), repr(error.value.__cause__), repr(error.value.__context__)]
    kept = [path.read_bytes() for path in (tmp_path / "s").iterdir()]
    for secret in (SECRET, TOKEN, "aWQtMTpodW50ZXIy"):
        assert not [text for text in [*said, caplog.text] if secret in text]
        assert not [each for each in kept if secret.encode() in each]


def test_what_a_stranger_says_does_not_fill_a_page(stand: Callable[..., Stand]) -> None:
    errors = [{"field": f"students.f{number}{'x' * 500}"} for number in range(500)]
    here = stand(says=instead(of_json({"message": "a\nb\x1b[31m" * 500, "errors": errors}, 403), where="count"))
    with pytest.raises(SourceRefused) as refused:
        here.client.count(STUDENTS, ARGS)
    assert "and 460 more" in str(refused.value)
    assert str(refused.value).isprintable()
    here.school.says = instead(of_json({"message": "a\nb\x1b[31m" * 500}, 403), where="count")
    with pytest.raises(SourceRefused) as refused:
        here.client.count(STUDENTS, ARGS)
    assert len(str(refused.value)) < 400 and str(refused.value).isprintable()
