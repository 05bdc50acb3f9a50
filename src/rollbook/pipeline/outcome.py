"""Outcome: how a run ends, with all that is written down in the same moment."""

from datetime import timedelta
from typing import Any

from rollbook.domain.errors import RollbookError, StaleChangeset
from rollbook.domain.runs import RunState, Trigger
from rollbook.domain.words import counted, ended, left_out
from rollbook.lib import clock
from rollbook.pipeline import notify
from rollbook.store import audit, runs
from rollbook.store.cursor import atomic
from rollbook.store.models import Run, Source

#: A source that is down is asked again after this long, and then after twice that.
PATIENCE = timedelta(minutes=5)


def applied(run: Run, public_url: str) -> None:
    """End a run as applied.

    Needs: the transaction that writes its changes. Raises StaleChangeset if another process has taken the run.
    """
    run.message = _applied_message(run)
    _supersede_held(run, "the roster has moved")
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
    _remember_undo(run)
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
            audit.note(run.district_id, run.by, "import.held", run.name, source=run.source.name, digest=run.digest)
            notify.notify(run, RunState.HELD, public_url)


def _supersede_held(run: Run, note: str) -> None:
    for waits in Run.objects.filter(source_id=run.source_id, state=RunState.HELD).exclude(pk=run.pk):
        if runs.move(
            waits.pk, RunState.HELD, RunState.SUPERSEDED, by=run.by, note=f"{note} (import {run.pk})", superseded_by=run
        ):
            audit.note(run.district_id, run.by, "import.superseded", waits.name, by_import=run.pk)


def _remember_undo(run: Run) -> None:
    source = Source.objects.filter(pk=run.source_id)
    undone = run.undo_of
    if undone is None or undone.undo_of_id is not None:  # an undo that is undone itself leaves nothing to wait for
        source.update(undone_run=None, undone_at=None, undone_data="")
        return
    # What the source sent last, which need not be what the undone run was made of, has the undone changes in it.
    data = Run.objects.filter(source=run.source_id).exclude(data_seen="").order_by("-pk").values_list("data_seen", flat=True)
    source.update(undone_run=undone.pk, undone_at=clock.now(), undone_data=data.first() or "")


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


def _changed(counts: dict[str, Any]) -> int:
    return sum(each[kind] for each in counts.values() for kind in ("appear", "alter", "vanish", "return"))


def _applied_message(run: Run) -> str:
    number = _changed(run.counts)
    said = (
        f"{counted(number, 'change was', 'changes were')} applied."
        if number
        else "Nothing had to be changed: the source and the roster agree."
    )
    return f"{said} {left_out(run.counts)}".strip()


def _held_message(run: Run) -> str:
    if run.reasons == ["preview"]:
        return (
            f"This is a preview: {counted(_changed(run.counts), 'change', 'changes')} would be applied. Nothing has been changed."
        )
    said = " ".join(ended(reason) for reason in run.reasons[:3])
    left = len(run.reasons) - 3
    more = f" There {'is' if left == 1 else 'are'} {counted(left, 'more reason', 'more reasons')}." if left > 0 else ""
    return f"{said} Nothing has been changed.{more} {run.cause}".strip()
