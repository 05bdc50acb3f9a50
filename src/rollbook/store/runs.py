"""The one door that a run's state goes through, and what is written down about runs."""

import os
import socket
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import polars as pl
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from rollbook.domain import gate
from rollbook.domain.errors import StaleChangeset
from rollbook.domain.runs import RunState, Stage, Trigger, event
from rollbook.lib import clock
from rollbook.store import cursor
from rollbook.store.models import Measure, Run, RunEvent, Source
from rollbook.store.snapshots import files_of

#: A worker says that it lives this often; one that has been silent for DEAD_AFTER is taken for dead.
HEARTBEAT = timedelta(seconds=5)
DEAD_AFTER = timedelta(seconds=60)
ATTEMPTS = 3


def queue(source: Source, trigger: Trigger, by: str, **more: Any) -> Run:
    """Ask for a run."""
    now = clock.now()
    with transaction.atomic():
        run = Run.objects.create(district_id=source.district_id, source=source, trigger=trigger, by=by, queued_at=now, **more)
        RunEvent.objects.create(run=run, at=now, by=by, event="asked for", old="", new=RunState.QUEUED)
    return run


def move(run: int, old: RunState, new: RunState, *, by: str, note: str = "", of_attempt: int | None = None, **also: Any) -> bool:
    """Take one arrow of the state machine and write it down, with whatever else changes in the same moment.

    A worker names its attempt, so that one which was taken for dead has no say any more.
    Returns False, and writes nothing, if another worker or person moved the run first, or if a run of the same source is
    already in a state that only one may be in. Raises IllegalTransition if the state machine has no such arrow.
    """
    name = event(old, new)
    now = clock.now()
    if new in (RunState.APPLIED, RunState.REJECTED, RunState.SUPERSEDED, RunState.FAILED, RunState.HELD):
        also.setdefault("ended_at", now)
        also.setdefault("stage", "")
    if new in (RunState.WORKING, RunState.QUEUED):
        also.setdefault("ended_at", None)
    try:
        with transaction.atomic():
            mine = {} if of_attempt is None else {"attempt": of_attempt}
            if not Run.objects.filter(pk=run, state=old, **mine).update(state=new, **also):
                return False
            RunEvent.objects.create(run_id=run, at=now, by=by, event=name, old=old, new=new, note=note)
    except IntegrityError:
        return False
    if "stage" in also:  # it ends or rests: nothing will be pulled for it any more
        files_of(Run.objects.values_list("source_id", flat=True).get(pk=run), run).drop_pages()
    return True


def begin(run: int, *, by: str) -> bool:
    """Take a queued run into work. Returns False if somebody else has it, or the source is at work already."""
    now = clock.now()
    return move(
        run,
        RunState.QUEUED,
        RunState.WORKING,
        by=by,
        worker=worker_name(),
        heartbeat_at=now,
        not_before=None,
        progress={},
        arriving=[],
        started_at=Coalesce("started_at", Value(now)),
        attempt=F("attempt") + 1,
    )


def at_stage(run: Run, stage: Stage, done: int = 0, of: int = 0, what: str = "") -> None:
    """Say where a working run is: for the progress that people watch, and as a sign of life.

    Raises StaleChangeset where this process was taken for dead, and another one has the run.
    """
    run.stage = stage
    run.progress = {"stage": stage, "done": done, "of": of, "what": what}
    mine = Run.objects.filter(pk=run.pk, state=RunState.WORKING, attempt=run.attempt)
    if not mine.update(stage=stage, progress=run.progress, heartbeat_at=clock.now()):
        raise StaleChangeset(f"Import {run.pk} was taken out of this worker's hands")


def beat(run: int, arriving: Sequence[tuple[str, int, int]] = ()) -> None:
    """Say that the worker of a run lives, and what it is fetching: what, how many rows have come, of how many."""
    Run.objects.filter(pk=run, worker=worker_name()).update(heartbeat_at=clock.now(), arriving=list(arriving))


