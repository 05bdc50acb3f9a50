"""Outcome: how a run ends, with all that is written down in the same moment."""

from datetime import timedelta

from rollbook.domain.errors import RollbookError, StaleChangeset
from rollbook.domain.runs import RunState, Trigger
from rollbook.domain.words import NOTHING_UNDONE, agreement, counted, ended, left_out
from rollbook.lib import clock
from rollbook.pipeline import notify
from rollbook.store import audit, runs
from rollbook.store.cursor import atomic
from rollbook.store.models import Run, RunEvent, Source

#: A source that is down is asked again after this long, and then after twice that.
PATIENCE = timedelta(minutes=5)


def applied(run: Run, public_url: str) -> None:
    """End a run as applied.

    Needs: the transaction that writes its changes. Raises StaleChangeset if another process has taken the run.
    """
    moves = run.undo_of_id is None or runs.changed(run) > 0  # an undo that takes nothing back answers nobody's question
    closed = _supersede_held(run, "the roster has moved") if moves else []
    run.message = _applied_message(run, closed)
    who = run.answered_by or run.by
    code = 5 if run.findings.get("error") else 0
    if not runs.move(
        run.pk,
        RunState.WORKING,
        RunState.APPLIED,
        by=who,
        of_attempt=run.attempt,
        message=run.message,
        reasons=[],
        exit_code=code,
    ):
        raise StaleChangeset(f"Import {run.pk} was taken out of this worker's hands")
    if moves:
        _remember_undone(run)
    audit.note(run.district_id, who, "import.applied", run.name, source=run.source.name, digest=run.digest)
    notify.notify(run, RunState.APPLIED, public_url)


def held(run: Run, why: list[str], public_url: str) -> None:
    """Hold a run for a person; a run that waited before it is superseded."""
    run.reasons = why
    run.message = _held_message(run)
    with atomic():
        if run.trigger != Trigger.PREVIEW:
            _supersede_held(run, "a newer import took its place")
        code = 0 if why == ["preview"] else 3
        if runs.move(
            run.pk,
            RunState.WORKING,
            RunState.HELD,
            by=run.by,
            of_attempt=run.attempt,
            reasons=why,
            message=run.message,
            exit_code=code,
        ):
            act = "import.shown" if run.trigger == Trigger.PREVIEW else "import.held"
            audit.note(run.district_id, run.by, act, run.name, source=run.source.name, digest=run.digest)
            notify.notify(run, RunState.HELD, public_url)


def _supersede_held(run: Run, note: str) -> list[Run]:
    """Take the place of what waits; return what was on hold with it, which a preview never was."""
    closed = []
    for waits in Run.objects.filter(source_id=run.source_id, state=RunState.HELD).exclude(pk=run.pk):
        if runs.move(
            waits.pk, RunState.HELD, RunState.SUPERSEDED, by=run.by, note=f"{note} (import {run.pk})", superseded_by=run
        ):
            audit.note(run.district_id, run.by, "import.superseded", waits.name, by_import=run.pk)
            if waits.trigger != Trigger.PREVIEW:
                closed.append(waits)
    return closed


def _remember_undone(run: Run) -> None:
    """Write down the data that the source's imports by the clock wait with: those of what is undone, and what was sent last.

    What the source sent last has the undone changes in it, and need not be what the undone import was made of.
    """
    source = Source.objects.filter(pk=run.source_id)
    undone = _undone(run.source_id) if run.undo_of_id else []
    if not undone:
        source.update(undone_run=None, undone_at=None, undone_data="")
        return
    seen = Run.objects.filter(source=run.source_id).exclude(data_seen="").order_by("-pk").values_list("data_seen", flat=True)
    data = dict.fromkeys([*seen[:1], *(each.data_seen for each in undone if each.data_seen)])
    source.update(undone_run=undone[0].pk, undone_at=clock.now(), undone_data=" ".join(data))


