"""How far an import is, for everybody who waits for it: at a page or at a terminal."""

from typing import Any

from rollbook.domain.entities import BY_NAME
from rollbook.domain.runs import RunState, Stage
from rollbook.domain.words import ENTITY_WORDS, STAGE_WORDS
from rollbook.store.models import Run


def progress_of(run: Run) -> dict[str, Any]:
    """Say how far an import at work is, or why one that waits has not begun."""
    # One that was put back still has the stage at which it stood.
    stage = Stage(run.stage) if run.stage and run.state == RunState.WORKING else None
    at = run.progress if stage else {}
    reading = run.arriving if stage is Stage.EXTRACT else []
    return {
        "stage": STAGE_WORDS[stage] if stage else "",
        "step": list(Stage).index(stage) + 1 if stage else 0,
        "steps": len(Stage),
        "done": at.get("done", 0),
        "of": at.get("of", 0),
        "what": at["what"] if at.get("what") in BY_NAME else "",
        "arriving": [(what, rows, promised) for what, rows, promised in reading if rows < promised],
        "ahead": Run.objects.filter(source_id=run.source_id, state=RunState.WORKING).exclude(pk=run.pk).first(),
    }


def in_a_line(run: Run) -> str:
    """Say how far an import is where one line must do."""
    at = progress_of(run)
    if not at["stage"]:
        return f"Import {run.pk} waits for import {at['ahead'].pk}" if at["ahead"] else f"Import {run.pk} is at work"
    coming = "; ".join(f"{what} {rows:,} of {promised:,}" for what, rows, promised in at["arriving"])
    counted = f" ({at['done']:,} of {at['of']:,})" if at["of"] else ""
    what = coming or (ENTITY_WORDS[at["what"]][1] + counted if at["what"] else "")
    return f"Step {at['step']} of {at['steps']}: {at['stage']}{': ' if what else ''}{what}"
