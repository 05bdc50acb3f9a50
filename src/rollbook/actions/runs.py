"""What a person may ask of an import: start, preview, approve, reject, undo; and what the worker does with what was asked."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction

from rollbook.actions import schedule
from rollbook.actions.actor import Actor
from rollbook.actions.sources import connect, set_schedule
from rollbook.connectors.protocol import Arriving, Connector
from rollbook.domain.errors import ConfigError, Conflict, NotFound, RollbookError, StaleChangeset
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.lib import clock
from rollbook.lib.meanwhile import meanwhile
from rollbook.pipeline import outcome
from rollbook.pipeline import run as pipeline
from rollbook.store import audit, runs
from rollbook.store.models import Run, Source
from rollbook.store.snapshots import files_of

log = logging.getLogger(__name__)


class TooLate(Conflict):
    """Somebody, or something, was faster than an answer."""

    left_alone = "Your answer was not taken."
    next_step = "Look at what has become of it."


def get(actor: Actor, number: int) -> Run:
    """Return one run of the actor's district. Raises NotFound, also for runs of others."""
    run = Run.objects.select_related("source", "district").filter(district_id=actor.district, pk=number).first()
    if run is None:
        raise NotFound(f"There is no import {number}")
    return run


def start(actor: Actor, source: Source, trigger: Trigger = Trigger.MANUAL) -> Run:
    """Ask for an import, or a preview of one. Raises Conflict while one of the same source is waiting or at work."""
    actor.must(Right.IMPORTS)
    if not source.enabled:
        raise Conflict(f'"{source.name}" is disabled', next_step="Enable it again under Settings.")
    with transaction.atomic():
        refuse_second(source, beside_queued=trigger is Trigger.PREVIEW)
        run = runs.queue(source, trigger, actor.name)
        if trigger is not Trigger.PREVIEW:
            _supersede_waiting(run)
        audit.note(
            actor.district,
            actor.name,
            f"import.{'previewed' if trigger is Trigger.PREVIEW else 'started'}",
            run.name,
            source=source.name,
        )
    return run


def approve(actor: Actor, number: int, digest: str | None = None) -> Run:
    """Say yes to exactly the changes of a held run; a worker then applies them.

    `digest` is what the person looked at, where they looked at a page.
    Errors: Conflict if somebody answered first or a newer preview exists; StaleChangeset if the roster has moved: then the
        run is superseded and a new one is queued.
    """
    actor.must(Right.IMPORTS)
    run = get(actor, number)
    if run.state != RunState.HELD:
        raise _too_late(actor, run)
    if run.trigger == Trigger.ARCHIVE and run.source.enabled:
        raise Conflict(f'"{run.source.name}" imports again, so its archive can\'t be approved', next_step="Reject the archive.")
    if digest is not None and digest != run.digest:
        raise Conflict(f"Import {number} is not what it was when you looked at it")
    if run.trigger == Trigger.PREVIEW and runs.newest(run.source_id) != run:
        raise Conflict(f"Import {number} is a preview, and there is a newer import of this source")
    if run.base_run != run.source.accepted_run:
        return _supersede_stale(actor, run)
    answer: dict[str, Any] = {"approved_digest": run.digest, "answered_by": actor.name, "worker": "", "heartbeat_at": None}
    with transaction.atomic():
        if not runs.move(run.pk, RunState.HELD, RunState.WORKING, by=actor.name, **answer):
            raise _too_late(actor, get(actor, number))
        audit.note(actor.district, actor.name, "import.approved", run.name, source=run.source.name, digest=run.digest)
    return get(actor, number)


def _supersede_stale(actor: Actor, run: Run) -> Run:
    with transaction.atomic():
        fresh = runs.queue(run.source, Trigger(run.trigger).again, actor.name, undo_of=run.undo_of, also_changed=run.also_changed)
        note = f"the roster has moved (import {fresh.pk} was asked for)"
        if not runs.move(run.pk, RunState.HELD, RunState.SUPERSEDED, by=actor.name, note=note, superseded_by=fresh):
            raise Conflict(f"Somebody else has just answered import {run.pk}")
        audit.note(actor.district, actor.name, "import.superseded", run.name, by_import=fresh.pk)
    raise StaleChangeset(
        f"The roster has moved since import {run.pk} was made, so its changes can't be approved any more",
        next_step=f"Import {fresh.pk} has been queued in its place; look at that one.",
    )


