"""The models are written out by hand; they have exactly the columns of the one table, and every key begins with the district."""

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from rollbook.domain.entities import ENTITIES, Entity
from rollbook.store.fields import KeyField
from rollbook.store.models import MODELS
from tests.house.files import SRC

OWN = {"id", "district", "source", "sourced_id", "uuid", "status", "last_run", "changed_at"}


def test_every_entity_has_a_model_and_no_other() -> None:
    assert list(MODELS) == [each.name for each in ENTITIES]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda each: each.name)
def test_the_columns_of_a_model_are_those_of_its_entity_in_their_order(entity: Entity) -> None:
    fields = [field.name for field in MODELS[entity.name]._meta.get_fields() if field.name not in OWN]
    assert fields == list(entity.names)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda each: each.name)
def test_what_is_required_may_still_be_missing_and_what_points_is_compared_byte_by_byte(entity: Entity) -> None:
    for column in entity.columns:
        field = MODELS[entity.name]._meta.get_field(column.name)
        assert field.null, "a row keeps what it had where a column is not offered"
        assert isinstance(field, KeyField) == bool(column.refers_to and not column.many), column.name


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda each: each.__name__)
def test_every_key_and_index_begins_with_the_district(model: type[models.Model]) -> None:
    named = [[str(each) for each in unique.expressions] or list(unique.fields) for unique in model._meta.constraints]  # type: ignore[attr-defined]
    assert named and all("district" in each[0] for each in named)
    for index in model._meta.indexes:
        assert index.fields[0] == "district"
    for field in model._meta.fields:
        assert field.primary_key or not field.unique
        if isinstance(field, models.ForeignKey):
            assert not field.db_constraint and not field.db_index
            assert field.related_model not in MODELS.values(), "rows point to each other by the source's keys"


@pytest.mark.django_db
@pytest.mark.parametrize("table", [f"roster_{each.name}" for each in ENTITIES])
def test_the_database_has_no_foreign_key_between_roster_tables_and_no_index_without_a_district(table: str) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    for name, each in found.items():
        assert not each["foreign_key"], name
        if each["index"] or each["unique"]:
            assert each["primary_key"] or each["columns"][0] in ("district_id", None), (name, each)


@pytest.mark.django_db
def test_every_statement_of_the_store_on_a_roster_table_asks_for_the_district() -> None:
    import polars as pl

    from rollbook.store.roster import Roster

    keys = pl.Series(["a", "b"])
    with CaptureQueriesContext(
        connection,
    ) as seen:
        roster = Roster(1, 1)
        roster.counts()
        roster.sections(keys)
        for entity in ENTITIES:
            (
                roster.holds(entity),
                roster.rows(entity, keys),
                list(roster.active(entity, entity.names)),
                roster.last_written(entity, keys, 1),
            )
            for column in entity.references:
                roster.children(entity, column.name, keys)
    assert len(seen) > 30
    for each in seen.captured_queries:
        asked = each["sql"].count("FROM") - each["sql"].count("FROM (")
        assert each["sql"].count('"district_id" = ') >= each["sql"].count('"source_id" = ') >= 1, each["sql"]
        assert asked


def test_a_join_of_roster_tables_names_the_district() -> None:
    for path in (SRC / "store").glob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if " JOIN " in line and "roster_" in line:
                assert "district_id" in line, f"{path.name}:{number}"
