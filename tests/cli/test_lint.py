"""A package is checked by itself, on any machine, before anybody imports it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rollbook.sandbox.district import write_district, write_next_day
from tests.cli.conftest import Desk
from tests.connectors.oneroster import bundles

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "oneroster"


@pytest.mark.parametrize("form", ["oneroster-1.1-csv", "oneroster-1.2-csv"])
def test_what_the_sandbox_writes_is_sound(tmp_path: Path, form: str) -> None:
    write_district(tmp_path / "a", students=120, form=form)
    write_next_day(tmp_path / "a", tmp_path / "b")
    for folder in ("a", "b"):
        found = Desk(tmp_path).sees("lint", tmp_path / folder)
        assert {finding["level"] for finding in found} <= {"note"}


def test_faults_are_found_with_their_lines(tmp_path: Path) -> None:
    files = bundles.texts("1.2")
    files["enrollments.csv"] = files["enrollments.csv"].replace("k1,s1,u2", "k9,s1,u2")
    path = bundles.write_zip(tmp_path / "export.zip", dict(files))
    (error,) = (each for each in Desk(tmp_path).sees("lint", path, code=5) if each["level"] == "error")
    assert (error["rule"], error["file"], error["line"]) == ("unknown_reference", "enrollments.csv", 3)
    assert "enrollments.csv line 3" in Desk(tmp_path).types("lint", path).out


def test_faults_are_named_by_the_headings_of_the_file(tmp_path: Path) -> None:
    files = bundles.texts("1.1")
    for name, old, new in (
        ("users.csv", "u3,09", "ghost,09"),
        ("users.csv", "Tester", ""),
        ("classes.csv", ",t1,", ",zzz,"),
        ("enrollments.csv", "e2,,,k1,", "e2,,,,"),
        ("enrollments.csv", "2027-01-15", "2026-01-15"),
    ):
        assert old in files[name]
        files[name] = files[name].replace(old, new)
    found = Desk(tmp_path).sees("lint", bundles.write(tmp_path / "export", dict(files)), code=5)
    messages = {each["field"]: each["message"] for each in found if each["level"] == "error"}
    assert messages["familyName"] == "users.csv line 2: familyName is empty. Every person needs one."
    assert "enrollments.csv line 3: classSourcedId is empty." in messages["classSourcedId"]
    assert messages["endDate"] == "enrollments.csv line 2: ends (2026-01-15) before it begins (2026-08-01)."
    assert "classes.csv line 2: termSourcedIds 'zzz' is neither" in messages["termSourcedIds"]
    assert "users.csv line 3: agentSourcedIds 'ghost' is neither" in messages["agentSourcedIds"]


def test_a_package_that_leaves_a_question_open_is_not_called_sound(tmp_path: Path) -> None:
    files = bundles.texts("1.2")
    del files["manifest.csv"]
    (question,) = Desk(tmp_path).sees("lint", bundles.write(tmp_path / "export", dict(files)))
    assert (question["level"], question["rule"]) == ("warning", "question")
    assert "manifest.csv" in question["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [("nowhere", "There is no folder and no file at {}"), ("empty", "There are no files of OneRoster in this folder")],
)
def test_what_cannot_be_read_is_not_called_sound(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    said = Desk(tmp_path).types("lint", tmp_path / path)
    assert (said.code, said.out) == (4, "")
    assert words.format(tmp_path / path) in said.err


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_change_file_that_says_it_is_complete_is_refused(tmp_path: Path, version: str) -> None:
    said = Desk(tmp_path).types("lint", SAMPLES / f"full-{version}")
    assert said.code == 4
    assert "tobedeleted (academicSessions.csv, line 2)" in said.err
    assert "Is this a change file?" in said.err


def test_linting_needs_no_database_no_key_and_no_data_folder(tmp_path: Path) -> None:
    bundles.write(tmp_path / "export", bundles.texts("1.1"))
    kept = tmp_path / "never"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLLBOOK_")}
    environment |= {"ROLLBOOK_DATA_DIR": str(kept), "ROLLBOOK_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-m", "rollbook", "lint", str(tmp_path / "export"), "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)
    assert not kept.exists()
