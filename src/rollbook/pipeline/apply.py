"""Apply: a changeset becomes the roster, in one transaction, if the roster is still the one that it was made for."""

from collections.abc import Callable

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.errors import StaleChangeset
from rollbook.lib import clock, columnar
from rollbook.store.cursor import atomic
from rollbook.store.models import Run, Source
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles, changed_entities


def digest(files: RunFiles) -> str:
    """Digest a changeset: what an approval is bound to. Equal changes have equal digests, in whatever order they came."""
    parts = [f"{entity.name}:{columnar.digest(_content(changes))}" for entity, changes in changed_entities(files)]
    return "sha256:" + columnar.text_digest("\n".join(parts))


def apply(run: Run, files: RunFiles, roster: Roster, done: Callable[[], None], progress: Callable[[int, int, str], None]) -> None:
    """Write a changeset; `done` is called inside the transaction, so that what follows from it is true with it or not at all.

    Shape: one transaction; a handful of statements an entity, over the changed rows only.
    Errors: StaleChangeset if the roster moved since the changeset was made; then nothing is written.
    """
    changed = list(changed_entities(files))
    at = clock.now()
    with atomic():
        if changed and not Source.objects.filter(pk=run.source_id, accepted_run=run.base_run).update(accepted_run=run.pk):
            raise StaleChangeset(f"The roster has moved since import {run.pk} was made")
        for number, (entity, changes) in enumerate(changed):
            progress(number, len(changed), entity.name)
            counts = dict.fromkeys(Change, 0)
            counts.update({Change(kind): n for kind, n in changes.group_by("kind").agg(pl.len()).collect().iter_rows()})
            roster.write(entity, changes, {change.value: n for change, n in counts.items()}, run=run.pk, at=at)
        done()


def _content(changes: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out what does not change what is written: where a row stood in which file."""
    return changes.drop("source_file", "line", "row_hash")
