"""Run: the order of the stages, and nothing else that a stage could know.

    extract → diff → check → gate → apply or hold → notify

A preview stops at the gate; an undo begins with a mirror in the place of extract and diff, an archive with everybody; an approved
run has only apply left.
"""

import logging
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from rollbook.connectors.protocol import Connector
from rollbook.domain import gate as arithmetic
from rollbook.domain.entities import ENTITIES
from rollbook.domain.errors import RollbookError, StaleChangeset
from rollbook.domain.runs import RunState, Stage, Trigger
from rollbook.lib import columnar
from rollbook.pipeline import accept, accounts, archive, outcome, seen, undo
from rollbook.pipeline.apply import apply, digest
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.pipeline.cause import cause, rekeyed
from rollbook.pipeline.check import check
from rollbook.pipeline.diff import diff
from rollbook.pipeline.extract import extract
from rollbook.pipeline.gate import Live, gate
from rollbook.pipeline.summary import summary, unchanged
from rollbook.store import cursor, runs, snapshots, trouble
from rollbook.store.models import Limit, Run, Source
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles, Snapshot, files_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """What a run needs from outside: how a source is reached, where the pages are, and whether there is time to try again."""

    connect: Callable[[Source, Path], Connector]  # the folder is for what another attempt need not ask for again
    public_url: str
    patient: bool = False


def work(run: Run, tools: Tools) -> None:
    """Carry a run that is at work to the next state that needs no worker.

    Nothing is raised: what goes wrong is a state, too, with its words.
    """
    try:
        carry(run, tools)
    except StaleChangeset as error:
        outcome.out_of_date(run, error)
    except RollbookError as error:
        outcome.failed(run, error, tools.public_url, patient=tools.patient)
    except Exception as error:
        cursor.reconnect()
        broken = trouble.beneath(error)
        if broken is None:
            # Frames only: the text of a foreign exception may quote a row, and rows do not belong into logs.
            log.error("import %s broke: %s\n%s", run.pk, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            broken = RollbookError(f"Something in Rollbook broke ({type(error).__name__})")
        outcome.failed(run, broken, tools.public_url, patient=False)


def carry(run: Run, tools: Tools) -> None:
    """Take a run through its stages."""
    waits = runs.held_undo(run.source_id) if run.trigger == Trigger.SCHEDULED else None
    if waits is not None:
        outcome.gave_way(run, waits)
        return
    files = files_of(run.source_id, run.pk)
    roster = Roster(run.district_id, run.source_id)
    if not run.approved_digest:
        why = plan(run, files, roster, tools)
        if why is not None:
            outcome.held(run, why, tools.public_url)
            return
    elif digest(files) != run.approved_digest:
        raise StaleChangeset(f"The changes of import {run.pk} are not the ones that were approved")
    write(run, files, roster, tools)


def plan(run: Run, files: RunFiles, roster: Roster, tools: Tools) -> list[str] | None:
    """Find out what a run would change; return why it has to wait for a person, or None.

    Shape: nothing is written to the roster; the run's folder gets snapshot, findings and changes.
    """
    source = Source.objects.select_related("district").get(pk=run.source_id)
    files.clear_plan()
    run.summary = []
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
        newest = source.accepted_run == run.undo_of_id  # then nothing was changed since, and nothing has to be looked for
        mirror = undo.mirror(receipt, run.undo_of_id, roster, old, also_changed=run.also_changed or newest)
        found, also = mirror.candidates, mirror.conflicts
    elif run.trigger == Trigger.ARCHIVE:
        found = archive.everybody(roster, _progress(run, Stage.DIFF))
    else:
        snapshot, found = _read(run, source, files, roster, old, limits, tools)
    checked = check(found, snapshot, roster, files, _progress(run, Stage.CHECK), also)

    runs.at_stage(run, Stage.GATE)
    offered = frozenset(snapshot.kept) if snapshot else frozenset()
    live = Live(accept.counts(old, roster) if source.accepted_run else roster.counts(), partial(accept.places, old, roster))
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
    run.summary = run.summary or summary(run.counts, snapshot, files, live, roster)
    run.digest = digest(files)
    run.cause = cause(files, snapshot, roster) if verdict.closed else ""
    runs.keep_measures(run.pk, verdict)
    _save_plan(run)
    if run.trigger == Trigger.ARCHIVE:  # its reason is a person; that it leaves nobody is its point
        return [f"{run.by} asked to archive everybody and everything from this source"] if changing else None
    reasons = [*verdict.reasons, *_circumstances(run, source, closed=verdict.closed)]
    return reasons or None


def write(run: Run, files: RunFiles, roster: Roster, tools: Tools) -> None:
    """Apply a run's changes, and with them all that follows from it."""
    runs.at_stage(run, Stage.APPLY)
    generation = run.base_run

    def done() -> None:
        accounts.follow(run, files)
        outcome.applied(run, tools.public_url)

    apply(run, files, roster, done, _progress(run, Stage.APPLY))
    try:  # it is committed: whatever breaks from here on, the run has not failed
        if Source.objects.filter(pk=run.source_id, accepted_run=run.pk).exists():
            accept.advance(run.source_id, snapshots.accepted(run.source_id, generation or 0), run.pk, files)
    except Exception as error:
        log.warning("import %s is applied; its hashes, a cache, could not be kept: %s", run.pk, type(error).__name__)


def _read(
    run: Run,
    source: Source,
    files: RunFiles,
    roster: Roster,
    old: snapshots.Accepted,
    limits: tuple[arithmetic.Threshold, ...],
    tools: Tools,
) -> tuple[Snapshot, dict[str, Candidates]]:
    """Extract and diff; with no candidates where the very same rows, in whatever order, were the source's last act."""
    runs.at_stage(run, Stage.EXTRACT)
    files.drop_snapshot()
    earlier = seen.latest_snapshot(run)
    with closing(tools.connect(source, files.pages)) as connector:
        run.judged_by = seen.judged_by(source, limits)
        of_bytes = getattr(connector, "bytes_fingerprint", None)
        run.bytes_seen = of_bytes() if of_bytes else ""
        last = runs.last_ended(source.pk, before=run.pk)
        whole = seen.went_in_whole(last, run, source)
        if last and whole and run.bytes_seen and run.bytes_seen == last.bytes_seen:
            snapshot = seen.same_again(whole, files)
        else:
            snapshot = extract(connector, Snapshot(files.snapshot), earlier, _progress(run, Stage.EXTRACT))
    run.data_seen = seen.rows_seen(snapshot)
    if last and whole and run.data_seen == last.data_seen:
        run.summary = unchanged(last.summary)
        return snapshot, seen.no_candidates(snapshot)
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


def _circumstances(run: Run, source: Source, *, closed: bool) -> list[str]:
    """Say what, besides limits and questions, makes a run wait."""
    if run.trigger == Trigger.PREVIEW:
        return [] if closed else ["preview"]
    if run.trigger != Trigger.SCHEDULED:
        return []
    why = []
    if run.data_seen in source.undone_data.split():
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


def _save_plan(run: Run) -> None:
    names = ("base_run", "digest", "bytes_seen", "data_seen", "judged_by", "counts", "promised", "findings", "summary", "cause")
    Run.objects.filter(pk=run.pk).update(**{name: getattr(run, name) for name in names})


def _progress(run: Run, stage: Stage) -> Callable[[int, int, str], None]:
    return lambda done, of, what: runs.at_stage(run, stage, done, of, what)
