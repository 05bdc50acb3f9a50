"""Every word that a limit or a mail may need is there."""

from rollbook.domain.entities import ENTITIES
from rollbook.domain.gate import DEFAULTS, Kind
from rollbook.domain.words import COUNTED, ENTITY_WORDS, KIND_OF_ROLE, KINDS_OF_PEOPLE, PEOPLE_WORDS, WOULD, counted


def test_every_entity_and_kind_has_its_words() -> None:
    assert {each.name for each in ENTITIES} == set(ENTITY_WORDS)
    assert set(KINDS_OF_PEOPLE) == set(PEOPLE_WORDS) and set(KIND_OF_ROLE.values()) | {"staff"} == set(KINDS_OF_PEOPLE)
    assert {each.value for each in Kind} == set(WOULD)
    assert all((each.entity, each.role) in COUNTED for each in DEFAULTS)


def test_one_is_not_many() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(0, "class", "classes") == "0 classes" and counted(1_200, "class", "classes") == "1,200 classes"


def test_parents_come_first() -> None:
    seen: set[str] = set()
    for each in ENTITIES:
        seen.add(each.name)
        assert {column.refers_to for column in each.references} <= seen
