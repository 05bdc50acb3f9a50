"""The JSON that scripts rely on has the shapes of docs/reference/cli.md, and adds up."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from rollbook.domain.entities import ENTITIES
from rollbook.sandbox.district import write_district, write_next_day
from rollbook.store.models import Run
from tests.cli.conftest import Desk
from tests.connectors.oneroster import bundles
from tests.district import Grove, read, write
from tests.prepared import Past

RUN = [
    "run",
    "source",
    "state",
    "trigger",
    "started",
    "ended",
    "digest",
    "entities",
    "findings",
    "measures",
    "reasons",
    "message",
]
MEASURE = ["entity", "kind", "role", "scope", "count", "of", "percent", "limit_percent", "limit_count", "floor", "closed"]
CHANGE = ["entity", "kind", "sourced_id", "before", "after", "file", "line"]
FINDING = ["entity", "level", "rule", "file", "line", "field", "sourced_id", "message", "remedy", "count"]


def two_nights(district: Grove) -> None:
    first, second = (district.folder.parent / name for name in ("first", "second"))
    write_district(first, students=60)
    write_next_day(first, second, rate=0.08)
    for night in (first, second):
        write(district.folder, read(night))
        district.runs()


@pytest.fixture
def second_night(after: Callable[[Past], Grove], tmp_path: Path) -> tuple[Desk, int]:
    """A desk in a district of two nights, and the second import."""
    after(two_nights)
    return Desk(tmp_path), Run.objects.latest("pk").pk


def test_a_run_adds_up_for_every_entity(second_night: tuple[Desk, int]) -> None:
    desk, number = second_night
    run = desk.sees("show", number)
    assert list(run)[: len(RUN)] == RUN
    assert list(run["entities"]) == [entity.name for entity in ENTITIES]
    for n in run["entities"].values():
        assert n["read"] == n["appear"] + n["alter"] + n["return"] + n["same"] + n["unfit"]
    assert set(run["findings"]) == {"error", "warning", "note"}
    assert run["digest"].startswith("sha256:")
    assert run["measures"]
    assert all(list(measure) == MEASURE for measure in run["measures"])
    assert run in desk.sees("runs")


def test_every_change_has_what_stood_there_and_what_will(second_night: tuple[Desk, int]) -> None:
    desk, number = second_night
    run = desk.sees("show", number)
    changes = desk.sees("changes", number)
    assert all(list(change) == CHANGE for change in changes)
    for name, n in run["entities"].items():
        for kind in ("appear", "alter", "vanish", "return"):
            assert n[kind] == sum(change["entity"] == name and change["kind"] == kind for change in changes), (name, kind)
    by_kind = {change["kind"]: change for change in changes}
    assert by_kind["appear"]["before"] is None
    assert by_kind["vanish"]["after"] is None
    assert by_kind["alter"]["before"] != by_kind["alter"]["after"]
    assert by_kind["alter"]["file"].endswith(".csv")
    assert by_kind["alter"]["line"] > 1


def test_a_first_import_has_no_changes_to_lose_among_others(desk: Desk, tmp_path: Path) -> None:
    desk.adds("lincoln", bundles.write(tmp_path / "export", bundles.texts("1.1")))
    desk.sees("run", "lincoln")
    same = desk.sees("run", "lincoln")
    assert desk.sees("changes", same["run"]) == []
    assert "no changes" in desk.types("changes", same["run"]).out


def test_every_finding_names_its_place_and_its_remedy(desk: Desk, tmp_path: Path) -> None:
    files = bundles.texts("1.2")
    files["enrollments.csv"] = files["enrollments.csv"].replace("k1,s1,u2", "k9,s1,u2")
    desk.adds("lincoln", bundles.write(tmp_path / "export", files))
    run = desk.sees("run", "lincoln", code=5)
    findings = desk.sees("findings", run["run"])
    assert all(list(finding) == FINDING for finding in findings)
    (error,) = (finding for finding in findings if finding["level"] == "error")
    assert (error["entity"], error["file"], error["line"], error["sourced_id"]) == ("enrollment", "enrollments.csv", 3, "e2")
    assert "k9" in error["message"]
    assert error["remedy"]


def test_the_roster_is_an_array_in_the_order_of_its_keys(second_night: tuple[Desk, int]) -> None:
    desk, number = second_night
    run = desk.sees("show", number)
    for entity in ENTITIES:
        rows = desk.sees("roster", entity.name)
        assert [row["sourced_id"] for row in rows] == sorted(row["sourced_id"] for row in rows)
        fixed = {"source", "sourced_id", "uuid", "status", "last_run", "changed_at"}
        assert all(set(row) == fixed | set(entity.names) for row in rows)
        n = run["entities"][entity.name]
        active = desk.sees("roster", entity.name, "--status", "active", "--source", "lincoln")
        expected = n["read"] - n["unfit"] if run["state"] == "applied" else len(active)
        assert len(active) == expected
    row = desk.sees("roster", "person")[0]
    assert len(row["uuid"]) == 36
    assert row["changed_at"].endswith("Z")


def test_a_name_that_is_a_formula_does_not_run_in_a_spreadsheet(desk: Desk, tmp_path: Path) -> None:
    files = bundles.texts("1.2")
    files["users.csv"] = files["users.csv"].replace("Sam,Sample", '"=HYPERLINK(""x"")",@Sample').replace("sam,", "+sam,")
    desk.adds("lincoln", bundles.write(tmp_path / "export", files))
    run = desk.sees("run", "lincoln")
    for what in ("changes", "findings"):
        said = desk.types(what, run["run"], "--csv", tmp_path / f"{what}.csv")
        assert said.code == 0
        cells = [cell for row in csv.reader((tmp_path / f"{what}.csv").open()) for cell in row]
        assert cells
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell != "-"]
    assert "=HYPERLINK" in (tmp_path / "changes.csv").read_text()


def test_sources_are_told_without_their_secrets(desk: Desk, tmp_path: Path) -> None:
    desk.adds("Lincoln", tmp_path)
    (source,) = desk.sees("sources")
    assert source == desk.sees("source", "show", "lincoln")
    assert (source["name"], source["kind"], source["settings"]["path"]) == ("Lincoln", "oneroster-csv", str(tmp_path))
    assert source["told"] == ["dana@maple-grove.example"]