def _undone(source: int) -> list[Run]:
    """Return the imports that were taken back since one was applied, the last one first.

    An undo of an undo brings the import back; an undo of that takes it back once more.
    """
    stands: dict[int, Run | None] = {}
    applied = RunEvent.objects.filter(run__source=source, new=RunState.APPLIED).order_by("-pk").select_related("run")
    for event in applied.iterator(chunk_size=20):
        root, taken_back = event.run, False
        while root.undo_of is not None:
            root, taken_back = root.undo_of, not taken_back
        if event.run == root:
            break
        if runs.changed(event.run):
            stands.setdefault(root.pk, root if taken_back else None)
    return [run for run in stands.values() if run is not None]


def gave_way(run: Run, undo: Run) -> None:
    """End an import by the clock that has begun while an undo waits for an answer; nothing was read."""
    run.message = (
        f"Import {undo.pk}, an undo, waits for an answer, and imports by the clock wait with it. Nothing was read, and nothing "
        "has been changed."
    )
    with atomic():
        if runs.move(
            run.pk,
            RunState.WORKING,
            RunState.SUPERSEDED,
            by=run.by,
            of_attempt=run.attempt,
            note=f"an undo waits for an answer (import {undo.pk})",
            superseded_by=undo,
            message=run.message,
            exit_code=3,
        ):
            audit.note(run.district_id, run.by, "import.superseded", run.name, by_import=undo.pk)


def out_of_date(run: Run, error: StaleChangeset) -> None:
    """End a run whose changes do not fit the roster any more, and queue a new one in its place."""
    with atomic():
        if runs.move(
            run.pk,
            RunState.WORKING,
            RunState.SUPERSEDED,
            by=run.by,
            of_attempt=run.attempt,
            note=str(error),
            message=error.sentence,
            exit_code=6,
        ):
            fresh = runs.queue(
                run.source,
                Trigger(run.trigger).again,
                run.answered_by or run.by,
                undo_of=run.undo_of,
                also_changed=run.also_changed,
            )
            Run.objects.filter(pk=run.pk).update(superseded_by=fresh)
            audit.note(run.district_id, run.by, "import.superseded", run.name, by_import=fresh.pk)


def failed(run: Run, error: RollbookError, public_url: str, *, patient: bool) -> None:
    """End a run that could not say anything true; or put it back, where the source may do better later."""
    if error.retryable and patient and run.attempt < runs.ATTEMPTS:
        later = clock.now() + PATIENCE * 2 ** (run.attempt - 1)
        runs.move(run.pk, RunState.WORKING, RunState.QUEUED, by=run.by, of_attempt=run.attempt, note=str(error), not_before=later)
        return
    run.message, run.next_step = error.sentence, error.next_step
    with atomic():
        moved = runs.move(
            run.pk,
            RunState.WORKING,
            RunState.FAILED,
            by=run.by,
            of_attempt=run.attempt,
            note=str(error),
            message=run.message,
            next_step=run.next_step,
            exit_code=error.exit_code,
        )
        if moved:
            audit.note(run.district_id, run.by, "import.failed", run.name, source=run.source.name)
            notify.notify(run, RunState.FAILED, public_url)


def _applied_message(run: Run, closed: list[Run]) -> str:
    number = runs.changed(run)
    said = (
        f"{counted(number, 'change was', 'changes were')} applied."
        if number
        else NOTHING_UNDONE
        if run.undo_of_id
        else f"Nothing had to be changed: {agreement(run.counts)}"
    )
    ends = "".join(f" {each.name.capitalize()}, which was on hold, is closed with it." for each in closed)
    return f"{said} {left_out(run.counts)}".strip() + ends


def _held_message(run: Run) -> str:
    if run.reasons == ["preview"]:
        return f"This is a preview: {counted(runs.changed(run), 'change', 'changes')} would be applied. Nothing has been changed."
    said = " ".join(ended(reason) for reason in run.reasons[:3])
    left = len(run.reasons) - 3
    more = f" There {'is' if left == 1 else 'are'} {counted(left, 'more reason', 'more reasons')}." if left > 0 else ""
    return f"{said} Nothing has been changed.{more} {run.cause}".strip()
