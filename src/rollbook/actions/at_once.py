"""Does in the calling process what a person asked for: the way of the command line, with or without a worker beside it."""

import os
import time

from rollbook.actions import notices, runs
from rollbook.actions.actor import Actor
from rollbook.domain.errors import Conflict
from rollbook.domain.runs import RunState, Trigger
from rollbook.store import audit
from rollbook.store.models import Run, Source
from rollbook.store.runs import move, worker_name

#: How often somebody who waits for another process looks again.
LOOK = 0.25


def import_now(actor: Actor, source: Source) -> tuple[Run, Run | None]:
    """Ask for an import that can start at once; return it, and the waiting one that it stands in for, if there is one.

    An import that waits already, because its process died or its time has not come, is taken up. What waits otherwise and was
    begun before (a preview, an undo, an approved import) gives way, since nothing of it was written. Raises Conflict if
    somebody else has just asked for such a thing, or an import is at work.
    """
    actor.must_administer()
    waits = waiting(source)
    if waits is not None and _is_plain(waits):
        return waits, waits
    if waits is None or not (waits.attempt or waits.trigger == Trigger.PREVIEW):
        return runs.start(actor, source), None
    note = "it had been interrupted, and an import was asked for in its place"
    if move(waits.pk, RunState.QUEUED, RunState.SUPERSEDED, by=actor.name, note=note):
        audit.note(actor.district, actor.name, "import.superseded", waits.name)
    return runs.start(actor, source), waits


def undo_now(actor: Actor, number: int, *, also_changed: bool = False) -> Run:
    """Ask for an undo that can start at once; the same one, left behind by a process that died, is taken up."""
    run = runs.get(actor, number)
    waits = waiting(run.source)
    if waits is not None and (waits.undo_of_id, waits.also_changed) == (run.pk, also_changed):
        return waits
    return runs.undo(actor, number, also_changed=also_changed)


def waiting(source: Source) -> Run | None:
    """Return the oldest run of a source that nobody works on yet."""
    return Run.objects.select_related("source").filter(source=source, state=RunState.QUEUED).order_by("pk").first()


def carry_out(run: Run) -> Run:
    """Work on a run until it needs a person or has ended, then try its mails once; return it as it is then.

    Where a worker was faster, its end is waited for. If a person stops it (KeyboardInterrupt), the run says so.
    """
    try:
        ended = _performed(run)
    except KeyboardInterrupt:
        _stopped(run)
        raise
    notices.send(ended.pk)
    return ended


def put_back() -> None:
    """Put what this process works on back into the queue: for a worker that is stopped."""
    for run in Run.objects.filter(state=RunState.WORKING, worker=worker_name()):
        note = "the worker was stopped; nothing of it was written"
        move(run.pk, RunState.WORKING, RunState.QUEUED, by="worker", note=note, worker="")


def stop_with(parent: int) -> bool:
    """Say whether the process that started this one is gone."""
    return os.getppid() != parent


def _is_plain(run: Run) -> bool:
    return run.trigger in (Trigger.MANUAL, Trigger.SCHEDULED) and run.undo_of_id is None and not run.approved_digest


def _performed(run: Run) -> Run:
    while True:
        try:
            return runs.perform(run)
        except Conflict:
            runs.sweep()
            run = Run.objects.select_related("source", "district").get(pk=run.pk)
            if run.state not in (RunState.QUEUED, RunState.WORKING):
                return run
            time.sleep(LOOK)


def _stopped(run: Run) -> None:
    message = f"Import {run.pk} was stopped by hand before it wrote anything. The roster is as it was."
    if Run.objects.filter(pk=run.pk, worker=worker_name()).exists():
        move(
            run.pk,
            RunState.WORKING,
            RunState.FAILED,
            by=run.by,
            note="stopped by hand",
            message=message,
            next_step="Run the import again.",
            exit_code=1,
        )
