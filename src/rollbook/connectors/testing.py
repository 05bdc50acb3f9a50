"""What every connector promises, as tests to inherit: a new one is tested before its author writes a test."""

# ruff: noqa: S101 (these are tests)
from collections.abc import Iterator

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rollbook.connectors.protocol import FAULTS, ROW, Connector, Extract
from rollbook.domain.entities import BY_NAME, ENTITIES
from rollbook.domain.findings import Level

#: Put it where the source has its secrets. It must not come out anywhere.
SECRET = "hunter2"  # noqa: S105


class ConnectorPromises:
    """Six promises. A subclass says how to build its connector, over a source that has some rows and SECRET among its secrets."""

    def connector(self) -> Connector:
        raise NotImplementedError

    @pytest.fixture
    def given(self) -> Iterator[Connector]:
        connector = self.connector()
        yield connector
        connector.close()

    def test_the_probe_answers_in_a_sentence(self, given: Connector) -> None:
        sentence = given.probe().sentence

        assert sentence.endswith(".")
        assert len(sentence.split()) > 3

    def test_rows_hold_only_columns_that_the_roster_knows(self, given: Connector) -> None:
        assert given.offers()
        assert given.offers() <= BY_NAME.keys()
        for entity, extract in extracts(given):
            schema = extract.frame.collect_schema()
            assert set(ROW) <= set(schema) <= {*ROW, *BY_NAME[entity].names}
            assert {name: kind for name, kind in schema.items() if kind != pl.String} == {"line": pl.Int64}
            rows = extract.frame.collect()
            assert not rows.select(pl.any_horizontal((pl.col(pl.String) == "").any())).item(), "empty is null, never a text"
            faults = extract.faults.collect()
            assert dict(faults.schema) == dict(FAULTS)
            assert set(faults["level"]) <= {level.value for level in Level}
            assert set(faults["entity"]) <= {entity}

    def test_every_row_has_an_id_of_its_own(self, given: Connector) -> None:
        for entity, extract in extracts(given):
            ids = extract.frame.select("sourced_id").collect()["sourced_id"]
            assert len(ids) > 0, f"a source without any {entity} proves nothing"
            assert ids.null_count() == 0
            assert ids.is_unique().all()

    def test_what_is_promised_is_delivered(self, given: Connector) -> None:
        for _, extract in extracts(given):
            if extract.promised is not None:
                assert extract.frame.select(pl.len()).collect().item() >= extract.promised

    def test_twice_is_the_same(self, given: Connector) -> None:
        other = self.connector()
        try:
            assert given.offers() == other.offers()
            for (_, first), (_, second) in zip(extracts(given), extracts(other), strict=True):
                assert first.fingerprint == second.fingerprint
                assert (first.partial, first.promised, first.questions()) == (second.partial, second.promised, second.questions())
                assert_frame_equal(first.frame.collect(), second.frame.collect(), check_row_order=False)
                assert_frame_equal(first.faults.collect(), second.faults.collect(), check_row_order=False)
        finally:
            other.close()

    def test_the_secret_is_nowhere(self, given: Connector) -> None:
        said = [repr(given), repr(vars(given)), repr(given.probe())]
        for _, extract in extracts(given):
            said += [repr(extract), extract.frame.collect().write_csv(), extract.faults.collect().write_csv()]

        assert not [text for text in said if SECRET in text]


def extracts(connector: Connector) -> Iterator[tuple[str, Extract]]:
    """Yield what a connector gives, entity by entity, parents first."""
    for entity in ENTITIES:
        if entity.name in connector.offers():
            yield entity.name, connector.extract(entity.name)
