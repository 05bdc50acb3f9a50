"""Takes everybody of a disabled source out of the roster: planned like any import, looked at and approved by a person."""

from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from rollbook.actions import runs, sources
from rollbook.actions.actor import Actor
from rollbook.connectors.protocol import ROW, Extract, Probe
from rollbook.domain.entities import ENTITIES, entity
from rollbook.domain.errors import Conflict
from rollbook.domain.runs import RunState, Trigger
from rollbook.lib import clock
from rollbook.store import audit
from rollbook.store import runs as door
from rollbook.store.models import Run, Source

#: For so long no worker takes it up: this process does, and knows that nothing is to be asked for.
OURS = timedelta(hours=1)


class Nothing:
    """A source that has nothing any more."""

    name: ClassVar[str] = "nothing"
    title: ClassVar[str] = "Nothing"
    Config: ClassVar[type[Any]] = type("Config", (), {})

    def probe(self) -> Probe:
        """Say so."""
        return Probe("There is nothing.")

    def offers(self) -> frozenset[str]:
        """Name every entity."""
        return frozenset(each.name for each in ENTITIES)

    def extract(self, name: str) -> Extract:
        """Return no row."""
        schema = dict.fromkeys((*ROW, *entity(name).names), pl.String) | {"line": pl.Int64}
        return Extract(pl.LazyFrame(schema=schema))

    def close(self) -> None:
        """Nothing to remove."""


def disable(actor: Actor, source: Source) -> Run:
    """Stop a source, and plan in this process that all its rows become inactive; return that run, which waits for a yes.

    Shape: it is a preview, so it never goes in by itself. What is approved can be undone, as any import.
    Errors: Conflict while an import of this source is at work; then nothing is stopped.
    """
    actor.must_administer()
    if Run.objects.filter(source=source, state=RunState.WORKING).exists():
        raise Conflict(f'An import of "{source.name}" is at work', next_step="Wait until it has ended, then disable it.")
    source = sources.set_enabled(actor, source, enabled=False)
    run = door.queue(source, Trigger.PREVIEW, actor.name, not_before=clock.now() + OURS)
    audit.note(actor.district, actor.name, "source.archive", source.name, by_import=run.pk)
    return runs.perform(run, reach=_nothing)


def _nothing(source: Source, pages: Path) -> Nothing:
    return Nothing()
