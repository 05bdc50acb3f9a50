"""Reads a package and keeps what came of it, in the shapes that tests ask about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.connectors.protocol import Extract
from rollbook.connectors.testing import extracts
from rollbook.domain.errors import SourceError
from tests.connectors.oneroster.bundles import write

Row = dict[str, Any]


class Read:
    """All that a package gave, or what it gave of some entities."""

    def __init__(self, path: Path, *, only: str = "", **config: str) -> None:
        connector = OneRosterCsv(OneRosterCsv.Config(path=str(path), **config))
        try:
            self.probe = connector.probe()
            self.offers = connector.offers()
            self.extracts: dict[str, Extract] = {only: connector.extract(only)} if only else dict(extracts(connector))
            self.frames = {name: extract.frame.collect() for name, extract in self.extracts.items()}
            self.faults = pl.concat([extract.faults.collect() for extract in self.extracts.values()])
            self.questions = [question for extract in self.extracts.values() for question in extract.questions()]
        finally:
            connector.close()

    def rows(self, entity: str) -> dict[str, Row]:
        """Return the rows of an entity by their ids."""
        return {row["sourced_id"]: row for row in self.frames[entity].iter_rows(named=True)}

    def row(self, entity: str, sourced_id: str) -> Row:
        return self.rows(entity)[sourced_id]

    def told(self, level: str) -> list[Row]:
        return self.faults.filter(pl.col("level") == level).to_dicts()

    def one(self, rule: str) -> Row:
        """Return the one fault of a rule."""
        found = self.faults.filter(pl.col("rule") == rule).to_dicts()
        assert len(found) == 1, [fault["message"] for fault in self.faults.to_dicts()]
        return found[0]

    @property
    def messages(self) -> list[str]:
        return self.faults["message"].to_list()

    @property
    def partial(self) -> set[str]:
        return {name for name, extract in self.extracts.items() if extract.partial}

    @property
    def fingerprints(self) -> dict[str, str | None]:
        return {name: extract.fingerprint for name, extract in self.extracts.items()}


def read(folder: Path, files: Mapping[str, str | bytes], **config: str) -> Read:
    """Write a package into a folder and read it."""
    return Read(write(folder, files), **config)


def stop(folder: Path, files: Mapping[str, str | bytes], **config: str) -> str:
    """Write a package that must not be read; return the sentence that it stops with."""
    try:
        Read(write(folder, files), **config)
    except SourceError as error:
        return error.sentence
    raise AssertionError("was read")