def _too_late(actor: Actor, run: Run) -> Conflict:
    """Say who, or what, was faster than an answer.

    Where that was an undo, the source's data still want an answer: they are compared with the roster as it is now.
    """
    other = run.superseded_by
    if other is None:
        if run.state == RunState.HELD:
            return TooLate(f"Import {run.pk} can't be answered now: another import of this source is at work")
        if run.answered_by:
            act = "rejected" if run.state == RunState.REJECTED else "approved"
            return TooLate(f"{run.answered_by} has {act} import {run.pk} already")
        return TooLate(f"Import {run.pk} is {run.state}: only what is held can be answered")
    overtaken = other.undo_of_id is not None and other.state == RunState.APPLIED and runs.newest(run.source_id) == other
    if not overtaken or not run.digest:  # without a digest it has never been asked about
        return TooLate(f"Import {other.pk} has taken the place of import {run.pk}")
    fresh = start(actor, run.source)
    return StaleChangeset(
        f"The roster has moved since import {run.pk} was made: an earlier import was undone",
        next_step=f"Import {fresh.pk} has been queued in its place; look at that one.",
    )


def reject(actor: Actor, number: int, because: str, *, stops_clock: bool = False) -> Run:
    """Say no to a held run, with a reason. With `stops_clock` its source has no times any more until somebody sets some."""
    actor.must(Right.IMPORTS)
    run = get(actor, number)
    if not because.strip():
        raise ConfigError(fields={"because": "Say in a few words why; others will read it."}, next_step="Give a reason.")
    answer: dict[str, Any] = {"answered_by": actor.name, "because": because.strip()}
    with transaction.atomic():
        if not runs.move(run.pk, RunState.HELD, RunState.REJECTED, by=actor.name, note=because.strip(), exit_code=0, **answer):
            raise _too_late(actor, get(actor, number))
        audit.note(actor.district, actor.name, "import.rejected", run.name, source=run.source.name)
        if stops_clock:
            set_schedule(actor, run.source, [], [])
    return get(actor, number)


def undo(actor: Actor, number: int, *, also_changed: bool = False) -> Run:
    """Ask for the reverse of an applied run: a run of its own, through the same gate."""
    actor.must(Right.IMPORTS)
    run = get(actor, number)
    if run.state != RunState.APPLIED:
        raise Conflict(f"Import {number} is {run.state}: only what was applied can be undone")
    if not run.files_kept or not files_of(run.source_id, run.pk).folder.exists():
        raise Conflict(f"The receipt of import {number} is not kept any more", next_step="Correct the source, then import again.")
    done = runs.undone_by(run)
    if done is not None and (done.also_changed or not also_changed):
        rest = "" if done.also_changed else "To take back what was changed since as well, choose that. "
        here = f"{rest}To bring its changes back, undo import {done.pk}."
        raise Conflict(f"Import {number} was undone already, by import {done.pk}", next_step=here)
    with transaction.atomic():
        refuse_second(run.source)
        asked = runs.queue(run.source, Trigger.UNDO, actor.name, undo_of=run, also_changed=also_changed)
        audit.note(actor.district, actor.name, "import.undo", run.name, by_import=asked.pk, also_changed=also_changed)
    return asked


def perform(run: Run, *, patient: bool = False) -> Run:
    """Do a run's work in this process, until it needs a person or has ended."""
    if run.state == RunState.WORKING:
        taken = bool(
            Run.objects.filter(pk=run.pk, state=RunState.WORKING, worker="").update(
                worker=runs.worker_name(), heartbeat_at=clock.now()
            )
        )
    else:
        taken = runs.begin(run.pk, by="worker" if patient else run.by)
    if not taken:
        raise Conflict(f"Import {run.pk} is being worked on already, or another import of its source is")
    run = Run.objects.select_related("source", "district").get(pk=run.pk)
    asked: list[Connector] = []

    def reach(source: Source, pages: Path) -> Connector:
        asked.append(connect(source, pages))
        return asked[-1]

    with _heartbeat(run.pk, asked):
        pipeline.work(run, pipeline.Tools(reach, settings.PUBLIC_URL, patient))
    return Run.objects.select_related("source", "district").get(pk=run.pk)


def next_run() -> Run | None:
    """Return a run that a worker may take: one that a person has just approved, else the oldest queued one of an idle source."""
    approved = Run.objects.filter(state=RunState.WORKING, worker="").exclude(approved_digest="").order_by("pk").first()
    if approved is not None:
        return approved
    busy = Run.objects.filter(state=RunState.WORKING).values("source_id")
    return runs.waiting().exclude(source_id__in=busy).first()


