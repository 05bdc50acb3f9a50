"""The fear that a part of the data is taken for the whole."""

from pathlib import Path

import pytest

from tests.district import Grove, edited, small, without, write


def test_half_a_file_holds_the_run(district: Grove) -> None:
    district.imports(people=300)
    before = district.everything()

    run = district.imports(people=250)

    assert run.state == "held"
    assert "50 of 150 students of Maple Grove High would become inactive (33.3 %, limit 10 %)" in run.reasons
    assert "Nothing has been changed" in run.message
    assert district.everything() == before
    assert run.exit_code == 3


def test_a_missing_file_is_not_an_empty_file(imported: Grove) -> None:
    """The manifest announces enrollments.csv; it is not there: nothing of this package is believed."""
    before = imported.everything()
    write(imported.folder, small())
    (imported.folder / "enrollments.csv").unlink()

    run = imported.runs()

    assert run.state == "failed"
    assert "enrollments.csv" in run.message and "The roster is as it was." in run.message
    assert run.exit_code == 4
    assert imported.everything() == before


@pytest.mark.parametrize(
    "left", ["", "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,givenName,familyName\n"]
)
def test_an_empty_file_is_never_read_as_everybody_left(imported: Grove, left: str) -> None:
    before = imported.everything()
    (imported.folder / "users.csv").write_text(left)

    run = imported.runs()

    assert run.state == ("held" if left else "failed")
    assert imported.everything() == before


def test_a_file_cut_in_the_middle_of_a_line_takes_nobody_away(district: Grove) -> None:
    district.imports(people=40)
    before = set(district.rows("person"))
    path = district.folder / "users.csv"
    text = path.read_bytes()
    path.write_bytes(text[: len(text) // 2 // 10 * 10 + 7])

    run = district.runs()

    assert run.state in ("held", "failed", "applied")
    assert set(district.rows("person")) == before


def test_nothing_at_all_at_the_path_changes_nothing(imported: Grove) -> None:
    before = imported.everything()
    for each in imported.folder.iterdir():
        each.unlink()
    Path.rmdir(imported.folder)

    run = imported.runs()

    assert run.state == "failed" and str(imported.folder) in run.message
    assert run.next_step and imported.everything() == before


def test_an_invalid_row_never_makes_its_person_leave(imported: Grove) -> None:
    files = small()
    for one, wrong in {
        "p1": {"familyName": ""},
        "p2": {"enabledUser": "perhaps"},
        "p3": {"role": "wizard"},
        "p4": {"orgSourcedIds": "nowhere"},
    }.items():
        files["users"] = edited(files["users"], one, **wrong)

    run = imported.applies(files)

    assert {"p1", "p2", "p3", "p4"} <= set(imported.rows("person"))
    assert {f"p{n}|s1|student" for n in range(1, 5)} <= set(imported.rows("role"))
    assert set(imported.rows("enrollment")) == {each["sourcedId"] for each in files["enrollments"]}
    assert run.exit_code == 5
    errors = {each["sourced_id"]: each["level"] for each in imported.findings(run) if each["level"] == "error"}
    assert {"p1", "p2"} <= set(errors)


def test_a_school_left_out_is_named_as_the_cause(district: Grove) -> None:
    district.imports(people=60, students=60, leave_out=())
    before = district.everything()

    run = district.imports(people=60, students=60, leave_out=range(31, 61))

    assert run.state == "held"
    assert "All 30 students who would leave are at Maple Grove High" in run.cause
    assert "A school left out of an export looks just like this." in run.cause
    assert run.cause in run.message
    assert district.everything() == before


def test_a_school_that_is_no_longer_sent_holds_with_all_that_is_below_it(district: Grove) -> None:
    district.imports(people=60, students=60, leave_out=())
    from tests.district import read

    files = read(district.folder)
    files["orgs"] = without(files["orgs"], "maple-grove-hs")

    run = district.sends(files)

    assert run.state == "held"
    assert run.counts["section"]["vanish"] == 10 and run.counts["role"]["vanish"] == 40
    assert run.counts["enrollment"]["vanish"] > 60


def test_many_small_faults_hold_as_one_large_one(district: Grove) -> None:
    district.imports(people=60, students=60, leave_out=())

    run = district.imports(people=60, students=60, leave_out=(), edits={number: {"familyName": ""} for number in range(1, 9)})

    assert run.state == "held"
    assert any("8 of 80 rows of people would be left out as faulty (10.0 %, limit 5 %)" in reason for reason in run.reasons)
    assert run.counts["person"]["vanish"] == 0
