"""Archive: everybody and everything of a source leaves, as candidates of a run of its own."""

from collections.abc import Callable

import polars as pl

from rollbook.domain.entities import ENTITIES
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.store.roster import Roster


def everybody(roster: Roster, progress: Callable[[int, int, str], None]) -> dict[str, Candidates]:
    """Return all active rows as rows that were not sent.

    Shape: one statement an entity; all of a source's rows are held at once, as its receipt has them.
    """
    found = {}
    for number, entity in enumerate(ENTITIES):
        progress(number, len(ENTITIES), entity.name)
        leaves = found[entity.name] = nothing(entity)
        leaves.all_gone = True
        rows = pl.concat([leaves.gone.drop("status"), *roster.active(entity, entity.names)])
        leaves.gone = rows.with_columns(status=pl.lit("active")).select(leaves.gone.columns)
    return found
