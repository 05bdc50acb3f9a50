"""Every state is reached and every arrow taken, each by what people and workers really do; no other door opens."""

import pytest

from rollbook.actions import runs
from rollbook.domain.errors import IllegalTransition
from rollbook.domain.runs import ENDED, TRANSITIONS, RunState, Trigger
from rollbook.store import runs as door
from rollbook.store.models import Run, RunEvent, Source
from tests.district import Files, Grove, edited, minus, small, write


def no_parents() -> Files:
    files = minus(small(), "g1")
    return files | {"users": edited(files["users"], "p1", agentSourcedIds="")}


def test_every_arrow_is_taken_and_written_down(district: Grove) -> None:
    district.applies(small())  # queued -> working -> applied
    held = district.sends(no_parents())  # working -> held
    runs.reject(district.ada, held.pk, "no")  # held -> rejected
    district.sends(no_parents())
    district.runs()  # held -> superseded
    (district.folder / "users.csv").write_bytes(b"%PDF")
    district.runs()  # working -> failed

    write(district.folder, no_parents())
    stale = runs.approve(district.ada, district.runs().pk)  # held -> working
    Source.objects.update(accepted_run=999)  # the roster moves between the yes and the writing
    assert runs.perform(stale).state == "superseded"  # working -> superseded, and a new one is queued
    fresh = Run.objects.latest("pk")
    assert fresh.state == "queued" and district.again(stale).superseded_by_id == fresh.pk
    assert door.begin(fresh.pk, by="a worker")
    Run.objects.filter(pk=fresh.pk).update(worker="gone:0", heartbeat_at=None)
    runs.sweep()  # working -> queued
    door.move(fresh.pk, RunState.QUEUED, RunState.SUPERSEDED, by="ada")  # queued -> superseded

    taken = {(old, new) for old, new in RunEvent.objects.exclude(old="").values_list("old", "new")}
    assert taken == {(str(old), str(new)) for old, new in TRANSITIONS}
    for old, new, name in RunEvent.objects.exclude(old="").values_list("old", "new", "event"):
        assert TRANSITIONS[RunState(old), RunState(new)] == name
    for run in Run.objects.filter(state__in=ENDED):
        assert run.ended_at and run.stage == "", run.state


def test_only_the_applied_have_written(imported: Grove) -> None:
    imported.applies(small(5))
    runs.reject(imported.ada, imported.sends(no_parents()).pk, "no")
    from rollbook.store.models import MODELS

    wrote = {pk for model in MODELS.values() for pk in model.objects.values_list("last_run", flat=True)}
    assert wrote == set(Run.objects.filter(state="applied").values_list("pk", flat=True))


@pytest.mark.parametrize("state", list(RunState))
def test_an_arrow_that_is_not_there_is_refused_and_changes_nothing(district: Grove, state: RunState) -> None:
    run = door.queue(district.source, Trigger.MANUAL, "ada")
    Run.objects.filter(pk=run.pk).update(state=state)
    for new in RunState:
        if (state, new) not in TRANSITIONS:
            with pytest.raises(IllegalTransition):
                door.move(run.pk, state, new, by="ada")
    assert Run.objects.get(pk=run.pk).state == state
    assert run.events.count() == 1


def test_who_is_late_moves_nothing(district: Grove) -> None:
    run = door.queue(district.source, Trigger.MANUAL, "ada")
    assert door.begin(run.pk, by="one")
    assert not door.move(run.pk, RunState.QUEUED, RunState.SUPERSEDED, by="two")
    assert [each.event for each in run.events.order_by("pk")] == ["asked for", "started"]


@pytest.mark.parametrize("state", ["working", "held"])
def test_one_run_a_source_is_at_work_and_one_waits(district: Grove, state: str) -> None:
    one, two = (door.queue(district.source, Trigger.MANUAL, "ada") for _ in range(2))
    Run.objects.filter(pk=one.pk).update(state=state)
    if state == "working":
        assert not door.begin(two.pk, by="two")
    else:
        assert door.begin(two.pk, by="two")
        assert not door.move(two.pk, RunState.WORKING, RunState.HELD, by="two"), "the older one must be superseded first"
    assert Run.objects.get(pk=one.pk).state == state


def test_a_stale_changeset_is_stopped_inside_the_transaction(imported: Grove) -> None:
    shown = imported.sends(small(5), Trigger.PREVIEW)
    approved = runs.approve(imported.ada, shown.pk)
    Source.objects.update(accepted_run=999)
    before = imported.everything()
    assert runs.perform(approved).state == "superseded"
    assert imported.everything() == before
