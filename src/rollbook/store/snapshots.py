"""The folders of runs: what a source sent, what was found and what would change, each file whole or not there."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings

from rollbook.domain.entities import ENTITIES, Entity
from rollbook.lib import columnar


@dataclass
class Kept:
    """What is known about the snapshot of one entity besides its rows."""

    columns: list[str]
    rows: int
    fingerprint: str | None = None
    partial: bool = False
    promised: int | None = None
    questions: list[str] = field(default_factory=list)
    headings: dict[str, str] = field(default_factory=dict)  # our column -> what people at the source know it by


@dataclass
class Snapshot:
    """All rows of one extraction, in columns: one Parquet file an entity, with a hash a row, and the connector's faults."""

    folder: Path
    kept: dict[str, Kept] = field(default_factory=dict)

    @property
    def questions(self) -> list[str]:
        """What only a person can answer, each question once."""
        return list(dict.fromkeys(question for kept in self.kept.values() for question in kept.questions))

    def offers(self, entity: Entity | str) -> bool:
        return (entity if isinstance(entity, str) else entity.name) in self.kept

    def rows(self, entity: Entity) -> pl.LazyFrame:
        """Return `sourced_id`, the offered columns, `source_file`, `line` and `row_hash`."""
        return pl.scan_parquet(self.rows_file(entity))

    def faults(self, entity: Entity) -> pl.LazyFrame:
        """Return what the connector found wrong, or forgave, as findings."""
        return pl.scan_parquet(self.faults_file(entity))

    def rows_file(self, entity: Entity) -> Path:
        return self.folder / f"{entity.name}.parquet"

    def faults_file(self, entity: Entity) -> Path:
        return self.folder / f"{entity.name}.faults.parquet"

    def save(self) -> None:
        """Write down what the files mean. A snapshot without this page was never finished."""
        page = {
            "hash": columnar.HASH_VERSION,
            "entities": {name: vars(kept) for name, kept in self.kept.items()},
        }
        _write(self.folder / "snapshot.json", page)


def open_snapshot(folder: Path) -> Snapshot | None:
    """Return the finished snapshot in a folder, or None: also when its hashes are of another version."""
    page = _read(folder / "snapshot.json")
    if page is None or page["hash"] != columnar.HASH_VERSION:
        return None
    return Snapshot(folder, {name: Kept(**kept) for name, kept in page["entities"].items()})


@dataclass(frozen=True)
class RunFiles:
    """Where one run keeps its files."""

    folder: Path

    @property
    def snapshot(self) -> Path:
        return self.folder / "snapshot"

    @property
    def pages(self) -> Path:
        """Where the pages lie that a run has pulled, for its next attempt. Gone when it waits for a person or has ended."""
        return self.folder / "pages"

    @property
    def findings_file(self) -> Path:
        return self.folder / "findings.parquet"

    @property
    def live_file(self) -> Path:
        """How many rows were active when the run was planned: what its changes are seen against, also later."""
        return self.folder / "live.parquet"

    def changes_file(self, entity: Entity) -> Path:
        return self.folder / "changes" / f"{entity.name}.parquet"

    def changes(self, entity: Entity) -> pl.LazyFrame | None:
        """Return an entity's changes, or None where nothing would change.

        Shape: `kind`, `sourced_id`, `source_file`, `line`, `row_hash`, the offered columns as they would be,
            and as `was.<column>` all columns as they are.
        """
        path = self.changes_file(entity)
        return pl.scan_parquet(path) if path.exists() else None

    def findings(self) -> pl.LazyFrame | None:
        """Return the findings, or None where they are not kept any more."""
        return pl.scan_parquet(self.findings_file) if self.findings_file.exists() else None

    def clear_plan(self) -> None:
        """Forget a half-made plan: a run that starts again starts from nothing."""
        shutil.rmtree(self.folder / "changes", ignore_errors=True)
        self.findings_file.unlink(missing_ok=True)

    def drop_snapshot(self) -> None:
        shutil.rmtree(self.snapshot, ignore_errors=True)

    def drop_pages(self) -> None:
        shutil.rmtree(self.pages, ignore_errors=True)

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def files_of(source: int, run: int) -> RunFiles:
    """Return where a run of a source keeps its files."""
    return RunFiles(Path(settings.DATA_DIR) / "sources" / str(source) / "runs" / str(run))


#: What the gate counts active rows by, kept beside their hashes, so that it never has to count in the database.
COUNTED_BY = {
    "course": ("org",),
    "section": ("school",),
    "role": ("person", "org", "role"),
    "enrollment": ("role", "school", "section"),
}


@dataclass(frozen=True)
class Accepted:
    """The hashes of the active rows of one source, as a given run left them: a cache of the database, never more."""

    folder: Path

    def columns(self, entity: Entity) -> list[str] | None:
        """Name the columns that the hashes cover, or None where there are no hashes to trust."""
        page = _read(self.folder / f"{entity.name}.json")
        columns: list[str] = page["columns"] if page else []
        return columns if page == _page(entity, columns) and self.file(entity).exists() else None

    def rows(self, entity: Entity) -> pl.LazyFrame:
        """Return `row_hash`, `sourced_id` and the columns that the gate counts by, of the active rows."""
        return pl.scan_parquet(self.file(entity))

    def file(self, entity: Entity) -> Path:
        return self.folder / f"{entity.name}.parquet"

    @property
    def counts_file(self) -> Path:
        return self.folder / "counts.parquet"

    def keep(self, entity: Entity, columns: list[str], rows: pl.LazyFrame) -> None:
        """Replace an entity's hashes. The page that says what they cover comes last, so that half is nothing."""
        (self.folder / f"{entity.name}.json").unlink(missing_ok=True)
        columnar.keep(rows.select("row_hash", "sourced_id", *COUNTED_BY.get(entity.name, ())), self.file(entity))
        _write(self.folder / f"{entity.name}.json", _page(entity, columns))

    def take(self, entity: Entity, other: "Accepted") -> None:
        """Take over what another generation holds for an entity in which nothing changed."""
        columns = other.columns(entity)
        if columns is not None:
            columnar.same_file(other.file(entity), self.file(entity))
            _write(self.folder / f"{entity.name}.json", _page(entity, columns))


def accepted(source: int, run: int) -> Accepted:
    """Return the hashes that a run left behind."""
    return Accepted(Path(settings.DATA_DIR) / "sources" / str(source) / "accepted" / str(run))


def forget_accepted(source: int, *, but: int) -> None:
    """Remove the hashes of every other generation."""
    folder = Path(settings.DATA_DIR) / "sources" / str(source) / "accepted"
    for old in folder.iterdir() if folder.exists() else ():
        if old.name != str(but):
            shutil.rmtree(old, ignore_errors=True)


def scratch() -> Path:
    """Return the folder for what connectors unpack and uploads on their way."""
    folder = Path(settings.DATA_DIR) / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def changed_entities(files: RunFiles) -> Iterator[tuple[Entity, pl.LazyFrame]]:
    """Yield each entity that a run changes, with its changes, parents first."""
    for entity in ENTITIES:
        changes = files.changes(entity)
        if changes is not None:
            yield entity, changes


def _page(entity: Entity, columns: list[str]) -> dict[str, Any]:
    """Say what hashes cover, how they are made, and what is kept beside them: other ones are not to be trusted."""
    return {"hash": columnar.HASH_VERSION, "columns": columns, "beside": list(COUNTED_BY.get(entity.name, ()))}


def _write(path: Path, page: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(page))
    os.replace(half, path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        page: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return page
