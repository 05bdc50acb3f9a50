"""Every word that a limit or a mail may need is there."""

from rollbook.domain.entities import ENTITIES
from rollbook.domain.gate import DEFAULTS, Kind
from rollbook.domain.words import (
    COUNTED,
    ENTITY_WORDS,
    KIND_OF_ROLE,
    KINDS_OF_PEOPLE,
    PEOPLE_WORDS,
    WOULD,
    counted,
    ended,
    left_out,
)


def test_every_entity_and_kind_has_its_words() -> None:
    assert {each.name for each in ENTITIES} == set(ENTITY_WORDS)
    assert set(KINDS_OF_PEOPLE) == set(PEOPLE_WORDS) and set(KIND_OF_ROLE.values()) | {"staff"} == set(KINDS_OF_PEOPLE)
    assert {each.value for each in Kind} == set(WOULD)
    assert all((each.entity, each.role) in COUNTED for each in DEFAULTS)


def test_one_is_not_many() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(0, "class", "classes") == "0 classes" and counted(1_200, "class", "classes") == "1,200 classes"


def test_a_question_ends_with_its_question_mark() -> None:
    assert ended("Did the source change its ids?") == "Did the source change its ids?"
    assert ended("Three would leave") == ended("Three would leave.") == "Three would leave."


def test_rows_that_were_left_out_are_counted_once_each_and_said_to_stay_only_where_they_do() -> None:
    kept = {"person": {"unfit": 1, "vanish": 0}, "org": {"vanish": 1, "unfit": 0}, "role": {"read": 3}}
    assert left_out(kept) == "1 row was left out as faulty; what the roster had of it stays as it was."
    gone = left_out(kept | {"section": {"unfit": 2, "vanish": 2}})
    assert gone.startswith("3 rows were left out as faulty; ") and "then it leaves too, and is counted as removed." in gone
    assert left_out({"person": {"unfit": 0, "vanish": 3}}) == ""


def test_parents_come_first() -> None:
    seen: set[str] = set()
    for each in ENTITIES:
        seen.add(each.name)
        assert {column.refers_to for column in each.references} <= seen
