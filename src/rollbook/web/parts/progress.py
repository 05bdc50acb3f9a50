"""How far an import is, for every page on which it can be watched."""

from typing import Any

from rollbook.domain.entities import BY_NAME
from rollbook.domain.runs import RunState, Stage
from rollbook.store.models import Run
from rollbook.web.templatetags.words import STAGES


def progress_of(run: Run) -> dict[str, Any]:
    """Say how far an import at work is, or why one that waits has not begun."""
    # One that was put back still has the stage at which it stood.
    stage = Stage(run.stage) if run.stage and run.state == RunState.WORKING else None
    at = run.progress if stage else {}
    reading = run.arriving if stage is Stage.EXTRACT else []
    return {
        "stage": STAGES[stage] if stage else "",
        "step": list(Stage).index(stage) + 1 if stage else 0,
        "steps": len(Stage),
        "done": at.get("done", 0),
        "of": at.get("of", 0),
        "what": at["what"] if at.get("what") in BY_NAME else "",
        "arriving": [(what, rows, promised) for what, rows, promised in reading if rows < promised],
        "ahead": Run.objects.filter(source_id=run.source_id, state=RunState.WORKING).exclude(pk=run.pk).first(),
    }
