"""Writes the active rows of one source in a format that others read."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from rollbook.actions import sources
from rollbook.actions.actor import Actor
from rollbook.connectors import registry
from rollbook.connectors.protocol import Written
from rollbook.domain.entities import ENTITIES
from rollbook.domain.errors import ConfigError, Conflict
from rollbook.domain.rights import Right
from rollbook.store import audit, snapshots
from rollbook.store.models import Source
from rollbook.store.roster import Roster, text

#: How often an export starts again because an import was applied meanwhile.
TRIES = 3


def export(actor: Actor, form: str, folder: Path, source: str | None = None) -> tuple[Source, Written]:
    """Write a source's roster into a folder, with the source's own ids; return the source and what was written.

    Shape: streams through files beside the snapshots. The folder gets its name when all of it is written; an export that lay
        there before is replaced. Overrides are not in it: importing it into the same source changes nothing.
    Errors: ConfigError if the folder holds something else or cannot be written to, if it is not clear which source is meant, or
        if the format cannot carry this roster; Conflict if imports of the source keep being applied meanwhile.
    """
    actor.must(Right.EXPORT)
    write = registry.writer(form)
    chosen = _chosen(actor, source)
    with _writing_to(folder):
        _refuse_foreign(folder)
    with tempfile.TemporaryDirectory(dir=snapshots.scratch(), prefix="export-") as scratch:
        rows = _rows(chosen, Path(scratch))
        with _writing_to(folder):
            half = Path(tempfile.mkdtemp(dir=_parent(folder), prefix=f".{folder.name}-"))
            try:
                written = write(half, rows)
                half.chmod(0o755)
                shutil.rmtree(folder, ignore_errors=True)
                os.replace(half, folder)
            finally:
                shutil.rmtree(half, ignore_errors=True)
    audit.note(actor.district, actor.name, "roster.exported", chosen.name, format=form, rows=sum(written.rows.values()))
    return chosen, written


def _chosen(actor: Actor, name: str | None) -> Source:
    if name:
        return sources.get(actor, name)
    known = list(Source.objects.filter(district_id=actor.district).order_by("name").values_list("name", flat=True))
    if len(known) != 1:
        said = f"name one of {', '.join(known)}" if known else "none has been added yet"
        raise ConfigError(fields={"source": said})
    return sources.get(actor, known[0])


def _rows(source: Source, scratch: Path) -> dict[str, pl.LazyFrame]:
    """Copy the active rows into files, all of them as one import left them."""
    roster = Roster(source.district_id, source.pk)
    for attempt in range(TRIES):
        before = _generation(source)
        frames = {}
        for entity in ENTITIES:
            into = scratch / str(attempt) / entity.name
            into.mkdir(parents=True)
            parts = []
            for number, batch in enumerate(roster.active(entity, entity.names, ordered=True)):
                parts.append(into / f"{number:06}.parquet")
                batch.write_parquet(parts[-1])
            frames[entity.name] = pl.scan_parquet(parts) if parts else pl.LazyFrame(schema=text(("sourced_id", *entity.names)))
        if _generation(source) == before:
            return frames
    raise Conflict("The roster changed while it was read", next_step="Export again when no import is at work.")


def _generation(source: Source) -> int | None:
    return Source.objects.values_list("accepted_run", flat=True).get(pk=source.pk)


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Say in words why a folder cannot be written to."""
    try:
        yield
    except OSError as error:
        raise ConfigError(fields={"folder": f"{folder} cannot be written to: {error.strerror or error}"}) from error


def _refuse_foreign(folder: Path) -> None:
    """Refuse to write where anything but an earlier package lies."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(fields={"folder": f"{folder} is a file; name a folder"})
    others = [each.name for each in folder.iterdir()] if folder.exists() else []
    if others and ("manifest.csv" not in others or any(not name.endswith(".csv") for name in others)):
        raise ConfigError(fields={"folder": f"{folder} holds something else than an export; name a new folder"})


def _parent(folder: Path) -> Path:
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent
