"""The fear that a teacher who is also a parent is made one person behind everybody's back, or turns into somebody new."""

from pathlib import Path

import pytest

from rollbook.actions import sources
from rollbook.actions.export import export
from rollbook.domain.errors import ConfigError
from tests.district import Files, Grove, as_1_2, edited, enrollment, minus, plus, read, small, user

#: g1 is the parent of p1 and teaches as t1.
SAME = {"givenName": "Tina", "familyName": "Tester", "username": "tina"}


def both() -> Files:
    files = small()
    for one in ("t1", "g1"):
        files["users"] = edited(files["users"], one, **SAME)
    return plus(files, users=[user("a1", "aide", "s2")], enrollments=[enrollment("k2", "g1", "proctor", "s2")])


def answers(district: Grove, answer: str) -> None:
    sources.change(district.ada, district.source, {"path": str(district.folder), "two_rows": answer})


def roles(district: Grove, person: str) -> set[str | None]:
    return {each["role"] for each in district.rows("role").values() if each["person"] == person}


def test_until_somebody_answers_each_import_waits_and_a_yes_keeps_two_people(district: Grove) -> None:
    first = district.sends(both())
    assert first.state == "held"
    assert "1 person seems to have a row for each role" in first.reasons[0]

    assert district.approves(first).state == "applied"

    assert {"t1", "g1"} <= set(district.rows("person"))
    assert district.runs().state == "held", "the answer of one night is not the answer for all"
    answers(district, "apart")
    assert district.runs().state == "applied"
    assert {"t1", "g1"} <= set(district.rows("person"))


def test_an_answer_is_seen_although_the_files_are_those_of_last_night(district: Grove) -> None:
    district.applies(both())
    was = district.one("person", "t1")
    answers(district, "join")

    run = district.runs()

    assert district.changes(run, "person") == {"g1": "vanish"}
    assert district.changes(run, "enrollment") == {"g1.k2": "alter"}
    run = district.approves(run) if run.state == "held" else run
    assert district.one("person", "t1").uuid == was.uuid
    assert roles(district, "t1") == {"teacher", "parent"}
    assert district.rows("enrollment")["g1.k2"]["person"] == "t1"
    assert set(district.rows("guardianship")) == {"p1|t1|parent"}
    assert not district.findings(run, "username_used_twice", "two_primary_roles")
    assert [each["level"] for each in district.findings(run, "two_rows_joined")] == ["note"]


def test_a_second_night_changes_nothing_in_whatever_order_the_rows_come(district: Grove) -> None:
    answers(district, "join")
    district.applies(both())
    before = district.everything()
    again = both()
    again["users"].reverse()

    same, turned = district.runs(), district.sends(again)

    assert same.state == turned.state == "applied"
    assert district.everything() == before


def test_the_parent_leaves_and_the_teacher_stays_the_same_person(district: Grove) -> None:
    answers(district, "join")
    district.applies(both())
    was = district.one("person", "t1")

    run = district.applies(minus(both(), "g1"))

    assert district.changes(run, "person") == {}
    assert district.changes(run, "role") == {"t1|s1|parent": "vanish"}
    assert district.one("person", "t1").uuid == was.uuid


def test_the_teacher_leaves_and_the_parent_goes_on_under_the_id_of_its_own_row(district: Grove) -> None:
    answers(district, "join")
    district.applies(both())

    district.applies(minus(both(), "t1"))

    assert district.one("person", "t1").status == "inactive"
    assert roles(district, "g1") == {"parent"}
    assert set(district.rows("guardianship")) == {"p1|g1|parent"}
    assert district.rows("enrollment")["g1.k2"]["person"] == "g1"
    district.applies(both())
    assert district.one("person", "g1").status == "inactive"
    assert roles(district, "t1") == {"teacher", "parent"}


def test_who_was_joined_is_exported_as_one_and_comes_back_unchanged(district: Grove, tmp_path: Path) -> None:
    answers(district, "join")
    district.applies(both())
    before = district.roster()
    with pytest.raises(ConfigError, match="1 person has several roles, such as 't1'"):
        export(district.ada, "oneroster-1.1-csv", tmp_path / "old")
    export(district.ada, "oneroster-1.2-csv", tmp_path / "new")

    run = district.applies(read(tmp_path / "new"))

    assert not any(district.changes(run, name) for name in before)
    assert district.roster() == before


def test_a_district_that_goes_to_1_2_is_not_asked(district: Grove) -> None:
    run = district.sends(as_1_2(both()))

    assert not [reason for reason in run.reasons if "a row for each role" in reason]
    assert {"t1", "g1"} <= set(district.rows("person", None))
