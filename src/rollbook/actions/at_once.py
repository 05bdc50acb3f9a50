"""Does in the calling process what a person asked for: the way of the command line, with or without a worker beside it."""

import logging
import time

from django.db import Error

from rollbook.actions import notices, runs
from rollbook.actions.actor import Actor
from rollbook.domain.errors import Conflict
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.store import audit, cursor, trouble
from rollbook.store.models import Run, Source
from rollbook.store.runs import move, worker_name
from rollbook.store.runs import newest as newest_run

log = logging.getLogger(__name__)

#: How often somebody who waits for another process looks again.
LOOK = 0.25


def import_now(actor: Actor, source: Source) -> tuple[Run, Run | None]:
    """Ask for an import that can start at once; return it, and the waiting one that it takes up or takes the place of.

    An import that waits already, because its process died or its time has not come, is taken up. A preview gives way, and so does
    an undo or an approved import that was interrupted: nothing of it was written. Raises Conflict if an import is at work, or
    if somebody has just asked for an undo that nobody has begun.
    """
    actor.must(Right.IMPORTS)
    waits = waiting(source)
    if waits is not None and _is_plain(waits):
        return waits, waits
    if waits is not None and (waits.attempt or waits.trigger == Trigger.PREVIEW):
        _give_way(actor, waits)
    return runs.start(actor, source), waits


def plan_now(actor: Actor, source: Source) -> Run:
    """Ask for a preview that can start at once: beside what waits, and never in its place."""
    actor.must(Right.IMPORTS)
    newest = newest_run(source.pk)
    if newest is not None and (newest.state, newest.trigger) == (RunState.QUEUED, Trigger.PREVIEW):
        return newest
    return runs.start(actor, source, Trigger.PREVIEW)


def approve_now(actor: Actor, number: int) -> Run:
    """Say yes to a held run; one that was approved before, and whose process then died, is taken up. Errors: as of `approve`."""
    run = runs.get(actor, number)
    actor.must(Right.IMPORTS)
    if run.state == RunState.QUEUED and run.approved_digest:
        return run
    return runs.approve(actor, number)


def undo_now(actor: Actor, number: int, *, also_changed: bool = False) -> tuple[Run, Run | None]:
    """Ask for an undo that can start at once; return it, and the waiting run that it takes up or takes the place of."""
    run = runs.get(actor, number)
    actor.must(Right.IMPORTS)
    waits = waiting(run.source)
    if waits is not None and (waits.undo_of_id, waits.also_changed) == (run.pk, also_changed):
        return waits, waits
    if waits is not None and (waits.attempt or waits.trigger == Trigger.PREVIEW):
        _give_way(actor, waits)
    return runs.undo(actor, number, also_changed=also_changed), waits


def waiting(source: Source) -> Run | None:
    """Return the oldest run of a source that nobody works on yet."""
    return Run.objects.select_related("source").filter(source=source, state=RunState.QUEUED).order_by("pk").first()


def carry_out(run: Run) -> Run:
    """Work on a run until it needs a person or has ended, then try its mails once; return it as it is then.

    Where a worker was faster, its end is waited for. Whatever happens after its end, also that a person stops it, changes
    nothing of that end, and it is returned.
    Errors: KeyboardInterrupt if a person stops it before; a run that this process worked on says so then. RollbookError if
        something beneath Rollbook breaks so thoroughly that the run could not be ended; it says what is sure.
    """
    try:
        ended = _performed(run)
    except KeyboardInterrupt:
        if _stopped(run) or (ended := _again(run)).state in (RunState.QUEUED, RunState.WORKING):
            raise
    except Exception as error:
        ended = _unbroken(run, error)
    try:
        notices.send(ended.pk)
    except (KeyboardInterrupt, Exception) as error:
        log.warning("the mails of import %s were not all tried; a worker tries them again: %s", ended.pk, type(error).__name__)
    return ended


def put_back() -> None:
    """Put what this process works on back into the queue: for a worker that is stopped."""
    for run in Run.objects.filter(state=RunState.WORKING, worker=worker_name()):
        note = "the worker was stopped; nothing of it was written"
        move(run.pk, RunState.WORKING, RunState.QUEUED, by="worker", note=note, worker="")


def _give_way(actor: Actor, run: Run) -> None:
    note = "nothing of it was written, and something else was asked for in its place"
    if move(run.pk, RunState.QUEUED, RunState.SUPERSEDED, by=actor.name, note=note):
        audit.note(actor.district, actor.name, "import.superseded", run.name)


def _is_plain(run: Run) -> bool:
    return run.trigger in (Trigger.MANUAL, Trigger.SCHEDULED) and run.undo_of_id is None and not run.approved_digest


def _performed(run: Run) -> Run:
    while True:
        try:
            return runs.perform(run)
        except Conflict:
            runs.sweep()
            run = _again(run)
            if run.state not in (RunState.QUEUED, RunState.WORKING):
                return run
            time.sleep(LOOK)


def _again(run: Run) -> Run:
    return Run.objects.select_related("source", "district").get(pk=run.pk)


def _unbroken(run: Run, error: Exception) -> Run:
    """Return a run that had ended before something broke; else raise what broke, with what is sure of the run."""
    cursor.reconnect()
    told = trouble.beneath(error)
    try:
        with cursor.atomic():  # a commit that is still on its way holds the row: whoever has it, too, knows how it went
            state = Run.objects.select_for_update().values_list("state", flat=True).get(pk=run.pk)
        if state not in (RunState.QUEUED, RunState.WORKING):
            return _again(run)
    except Error:
        if told:
            told.left_alone, told.next_step = "", f"Once that is mended, see what became of the import: rollbook show {run.pk}"
    if told is None:
        raise error
    raise told from error


def _stopped(run: Run) -> bool:
    """End a run that this process works on; say whether it did."""
    message = f"Import {run.pk} was stopped by hand before it wrote anything. The roster is as it was."
    return Run.objects.filter(pk=run.pk, worker=worker_name()).exists() and move(
        run.pk,
        RunState.WORKING,
        RunState.FAILED,
        by=run.by,
        note="stopped by hand",
        message=message,
        next_step="Run the import again.",
        exit_code=1,
    )
