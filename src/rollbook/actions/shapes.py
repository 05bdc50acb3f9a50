"""The JSON that scripts rely on: the shapes of the contract, made in one place."""

from datetime import datetime
from typing import Any

from rollbook.domain.entities import ENTITIES
from rollbook.store.models import Measure, Run

KINDS = ("read", "appear", "alter", "vanish", "return", "same", "unfit")


def run(run: Run) -> dict[str, Any]:
    """Describe a run the way that every command prints it."""
    return {
        "run": run.pk,
        "source": run.source.name,
        "state": run.state,
        "trigger": run.trigger,
        "started": moment(run.started_at or run.queued_at),
        "ended": moment(run.ended_at),
        "digest": run.digest or None,
        "entities": {e.name: {kind: run.counts[e.name][kind] for kind in KINDS} for e in ENTITIES if e.name in run.counts},
        "findings": {level: run.findings.get(level, 0) for level in ("error", "warning", "note")},
        "measures": [measure(each) for each in Measure.objects.filter(run=run).order_by("pk")],
        "reasons": run.reasons,
        "message": run.message,
        **({"undo_of": run.undo_of_id} if run.undo_of_id else {}),
        **({"superseded_by": run.superseded_by_id} if run.superseded_by_id else {}),
        **({"because": run.because} if run.because else {}),
    }


def measure(each: Measure) -> dict[str, Any]:
    """Describe one measure."""
    return {
        "entity": each.entity,
        "kind": each.kind,
        "role": each.role,
        "scope": {each.scope: each.scope_id} if each.scope and each.scope_id else None,
        "count": each.count,
        "of": each.of,
        "percent": round(100 * each.count / each.of, 4) if each.of else 0.0,
        "limit_percent": each.limit_percent,
        "limit_count": each.limit_count,
        "floor": each.floor,
        "closed": each.closed,
    }


def moment(at: datetime | None) -> str | None:
    """Write a moment in UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
