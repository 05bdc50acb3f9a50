"""Run: the order of the stages, and nothing else that a stage could know.

    extract → diff → check → gate → apply or hold → notify

A preview stops at the gate; an undo begins with a mirror in the place of extract and diff; an approved run has only apply left.
"""

import json
import logging
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from rollbook.connectors.protocol import Connector
from rollbook.domain import gate as arithmetic
from rollbook.domain.entities import ENTITIES
from rollbook.domain.errors import RollbookError, StaleChangeset
from rollbook.domain.runs import RunState, Stage, Trigger
from rollbook.domain.words import counted
from rollbook.lib import clock, columnar
from rollbook.pipeline import accept, notify, rules, undo
from rollbook.pipeline import check as checking
from rollbook.pipeline.apply import apply, digest
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.pipeline.cause import cause, rekeyed
from rollbook.pipeline.check import check
from rollbook.pipeline.diff import diff
from rollbook.pipeline.extract import extract
from rollbook.pipeline.gate import Live, gate
from rollbook.pipeline.summary import summary
from rollbook.store import audit, runs, snapshots
from rollbook.store.cursor import atomic
from rollbook.store.models import Limit, Run, Source
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles, Snapshot, files_of, open_snapshot

log = logging.getLogger(__name__)

#: A source that is down is asked again after this long, and then after twice that.
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Tools:
    """What a run needs from outside: how a source is reached, where the pages are, and whether there is time to try again."""

    connect: Callable[[Source], Connector]
    public_url: str
    patient: bool = False


