"""Takes everybody of a disabled source out of the roster: planned like any import, looked at and approved by a person."""

from django.db import transaction

from rollbook.actions import runs, sources
from rollbook.actions.actor import Actor
from rollbook.domain.errors import Conflict
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.store import audit
from rollbook.store import runs as door
from rollbook.store.models import MODELS, Run, Source


def disable(actor: Actor, source: Source) -> Run:
    """Stop a source, and ask for the archive of all that came from it.

    Errors: Conflict while an import of this source is at work; then nothing is stopped.
    """
    actor.must(Right.IMPORTS)
    if Run.objects.filter(source=source, state=RunState.WORKING).exists():
        raise Conflict(f'An import of "{source.name}" is at work', next_step="Wait until it has ended, then disable it.")
    with transaction.atomic():
        return ask(actor, sources.set_enabled(actor, source, enabled=False))


def remains(source: Source) -> bool:
    """Say whether anything of a source is still active."""
    return any(model.objects.filter(source=source, status="active").exists() for model in MODELS.values())


def asked(source: Source) -> Run | None:
    """Return the archive of a source that is being planned, or waits for a yes or no."""
    open_ones = (RunState.QUEUED, RunState.WORKING, RunState.HELD)
    return Run.objects.filter(source=source, trigger=Trigger.ARCHIVE, state__in=open_ones).order_by("-pk").first()


def ask(actor: Actor, source: Source) -> Run:
    """Ask for the archive of a stopped source: a worker finds out who would leave, and nobody does before a person says yes.

    What is approved can be undone, as any import.
    """
    actor.must(Right.IMPORTS)
    if source.enabled:
        raise Conflict(f'"{source.name}" still imports', next_step="Disable it first.")
    with transaction.atomic():
        runs.refuse_second(source)
        run = door.queue(source, Trigger.ARCHIVE, actor.name)
        audit.note(actor.district, actor.name, "source.archive", source.name, by_import=run.pk)
    return run
