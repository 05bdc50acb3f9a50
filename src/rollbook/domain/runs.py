"""The states of a run, and the only arrows between them."""

from enum import StrEnum

from rollbook.domain.errors import IllegalTransition


class RunState(StrEnum):
    QUEUED = "queued"  # asked for; no worker has it yet
    WORKING = "working"  # a worker has it, and says so by its heartbeat
    HELD = "held"  # waits for a person; nothing is written
    APPLIED = "applied"  # written, whole; the only state that has touched the roster
    REJECTED = "rejected"  # a person said no; nothing was written
    SUPERSEDED = "superseded"  # a newer run took its place before anybody answered
    FAILED = "failed"  # the source, or we, could not say anything true; nothing was written


class Stage(StrEnum):
    """Where a working run is. Means nothing in any other state."""

    EXTRACT = "extract"
    DIFF = "diff"
    CHECK = "check"
    GATE = "gate"
    APPLY = "apply"


class Trigger(StrEnum):
    MANUAL = "manual"  # a person pressed, or typed, run
    SCHEDULED = "scheduled"  # the clock
    PREVIEW = "preview"  # a person asked what would happen
    UNDO = "undo"  # the mirror of an applied run
    ARCHIVE = "archive"  # a person asked that all of a stopped source leave

    @property
    def again(self) -> "Trigger":
        """Say what a run is asked for by that takes the place of one whose roster has moved."""
        return self if self in (Trigger.UNDO, Trigger.ARCHIVE) else Trigger.MANUAL


TRANSITIONS: dict[tuple[RunState, RunState], str] = {
    (RunState.QUEUED, RunState.WORKING): "started",
    (RunState.QUEUED, RunState.SUPERSEDED): "superseded",
    (RunState.WORKING, RunState.HELD): "held",  # a limit tripped, a question is open, or it was a preview
    (RunState.WORKING, RunState.APPLIED): "applied",
    (RunState.WORKING, RunState.QUEUED): "put back",  # the worker died, or the source asked for patience
    (RunState.WORKING, RunState.FAILED): "failed",
    (RunState.WORKING, RunState.SUPERSEDED): "superseded",  # approved, but the roster had moved
    (RunState.HELD, RunState.WORKING): "approved",
    (RunState.HELD, RunState.REJECTED): "rejected",
    (RunState.HELD, RunState.SUPERSEDED): "superseded",
}

#: States that no arrow leaves.
ENDED = frozenset(RunState) - {old for old, _ in TRANSITIONS}


def event(old: RunState, new: RunState) -> str:
    """Name the arrow from one state to another. Raises IllegalTransition if there is none."""
    try:
        return TRANSITIONS[old, new]
    except KeyError:
        raise IllegalTransition(f"{old} → {new}") from None