def work(run: Run, tools: Tools) -> RunState:
    """Carry a run that is at work to the next state that needs no worker.

    Gives the state that it reached. Nothing is raised: what goes wrong is a state, too, with its words.
    """
    try:
        return carry(run, tools)
    except StaleChangeset as error:
        return _out_of_date(run, error)
    except RollbookError as error:
        return _failed(run, error, tools)
    except Exception as error:
        # Frames only: the text of a foreign exception may quote a row, and rows do not belong into logs.
        log.error("import %s broke: %s\n%s", run.pk, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        return _failed(run, RollbookError(f"Something in Rollbook broke ({type(error).__name__})"), tools)


def carry(run: Run, tools: Tools) -> RunState:
    """Take a run through its stages."""
    files = files_of(run.source_id, run.pk)
    roster = Roster(run.district_id, run.source_id)
    if not run.approved_digest:
        why = plan(run, files, roster, tools)
        if why is not None:
            return _hold(run, why, tools)
    elif digest(files) != run.approved_digest:
        raise StaleChangeset(f"The changes of import {run.pk} are not the ones that were approved")
    write(run, files, roster, tools)
    return RunState.APPLIED


def plan(run: Run, files: RunFiles, roster: Roster, tools: Tools) -> list[str] | None:
    """Find out what a run would change; return why it has to wait for a person, or None.

    Shape: nothing is written to the roster; the run's folder gets snapshot, findings and changes.
    """
    source = Source.objects.select_related("district").get(pk=run.source_id)
    files.clear_plan()
    run.base_run = source.accepted_run
    old = snapshots.accepted(source.pk, source.accepted_run or 0)
    limits = arithmetic.thresholds(
        {each.key: (each.percent, each.floor, each.count) for each in Limit.objects.filter(source=source)}
    )
    also: pl.DataFrame | None = None
    snapshot: Snapshot | None = None
    if run.undo_of_id is not None:
        runs.at_stage(run, Stage.DIFF)
        receipt = files_of(source.pk, run.undo_of_id)
        mirror = undo.mirror(receipt, run.undo_of_id, roster, old, also_changed=run.also_changed)
        found, also = mirror.candidates, mirror.conflicts
    else:
        snapshot, found = _read(run, source, files, roster, old, limits, tools)
    checked = check(found, snapshot, roster, files, _progress(run, Stage.CHECK), also)

    runs.at_stage(run, Stage.GATE)
    offered = frozenset(snapshot.kept) if snapshot else frozenset()
    live = Live(accept.counts(old, roster) if source.accepted_run else roster.counts())
    columnar.keep(live.counts.lazy(), files.live_file)
    questions = tuple(snapshot.questions) if snapshot else ()
    new_ids = rekeyed(files)
    if new_ids and not live.nothing:
        questions += (new_ids,)
    verdict = gate(checked.counts, offered, files, roster, live, limits, questions)
    changing = {name for name, n in checked.counts.items() if n["read"] or n["vanish"]}
    run.counts = {name: n for name, n in checked.counts.items() if name in offered or name in changing}
    run.promised = {name: kept.promised for name, kept in snapshot.kept.items() if kept.promised is not None} if snapshot else {}
    run.findings = checked.levels
    run.summary = summary(run.counts, snapshot, files, live)
    run.digest = digest(files)
    run.cause = cause(files, snapshot, roster) if verdict.closed else ""
    runs.keep_measures(run.pk, verdict)
    _save_plan(run)
    reasons = [*verdict.reasons, *_circumstances(run, source, closed=verdict.closed)]
    return reasons or None


def write(run: Run, files: RunFiles, roster: Roster, tools: Tools) -> None:
    """Apply a run's changes, and with them all that follows from it."""
    runs.at_stage(run, Stage.APPLY)
    generation = run.base_run

    def done() -> None:
        run.message = _applied_message(run)
        _supersede_held(run, "the roster has moved")
        if not runs.move(
            run.pk, RunState.WORKING, RunState.APPLIED, by=run.by, message=run.message, reasons=[], exit_code=_exit(run)
        ):
            raise StaleChangeset(f"Import {run.pk} was taken out of this worker's hands")
        _remember_undo(run)
        audit.note(
            run.district_id, run.answered_by or run.by, "import.applied", run.name, source=run.source.name, digest=run.digest
        )
        notify.notify(run, RunState.APPLIED, tools.public_url)

    apply(run, files, roster, done, _progress(run, Stage.APPLY))
    if Source.objects.filter(pk=run.source_id, accepted_run=run.pk).exists():
        accept.advance(run.source_id, snapshots.accepted(run.source_id, generation or 0), run.pk, files)


def _read(
    run: Run,
    source: Source,
    files: RunFiles,
    roster: Roster,
    old: snapshots.Accepted,
    limits: tuple[arithmetic.Threshold, ...],
    tools: Tools,
) -> tuple[Snapshot, dict[str, Candidates]]:
    """Extract and diff; without reading a row where the very same bytes have been applied before."""
    runs.at_stage(run, Stage.EXTRACT)
    files.drop_snapshot()
    earlier = _latest_snapshot(run)
    with closing(tools.connect(source)) as connector:
        run.judged_by = _judged_by(source, limits)
        seen = getattr(connector, "bytes_fingerprint", None)
        run.bytes_seen = seen() if seen else ""
        last = runs.last_ended(source.pk, before=run.pk)
        if earlier and last and _nothing_can_differ(run, last, source):
            return _same_again(earlier, files, last)
        snapshot = extract(connector, Snapshot(files.snapshot), earlier, _progress(run, Stage.EXTRACT))
    run.data_seen = _data_seen(snapshot)
    applied = Run.objects.filter(source=source, state=RunState.APPLIED, undo_of=None).order_by("-pk").first()
    anew = applied is not None and applied.judged_by.partition("/")[0] != run.judged_by.partition("/")[0]
    found = {}
    for number, entity in enumerate(ENTITIES):
        runs.at_stage(run, Stage.DIFF, number, len(ENTITIES), entity.name)
        if snapshot.offers(entity):
            known = accept.trusted(entity, snapshot.kept[entity.name].columns, old, roster)
            found[entity.name] = diff(entity, snapshot, known, roster, anew=anew)
        else:
            found[entity.name] = nothing(entity)
            if old.columns(entity) is None:
                accept.trusted(entity, list(entity.names), old, roster)
    return snapshot, found


def _nothing_can_differ(run: Run, last: Run, source: Source) -> bool:
    """Say whether these bytes, under these rules, were the source's last act, and went in whole."""
    return (
        bool(run.bytes_seen)
        and last.state == RunState.APPLIED
        and last.undo_of_id is None
        and source.undone_run is None
        and (last.bytes_seen, last.judged_by) == (run.bytes_seen, run.judged_by)
        and not any(each["unfit"] for each in last.counts.values())
    )


def _same_again(earlier: Snapshot, files: RunFiles, last: Run) -> tuple[Snapshot, dict[str, Candidates]]:
    snapshot = Snapshot(files.snapshot, dict(earlier.kept), list(earlier.questions))
    found = {}
    for entity in ENTITIES:
        found[entity.name] = nothing(entity)
        if earlier.offers(entity):
            columnar.same_file(earlier.rows_file(entity), snapshot.rows_file(entity))
            columnar.same_file(earlier.faults_file(entity), snapshot.faults_file(entity))
            found[entity.name].read = last.counts[entity.name]["read"]
    snapshot.save()
    return snapshot, found


def _latest_snapshot(run: Run) -> Snapshot | None:
    for pk in (
        Run.objects.filter(source_id=run.source_id, pk__lt=run.pk, undo_of=None).order_by("-pk").values_list("pk", flat=True)[:5]
    ):
        snapshot = open_snapshot(files_of(run.source_id, pk).snapshot)
        if snapshot is not None:
            return snapshot
    return None


def _judged_by(source: Source, limits: tuple[arithmetic.Threshold, ...]) -> str:
    """Fingerprint the rules that rows are judged by, then "/", then settings and limits.

    Where the rules differ, every row is judged anew. Settings need no such thing: where they change what is read, rows differ.
    """
    folder = Path(rules.__file__).parent
    text = [path.read_text() for path in sorted(folder.glob("*.py"))] + [Path(checking.__file__).read_text()]
    settings = json.dumps([source.kind, source.settings], sort_keys=True) + repr(limits)
    return f"{columnar.text_digest(chr(10).join(text))[:16]}/{columnar.text_digest(settings)[:16]}"


def _data_seen(snapshot: Snapshot) -> str:
    parts = []
    for entity in ENTITIES:
        if snapshot.offers(entity):
            fingerprint = snapshot.kept[entity.name].fingerprint
            parts.append(f"{entity.name}:{fingerprint or columnar.digest(snapshot.rows(entity).select('row_hash'))}")
    return columnar.text_digest("\n".join(parts))


def _circumstances(run: Run, source: Source, *, closed: bool) -> list[str]:
    """Say what, besides limits and questions, makes a run wait."""
    if run.trigger == Trigger.PREVIEW:
        return [] if closed else ["preview"]
    if run.trigger != Trigger.SCHEDULED:
        return []
    why = []
    if source.undone_data and source.undone_data == run.data_seen:
        why.append(
            f"The same data were undone on {_day(source)}; they wait until the source's data change "
            "or somebody runs the import by hand"
        )
    waits = runs.held(source.pk)
    if waits is not None and waits.pk != run.pk and not closed and not source.releases:
        why.append("An earlier import waits for a decision; these data are within your limits")
    return why


def _day(source: Source) -> str:
    if source.undone_at is None:
        return "an earlier day"
    at = source.undone_at.astimezone(ZoneInfo(source.district.time_zone))
    return f"{at.day} {at:%B %Y}"


def _hold(run: Run, why: list[str], tools: Tools) -> RunState:
    run.reasons = why
    run.message = _held_message(run)
    with atomic():
        if run.trigger != Trigger.PREVIEW:
            _supersede_held(run, "a newer import took its place")
        code = 0 if why == ["preview"] else 3
        if runs.move(run.pk, RunState.WORKING, RunState.HELD, by=run.by, reasons=why, message=run.message, exit_code=code):
            audit.note(run.district_id, run.by, "import.held", run.name, source=run.source.name, digest=run.digest)
            notify.notify(run, RunState.HELD, tools.public_url)
    return RunState.HELD


def _supersede_held(run: Run, note: str) -> None:
    for waits in Run.objects.filter(source_id=run.source_id, state=RunState.HELD).exclude(pk=run.pk):
        if runs.move(
            waits.pk, RunState.HELD, RunState.SUPERSEDED, by=run.by, note=f"{note} (import {run.pk})", superseded_by=run
        ):
            audit.note(run.district_id, run.by, "import.superseded", waits.name, by_import=run.pk)


def _remember_undo(run: Run) -> None:
    source = Source.objects.filter(pk=run.source_id)
    if run.undo_of_id is None:
        source.update(undone_run=None, undone_at=None, undone_data="")
    else:
        undone = Run.objects.get(pk=run.undo_of_id)
        source.update(undone_run=undone.pk, undone_at=clock.now(), undone_data=undone.data_seen)


def _out_of_date(run: Run, error: StaleChangeset) -> RunState:
    with atomic():
        if runs.move(
            run.pk, RunState.WORKING, RunState.SUPERSEDED, by=run.by, note=str(error), message=error.sentence, exit_code=6
        ):
            fresh = runs.queue(
                run.source, Trigger.MANUAL, run.answered_by or run.by, undo_of=run.undo_of, also_changed=run.also_changed
            )
            Run.objects.filter(pk=run.pk).update(superseded_by=fresh)
    return RunState.SUPERSEDED


def _failed(run: Run, error: RollbookError, tools: Tools) -> RunState:
    if error.retryable and tools.patient and run.attempt < runs.ATTEMPTS:
        later = clock.now() + PATIENCE * 2 ** (run.attempt - 1)
        runs.move(run.pk, RunState.WORKING, RunState.QUEUED, by=run.by, note=str(error), not_before=later)
        return RunState.QUEUED
    run.message, run.next_step = error.sentence, error.next_step
    with atomic():
        moved = runs.move(
            run.pk,
            RunState.WORKING,
            RunState.FAILED,
            by=run.by,
            note=str(error),
            message=run.message,
            next_step=run.next_step,
            exit_code=error.exit_code,
        )
        if moved:
            audit.note(run.district_id, run.by, "import.failed", run.name, source=run.source.name)
            notify.notify(run, RunState.FAILED, tools.public_url)
    return RunState.FAILED


def _save_plan(run: Run) -> None:
    names = ("base_run", "digest", "bytes_seen", "data_seen", "judged_by", "counts", "promised", "findings", "summary", "cause")
    Run.objects.filter(pk=run.pk).update(**{name: getattr(run, name) for name in names})


def _progress(run: Run, stage: Stage) -> Callable[[int, int, str], None]:
    return lambda done, of, what: runs.at_stage(run, stage, done, of, what)


def _exit(run: Run) -> int:
    return 5 if run.findings.get("error") else 0


def _changed(counts: dict[str, Any]) -> int:
    return sum(each[kind] for each in counts.values() for kind in ("appear", "alter", "vanish", "return"))


def _applied_message(run: Run) -> str:
    number = _changed(run.counts)
    said = (
        f"{counted(number, 'change was', 'changes were')} applied."
        if number
        else "Nothing had to be changed: the source and the roster agree."
    )
    if run.findings.get("error"):
        said += f" {counted(run.findings['error'], 'row was', 'rows were')} left out as faulty; "
        said += "what the roster had of them stays as it was."
    return said


def _held_message(run: Run) -> str:
    if run.reasons == ["preview"]:
        return (
            f"This is a preview: {counted(_changed(run.counts), 'change', 'changes')} would be applied. Nothing has been changed."
        )
    said = ". ".join(reason.rstrip(".") for reason in run.reasons[:3])
    more = f" There are {len(run.reasons) - 3} more reasons." if len(run.reasons) > 3 else ""
    return f"{said}. Nothing has been changed.{more} {run.cause}".strip()