def sweep() -> list[Run]:
    """Pick up what dead workers left: each of their runs goes back into the queue, and its history says so."""
    left = []
    for run in runs.orphans():
        note = "the process that worked on it is gone; nothing of it was written"
        begun = runs.begun(run)
        if begun >= runs.ATTEMPTS:
            died = RollbookError(
                f"Import {run.pk} was begun {begun} times without coming to an end; the last time its process died"
            )
            outcome.failed(run, died, settings.PUBLIC_URL, patient=False)
            left.append(run)
        elif runs.move(run.pk, RunState.WORKING, RunState.QUEUED, by="worker", note=note, worker=""):
            left.append(run)
    return left


def due() -> list[Run]:
    """Queue the imports whose time has come, each once, and work out when they are due again."""
    asked = []
    for source in Source.objects.select_related("district").filter(enabled=True, next_at__lte=clock.now()):
        later = schedule.next_time(source.times, source.weekdays, source.district.time_zone, after=clock.now())
        with transaction.atomic():
            if not Source.objects.filter(pk=source.pk, next_at=source.next_at).update(next_at=later):
                continue  # another worker was first
            if Run.objects.filter(source=source, state__in=(RunState.QUEUED, RunState.WORKING)).exists():
                continue
            if runs.held_undo(source.pk) is not None:
                continue
            run = runs.queue(source, Trigger.SCHEDULED, "schedule")
            audit.note(source.district_id, "schedule", "import.started", run.name, source=source.name)
            asked.append(run)
    return asked


def prune() -> int:
    """Forget snapshots and receipts whose time is over; return how many folders became smaller."""
    count = 0
    for source in Source.objects.all():
        now = clock.now()
        keep = {source.accepted_run, source.undone_run}
        newest = runs.newest(source.pk)
        old = Run.objects.filter(
            source=source, files_kept=True, ended_at__lt=now - timedelta(days=min(source.keep_days, source.undo_days))
        )
        for run in old.exclude(state=RunState.HELD):
            files = files_of(source.pk, run.pk)
            if run.ended_at and run.ended_at < now - timedelta(days=source.undo_days) and run.pk not in keep and run != newest:
                files.drop()
                Run.objects.filter(pk=run.pk).update(files_kept=False)
                count += 1
            elif run != newest and files.snapshot.exists():
                files.drop_snapshot()
                files.drop_pages()
                count += 1
    return count


def refuse_second(source: Source, *, beside_queued: bool = False) -> None:
    """Raise Conflict while a run of this source is waiting or at work."""
    busy = Run.objects.filter(source=source, state=RunState.WORKING).first()
    if busy is None and not beside_queued:
        busy = Run.objects.filter(source=source, state=RunState.QUEUED, attempt=0).first()
    if busy is not None:
        raise Conflict(
            f'Import {busy.pk} of "{source.name}" is {busy.state} already', next_step="Wait until it has ended, then look at it."
        )


def _supersede_waiting(run: Run) -> None:
    """Take the place of a run that was begun before and waits to be tried again: a person who presses now need not wait."""
    for waits in Run.objects.filter(source_id=run.source_id, state=RunState.QUEUED, attempt__gt=0, approved_digest=""):
        note = f"import {run.pk} was asked for in its place"
        if runs.move(waits.pk, RunState.QUEUED, RunState.SUPERSEDED, by=run.by, note=note, superseded_by=run):
            audit.note(run.district_id, run.by, "import.superseded", waits.name, by_import=run.pk)


def _arriving(connector: Connector) -> Sequence[Arriving]:
    """Ask a connector how far it is, if it is one that can tell. One that fails at it only leaves the screen without a bar."""
    tell = getattr(connector, "arriving", None)
    try:
        return tuple(tell()) if tell else ()
    except Exception as error:
        log.warning("%s could not say how far it is: %s", connector.name, type(error).__name__)
        return ()


def _heartbeat(run: int, asked: Sequence[Connector]) -> AbstractContextManager[None]:
    """Say every few seconds that this process lives, and what has come of what it asks for, from a thread of its own."""

    def beat() -> None:
        try:
            runs.beat(run, [each for connector in asked for each in _arriving(connector)])
        except Error:
            pass  # SQLite has one writer, and it is at work on this very import; a server may be away for a moment
        finally:
            connection.close()

    return meanwhile(beat, every=runs.HEARTBEAT.total_seconds())
