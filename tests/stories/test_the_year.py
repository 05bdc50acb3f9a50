"""The fear of summer: a year ends, another begins, and nobody must be lost in between."""

import pytest

from tests.district import Files, Grove, course, enrollment, section, small, term


def next_year() -> Files:
    """The same people, one grade up: all terms, classes and places are new."""
    files = small(12)
    files["academicSessions"] = [
        term("y28", type="schoolYear", startDate="2027-08-01", endDate="2028-08-01", parentSourcedId="", schoolYear="2028"),
        term("t8", startDate="2027-08-01", endDate="2028-01-15", parentSourcedId="y28", schoolYear="2028"),
    ]
    files["courses"] = [course("c8", schoolYearSourcedId="y28")]
    files["classes"] = [section("n1", courseSourcedId="c8", termSourcedIds="t8")]
    files["enrollments"] = [
        enrollment("n1", "t1", "teacher", primary="true"),
        *(enrollment("n1", f"p{number}") for number in range(1, 13)),
    ]
    return files


def test_summer_rollover_waits_for_a_person_and_keeps_everybody(district: Grove) -> None:
    district.applies(small(12))
    people = {one: district.one("person", one).uuid for one in district.rows("person")}
    before = district.everything()

    run = district.sends(next_year())

    assert run.state == "held" and district.everything() == before
    assert run.counts["person"]["vanish"] == 0
    done = district.approves(run)
    assert done.state == "applied"
    assert {one: district.one("person", one).uuid for one in district.rows("person")} == people
    assert set(district.rows("section")) == {"n1"} and set(district.rows("academic_session")) == {"y28", "t8"}
    assert district.one("section", "k1").status == "inactive"  # last year's classes can still be read


def test_the_old_year_comes_back_with_one_undo(district: Grove) -> None:
    district.applies(small(12))
    before = district.roster()
    run = district.approves(district.sends(next_year()))

    undone = district.undoes(run)
    undone = district.approves(undone) if undone.state == "held" else undone

    assert undone.state == "applied"
    assert district.roster() == before


@pytest.mark.parametrize("moved", [{"startDate": "2026-08-08"}, {"endDate": "2027-01-22"}])
def test_a_term_whose_dates_move_by_a_week_moves_many_classes(district: Grove, moved: dict[str, str]) -> None:
    files = small()
    files["classes"] = [section(f"k{number}") for number in range(1, 25)]
    district.applies(files)
    files["academicSessions"] = [files["academicSessions"][0], term("t1", **moved), files["academicSessions"][2]]

    run = district.sends(files)

    assert run.state == "held"
    assert any("24 of 24 classes" in reason and "dates" in reason for reason in run.reasons), run.reasons