def orphans() -> Iterable[Run]:
    """Yield the working runs whose worker is dead: silent for long, or a process of this machine that is gone."""
    here = socket.gethostname()
    for run in Run.objects.filter(state=RunState.WORKING).exclude(worker=""):  # just approved: nobody has it yet
        host, _, pid = run.worker.rpartition(":")
        silent = run.heartbeat_at is None or run.heartbeat_at < clock.now() - DEAD_AFTER
        if silent or (host == here and not _lives(pid)):
            yield run


def begun(run: Run) -> int:
    """Count how often a run was begun; if it was approved, since then."""
    begun = RunEvent.objects.filter(run=run, new=RunState.WORKING)
    approved = begun.filter(old=RunState.HELD).order_by("-pk").first()
    return begun.filter(pk__gte=approved.pk if approved else 0).count()


def waiting() -> QuerySet[Run]:
    """Return the queued runs that may start, oldest first."""
    return Run.objects.filter(Q(not_before=None) | Q(not_before__lte=clock.now()), state=RunState.QUEUED).order_by("pk")


def held(source: int) -> Run | None:
    """Return the run of a source that waits for a person (a preview never does)."""
    return Run.objects.filter(source_id=source, state=RunState.HELD).exclude(trigger=Trigger.PREVIEW).first()


def held_undo(source: int) -> Run | None:
    """Return the undo of a source that waits for a person: the plan of an import does not refresh it, so the clock waits, too."""
    waits = held(source)
    return waits if waits is not None and waits.undo_of_id is not None else None


def changed(run: Run) -> int:
    """Count all changes of a run."""
    return sum(each[kind] for each in run.counts.values() for kind in ("appear", "alter", "vanish", "return"))


def undone_by(run: Run) -> Run | None:
    """Return the undo that has taken a run back: it changed something, and is not undone itself."""
    undos = Run.objects.filter(undo_of=run, state=RunState.APPLIED).order_by("-pk")
    return next((undo for undo in undos if changed(undo) and undone_by(undo) is None), None)


def newest(source: int) -> Run | None:
    """Return the newest run of a source."""
    return Run.objects.filter(source_id=source).order_by("-pk").first()


def last_ended(source: int, *, before: int) -> Run | None:
    """Return the last act of a source before a run: its newest run, however it ended, but for previews that nobody approved."""
    looked = Q(trigger=Trigger.PREVIEW) & ~Q(state=RunState.APPLIED)
    return Run.objects.filter(source_id=source, pk__lt=before).exclude(looked).order_by("-pk").first()


def keep_measures(run: int, verdict: gate.Verdict) -> None:
    """Write down every measure, also of what passed."""
    with transaction.atomic():
        Measure.objects.filter(run_id=run).delete()
        measured = verdict.measures  # thousands of classes, at times: a row object for each would be half of the gate's time
        limits = [m.threshold for m in measured]
        columns: dict[str, list[Any]] = {
            "key": [limit.key for limit in limits],
            "entity": [limit.entity for limit in limits],
            "kind": [limit.kind.value for limit in limits],
            "role": [limit.role for limit in limits],
            "scope": [limit.scope for limit in limits],
            "scope_id": [m.scope_id for m in measured],
            "scope_name": [m.scope_name for m in measured],
            "count": [m.count for m in measured],
            "of": [m.of for m in measured],
            "limit_percent": [limit.percent for limit in limits],
            "limit_count": [limit.count for limit in limits],
            "floor": [limit.floor for limit in limits],
            "closed": [m.closed for m in measured],
            "reason": [m.reason for m in measured],
        }
        rows = pl.DataFrame(columns, schema_overrides={"limit_percent": pl.Float64, "limit_count": pl.Int64}, strict=False)
        if rows.height:
            cursor.insert(Measure._meta.db_table, rows.columns, [rows], {"run_id": run})


def worker_name() -> str:
    """Name this process, so that its death can be told from its silence."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
