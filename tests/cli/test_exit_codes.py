"""Scripts decide by exit codes: each one is met here, with what is said beside it."""

import json
from pathlib import Path
from typing import ClassVar

import pytest

from rollbook.connectors import registry
from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.sandbox.district import write_district
from rollbook.store.models import Run
from tests.cli.conftest import Desk
from tests.connectors.oneroster import bundles


@pytest.fixture
def small(desk: Desk, tmp_path: Path) -> Path:
    """Give the folder of a source called lincoln, with three people."""
    folder = bundles.write(tmp_path / "export", bundles.texts("1.2"))
    desk.adds("lincoln", folder)
    return folder


@pytest.mark.once
def test_nothing_to_do_is_done(desk: Desk, small: Path) -> None:
    assert desk.types("run", "lincoln").code == 0
    assert desk.types("run", "lincoln").code == 0


@pytest.mark.once
def test_a_typing_error_is_told_from_a_failure(desk: Desk, small: Path) -> None:
    for words in (("run", "linkoln"), ("show", 999), ("roster", "pupil"), ("export", "csv", "x"), ("frobnicate",), ("run",)):
        assert desk.types(*words).code == 2, words
    assert "known: lincoln" in desk.types("run", "linkoln").err


@pytest.mark.once
def test_every_wrong_setting_of_a_source_is_named_at_once(desk: Desk) -> None:
    said = desk.types("source", "add", "oneroster-csv", "x", "--set", "colour=red", "--json")
    assert said.code == 2
    assert set(said.json["fields"]) == {"colour", "path"}
    assert desk.types("source", "add", "oneroster-csv", "x", "--set", "path").code == 2
    assert desk.types("source", "add", "punch-cards", "x").code == 2


@pytest.mark.once
def test_a_source_that_is_not_there_writes_nothing(desk: Desk, small: Path) -> None:
    desk.sees("run", "lincoln")
    before = desk.sees("roster", "person")
    (small / "users.csv").unlink()

    for command in ("run", "plan"):
        failed = desk.sees(command, "lincoln", code=4)
        assert failed["state"] == "failed"
    said = desk.types("probe", "lincoln")
    assert (said.code, said.out) == (4, "")
    assert "The roster is as it was" in said.err
    assert desk.sees("roster", "person") == before


@pytest.mark.once
def test_faulty_rows_are_done_but_not_in_silence(desk: Desk, tmp_path: Path) -> None:
    write_district(tmp_path / "faulty", students=200, faults=True)
    desk.adds("lincoln", tmp_path / "faulty")
    run = desk.sees("run", "lincoln", code=5)
    assert run["state"] == "applied"
    assert run["findings"]["error"] > 0


@pytest.mark.once
def test_an_answer_that_comes_too_late_changes_nothing(desk: Desk, small: Path) -> None:
    run = desk.sees("run", "lincoln")
    for words in (("approve", run["run"]), ("reject", run["run"], "--because", "no")):
        late = desk.sees(*words, code=6)
        assert (late["run"], late["state"]) == (run["run"], "applied")
    assert desk.sees("undo", desk.sees("plan", "lincoln")["run"], code=6)["state"] == "held"


@pytest.mark.once
def test_a_preview_can_be_approved_only_while_it_is_the_newest(desk: Desk, small: Path) -> None:
    older = desk.sees("plan", "lincoln")
    newer = desk.sees("plan", "lincoln")
    desk.sees("approve", older["run"], code=6)
    assert desk.sees("approve", newer["run"])["state"] == "applied"


@pytest.mark.once
def test_a_disabled_source_does_not_run(desk: Desk, small: Path) -> None:
    assert desk.sees("source", "disable", "lincoln")["enabled"] is False
    assert desk.types("run", "lincoln").code == 6
    assert desk.sees("source", "enable", "lincoln")["enabled"] is True
    assert desk.types("run", "lincoln").code == 0


@pytest.mark.once
def test_a_script_gets_one_json_value_whatever_goes_wrong(desk: Desk, small: Path) -> None:
    for words in (
        *(("run", "nope"), ("show", 999), ("changes", 999), ("source", "show", "nope")),
        *(("run",), ("show", "abc"), ("runs", "--limit", 0), ("frobnicate",), ("reject", 1), ("sandbox", "district", "x")),
    ):
        said = desk.types(*words, "--json")
        assert json.loads(said.out)["exit_code"] == said.code == 2
        assert said.err


class Broken(OneRosterCsv):
    """A source in which something of ours breaks, or that a person interrupts."""

    error: ClassVar[BaseException] = ZeroDivisionError("Dana Doe, 5 Elm Street")

    def extract(self, entity: str) -> object:  # type: ignore[override]
        raise self.error


def test_our_own_fault_says_so_without_a_trace_and_without_a_row(
    desk: Desk, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "oneroster-csv", f"{__name__}:Broken")
    said = desk.types("run", "lincoln")
    assert said.code == 1
    assert "Traceback" not in said.out + said.err
    assert "Elm Street" not in said.out + said.err


def test_an_import_that_a_person_stops_does_not_stay_at_work(desk: Desk, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "oneroster-csv", f"{__name__}:Broken")
    monkeypatch.setattr(Broken, "error", KeyboardInterrupt())
    assert desk.types("run", "lincoln").code == 130
    assert desk.sees("run", "lincoln", code=130)["state"] == "failed"
    assert desk.sees("roster", "person") == []
    stopped = Run.objects.latest("pk")
    assert stopped.state == "failed"
    assert "stopped by hand" in stopped.message
    monkeypatch.undo()
    assert desk.types("run", "lincoln").code == 0


@pytest.mark.once
def test_two_outputs_do_not_share_one_stream(desk: Desk, small: Path) -> None:
    number = desk.sees("run", "lincoln")["run"]
    for listing in ("changes", "findings"):
        assert "--csv" in desk.sees(listing, number, "--csv", "-", code=2)["fields"]
        assert desk.types(listing, number, "--csv", "-").code == 0


@pytest.mark.once
def test_words_that_no_database_can_hold_are_refused(desk: Desk, small: Path, tmp_path: Path) -> None:
    for words in (
        ("runs", "--limit", "99999999999999999999"),
        ("show", "99999999999999999999"),
        ("run", "\udcff"),
        ("source", "add", "oneroster-csv", "\udcff", "--set", f"path={small}"),
        ("source", "add", "oneroster-csv", "two\nlines", "--set", f"path={small}"),
        ("lint", ""),
        ("sandbox", "district", tmp_path / "new", "--students", "99999999999999"),
    ):
        said = desk.types(*words)
        assert (said.code, said.out, "broke" in said.err) == (2, "", False), words
    assert [each["name"] for each in desk.sees("sources")] == ["lincoln"]
