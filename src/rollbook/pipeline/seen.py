"""Seen: whether a source says anything that it has not said before, and what its rows were judged by."""

import json
from pathlib import Path

from rollbook.domain.entities import ENTITIES
from rollbook.domain.gate import Threshold
from rollbook.domain.runs import RunState
from rollbook.lib import columnar
from rollbook.pipeline import check, rules
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.store.models import Run, Source
from rollbook.store.snapshots import RunFiles, Snapshot, files_of, open_snapshot


def went_in_whole(last: Run | None, run: Run, source: Source) -> Snapshot | None:
    """Return the snapshot of the source's last act, if that was an import under these very rules that left no row out.

    What equals it has nothing to change: the roster holds exactly these rows.
    """
    if (
        last is None
        or last.state != RunState.APPLIED
        or last.undo_of_id is not None
        or source.undone_run is not None
        or last.judged_by != run.judged_by
    ):
        return None
    snapshot = open_snapshot(files_of(source.pk, last.pk).snapshot)
    if snapshot is None:
        return None
    counts = {name: last.counts[name] for name in snapshot.kept}
    whole = all(not each["unfit"] and each["read"] == snapshot.kept[name].rows for name, each in counts.items())
    return snapshot if whole else None


def same_again(earlier: Snapshot, files: RunFiles) -> Snapshot:
    """Return an earlier snapshot under a new name."""
    snapshot = Snapshot(files.snapshot, dict(earlier.kept))
    for entity in ENTITIES:
        if earlier.offers(entity):
            columnar.same_file(earlier.rows_file(entity), snapshot.rows_file(entity))
            columnar.same_file(earlier.faults_file(entity), snapshot.faults_file(entity))
    snapshot.save()
    return snapshot


def no_candidates(snapshot: Snapshot) -> dict[str, Candidates]:
    """Return that every row of a snapshot is as the roster has it."""
    found = {entity.name: nothing(entity) for entity in ENTITIES}
    for name, kept in snapshot.kept.items():
        found[name].read = kept.rows
    return found


def latest_snapshot(run: Run) -> Snapshot | None:
    """Return the newest snapshot of a source that is still kept, from before a run."""
    for pk in (
        Run.objects.filter(source_id=run.source_id, pk__lt=run.pk, undo_of=None).order_by("-pk").values_list("pk", flat=True)[:5]
    ):
        snapshot = open_snapshot(files_of(run.source_id, pk).snapshot)
        if snapshot is not None:
            return snapshot
    return None


def judged_by(source: Source, limits: tuple[Threshold, ...]) -> str:
    """Fingerprint the rules that rows are judged by, then "/", then settings and limits.

    Where the rules differ, every row is judged anew. Settings need no such thing: where they change what is read, rows differ.
    """
    folder = Path(rules.__file__).parent
    text = [path.read_text() for path in sorted(folder.glob("*.py"))] + [Path(check.__file__).read_text()]
    settings = json.dumps([source.kind, source.settings], sort_keys=True) + repr(limits)
    return f"{columnar.text_digest(chr(10).join(text))[:16]}/{columnar.text_digest(settings)[:16]}"


def rows_seen(snapshot: Snapshot) -> str:
    """Fingerprint the rows of a snapshot, in whatever order they came."""
    parts = []
    for entity in ENTITIES:
        if snapshot.offers(entity):
            fingerprint = snapshot.kept[entity.name].fingerprint
            parts.append(f"{entity.name}:{fingerprint or columnar.digest(snapshot.rows(entity).select('row_hash'))}")
    return columnar.text_digest("\n".join(parts))
