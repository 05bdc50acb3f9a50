"""Gives out the rows of the roster, as the contract's JSON shows them."""

from collections.abc import Iterator

import polars as pl

from rollbook.actions import sources
from rollbook.actions.actor import Actor
from rollbook.domain.entities import BY_NAME
from rollbook.domain.errors import ConfigError
from rollbook.domain.rights import Right
from rollbook.store.models import Source
from rollbook.store.roster import Roster

STATUSES = ("active", "inactive")


def rows(actor: Actor, entity: str, *, source: str | None = None, status: str | None = None) -> Iterator[pl.DataFrame]:
    """Yield whole rows of one entity, ordered by source and `sourced_id`, a batch at a time.

    Shape: `source`, `sourced_id`, `uuid`, `status`, the entity's columns, `last_run`, `changed_at` (UTC).
    Errors: ConfigError for an entity or status that is none; NotFound for an unknown source.
    """
    actor.must(Right.EXPORT)
    wrong = {}
    if entity not in BY_NAME:
        wrong["entity"] = f"'{entity}' is not one of {', '.join(BY_NAME)}"
    if status and status not in STATUSES:
        wrong["status"] = f"'{status}' is not one of {', '.join(STATUSES)}"
    if wrong:
        raise ConfigError(fields=wrong)
    chosen = [sources.get(actor, source)] if source else list(Source.objects.filter(district_id=actor.district).order_by("name"))
    return _listing(actor, entity, chosen, status)


def _listing(actor: Actor, entity: str, chosen: list[Source], status: str | None) -> Iterator[pl.DataFrame]:
    for each in sorted(chosen, key=lambda source: source.name):
        for batch in Roster(actor.district, each.pk).listing(BY_NAME[entity], status):
            yield batch.select(pl.lit(each.name).alias("source"), pl.all())
