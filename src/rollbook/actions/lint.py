"""Checks a package of OneRoster files by itself: what an import would say of it if nothing were known from before."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from rollbook.actions.streams import findings
from rollbook.connectors import registry
from rollbook.connectors.protocol import FAULTS, read_config
from rollbook.domain.entities import ENTITIES
from rollbook.domain.findings import Level
from rollbook.pipeline.check import check
from rollbook.pipeline.diff import diff
from rollbook.pipeline.extract import extract
from rollbook.store.snapshots import Accepted, RunFiles, Snapshot


@dataclass(frozen=True)
class Linted:
    """What was found: a sentence about the package, its rows, its findings by level, and the findings themselves.

    Shape: `found` is lazy, and there only within `linted`.
    """

    sentence: str
    counts: dict[str, dict[str, int]]
    levels: dict[str, int]
    found: pl.LazyFrame

    def rows(self) -> Iterator[pl.DataFrame]:
        """Yield all findings, a batch at a time."""
        return findings(self.found)

    def gravest(self, few: int) -> list[dict[str, str]]:
        """Return some findings for people, errors first: level, rule, message, remedy."""
        rank = pl.col("level").replace_strict({level.value: place for place, level in enumerate(reversed(Level))})
        chosen = self.found.sort(rank, maintain_order=True).head(few).select("level", "rule", "message", "remedy")
        return chosen.with_columns(pl.all().fill_null("")).collect().to_dicts()


@contextmanager
def linted(path: Path) -> Iterator[Linted]:
    """Check a package and give what was found. Raises SourceError if it cannot be read.

    Shape: no database and no data folder; a folder of the system's for a while.
    """
    connector_class = registry.find("oneroster-csv")
    config = read_config(connector_class.Config, {"path": str(path.absolute())})
    with TemporaryDirectory(prefix="rollbook-lint-") as folder, closing(connector_class(config)) as connector:  # type: ignore[call-arg]
        sentence = connector.probe().sentence
        files = RunFiles(Path(folder))
        snapshot = extract(connector, Snapshot(files.snapshot), None, _silent)
        nothing = Accepted(Path(folder) / "accepted")
        candidates = {entity.name: diff(entity, snapshot, nothing, None) for entity in ENTITIES if snapshot.offers(entity)}
        checked = check(candidates, snapshot, None, files, _silent)
        asked = pl.DataFrame([_question(text) for text in snapshot.questions], schema=FAULTS)
        found = files.findings()
        whole = pl.concat([asked.lazy(), found]) if found is not None else asked.lazy()
        levels = {level.value: checked.levels.get(level, 0) for level in Level}
        levels[Level.WARNING] += len(snapshot.questions)
        yield Linted(sentence, checked.counts, levels, whole)


def _question(text: str) -> dict[str, object]:
    """Write as a finding what an import would wait for: a package that needs an answer is not sound."""
    said = {"level": Level.WARNING.value, "rule": "question", "message": text, "count": 1}
    return {**dict.fromkeys(FAULTS), **said, "remedy": "An import would be held until somebody has answered this."}


def _silent(done: int, of: int, what: str) -> None:
    """Tell nobody: it takes seconds."""
