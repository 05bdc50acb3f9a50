"""The fear that something is applied that nobody has seen, or twice, or by the wrong one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rollbook.actions import actor, runs
from rollbook.domain.errors import ConfigError, Conflict, NotAllowed, NotFound, StaleChangeset
from rollbook.domain.runs import Trigger
from rollbook.store.models import Account, AuditEntry, Run
from tests.district import Files, Grove, edited, minus, small
from tests.prepared import Past


def no_parents() -> Files:
    files = minus(small(), "g1")
    return files | {"users": edited(files["users"], "p1", agentSourcedIds="")}


def all_parents_would_leave(district: Grove) -> None:
    district.applies(small())
    run = district.sends(no_parents())
    assert run.state == "held", run.message


@pytest.fixture
def waiting(after: Callable[[Past], Grove]) -> tuple[Grove, Run]:
    """A district whose second import waits: all of its parents would leave."""
    return after(all_parents_would_leave), Run.objects.latest("pk")


def test_two_admins_answer_at_once_and_one_is_told(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    ben = replace(district.ada, name="ben@maple.example")

    approved = runs.approve(district.ada, run.pk, run.digest)
    for answer in (lambda: runs.approve(ben, run.pk, run.digest), lambda: runs.reject(ben, run.pk, "no")):
        with pytest.raises(Conflict):
            answer()

    assert runs.perform(approved).state == "applied"
    assert district.again(run).answered_by == district.ada.name
    for answer in (lambda: runs.approve(ben, run.pk, run.digest), lambda: runs.reject(ben, run.pk, "no")):
        with pytest.raises(Conflict, match=f"{district.ada.name} has approved import {run.pk} already") as late:
            answer()
        assert "Your answer was not taken." in late.value.sentence and "roster is as it was" not in late.value.sentence
    acts = list(AuditEntry.objects.filter(act__startswith="import.", about=run.name).values_list("act", "by"))
    assert ("import.approved", district.ada.name) in acts and not [act for act in acts if act[1] == ben.name]


@pytest.mark.parametrize("state", ["applied", "failed", "superseded", "queued"])
def test_what_waits_for_nobody_says_what_it_is(imported: Grove, state: str) -> None:
    run = Run.objects.latest("pk")
    Run.objects.filter(pk=run.pk).update(state=state)
    for answer in (lambda: runs.approve(imported.ada, run.pk), lambda: runs.reject(imported.ada, run.pk, "no")):
        with pytest.raises(Conflict, match=f"Import {run.pk} is {state}: only what is held can be answered"):
            answer()


def test_what_is_approved_is_what_was_seen_and_not_a_fresh_reading(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    for path in district.folder.iterdir():
        path.write_bytes(b"something else by now")

    done = district.approves(run)

    assert done.state == "applied" and done.digest == run.digest
    assert "g1" not in district.rows("person")


def test_an_answer_to_another_page_is_refused(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    before = district.everything()
    with pytest.raises(Conflict, match="not what it was"):
        runs.approve(district.ada, run.pk, "sha256:0")
    assert district.again(run).state == "held" and district.everything() == before


def test_a_changeset_that_was_tampered_with_is_never_written(waiting: tuple[Grove, Run]) -> None:
    import polars as pl

    from rollbook.domain.entities import PERSON
    from rollbook.store.snapshots import files_of

    district, run = waiting
    before = district.everything()
    path = files_of(run.source_id, run.pk).changes_file(PERSON)
    pl.read_parquet(path).with_columns(sourced_id=pl.lit("p1")).write_parquet(path)

    done = district.approves(run)

    assert done.state == "superseded" and done.superseded_by is not None
    assert AuditEntry.objects.filter(act="import.superseded", about=done.name).exists()
    assert district.everything() == before


def test_approve_after_the_roster_moved_is_refused_and_asks_again(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    other = small(5)
    Run.objects.filter(pk=run.pk).update(trigger=Trigger.PREVIEW)  # so that the next import neither waits nor supersedes
    moved = district.sends(other)
    assert moved.state == "applied"
    Run.objects.filter(pk=run.pk).update(trigger=Trigger.MANUAL, state="held")
    before = district.everything()

    with pytest.raises(StaleChangeset) as refused:
        runs.approve(district.ada, run.pk)

    assert refused.value.exit_code == 6
    old = district.again(run)
    assert old.state == "superseded" and old.superseded_by.state == "queued"
    assert str(old.superseded_by.pk) in refused.value.sentence
    assert district.everything() == before


def test_a_rejection_needs_a_reason_and_keeps_it(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    with pytest.raises(ConfigError) as refused:
        runs.reject(district.ada, run.pk, "  ")
    assert set(refused.value.fields) == {"because"} and refused.value.exit_code == 2
    before = district.everything()

    done = runs.reject(district.ada, run.pk, "parents were left out by mistake")

    assert (done.state, done.because, done.answered_by) == ("rejected", "parents were left out by mistake", district.ada.name)
    assert district.everything() == before
    assert district.sends(small()).state == "applied"  # and the way is free again


def test_run_again_within_the_limits_applies_closes_the_hold_and_says_so(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting

    again = district.sends(small(5))

    assert again.state == "applied"
    held = district.again(run)
    assert (held.state, held.superseded_by_id) == ("superseded", again.pk)
    assert str(again.pk) in held.events.last().note
    assert f"Import {held.pk}, which was on hold, is closed with it." in again.message
    assert again.message and district.history(held)[-1] == "superseded"


def test_run_again_with_nothing_to_change_closes_the_hold_too(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    assert district.sends(small()).state == "applied"
    assert district.again(run).state == "superseded"


def test_run_again_beyond_the_limits_supersedes_and_waits_in_its_place(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    again = district.runs()
    assert again.state == "held" and district.again(run).state == "superseded"


def test_a_scheduled_run_while_held_is_held_even_within_the_limits(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    before = district.everything()

    night = district.sends(small(5), Trigger.SCHEDULED)

    assert night.state == "held"
    assert any("An earlier import waits for a decision" in reason for reason in night.reasons)
    assert district.again(run).state == "superseded" and district.everything() == before
    second = district.sends(small(5), Trigger.SCHEDULED)  # and so it stays until somebody decides
    assert second.state == "held" and district.everything() == before
    assert district.approves(second).state == "applied"
    assert {"p5", "g1"} <= set(district.rows("person"))
    assert district.sends(small(4), Trigger.SCHEDULED).state == "applied"


def test_a_source_may_release_a_hold_by_itself_if_it_was_told_to(waiting: tuple[Grove, Run]) -> None:
    from rollbook.store.models import Source

    district, run = waiting
    Source.objects.filter(pk=run.source_id).update(releases=True)
    assert district.sends(small(5), Trigger.SCHEDULED).state == "applied"
    assert district.again(run).state == "superseded"


def test_a_preview_writes_nothing_tells_nobody_and_neither_blocks_nor_supersedes(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    before = district.everything()

    shown = district.sends(small(5), Trigger.PREVIEW)

    assert (shown.state, shown.reasons, shown.exit_code) == ("held", ["preview"], 0)
    assert not shown.notices.exists()
    assert not AuditEntry.objects.filter(act="import.held", about=shown.name).exists()
    assert AuditEntry.objects.filter(act="import.shown", about=shown.name).exists()
    assert district.again(run).state == "held" and district.everything() == before
    assert district.approves(run).state == "applied"  # the one that waits can still be answered


def test_a_preview_can_be_approved_while_it_is_the_newest(imported: Grove) -> None:
    shown = imported.sends(small(5), Trigger.PREVIEW)
    done = imported.approves(shown)
    assert done.state == "applied" and "p5" in imported.rows("person")
    assert {each.kind for each in done.notices.all()} == {"results"}, "whoever is told of imports is told of this one"


def test_a_preview_that_is_not_the_newest_cannot_be_approved(imported: Grove) -> None:
    old = imported.sends(small(5), Trigger.PREVIEW)
    imported.sends(small(6), Trigger.PREVIEW)
    with pytest.raises(Conflict):
        runs.approve(imported.ada, old.pk)
    assert "p5" not in imported.rows("person")


def test_an_old_preview_does_not_wait_for_ever(imported: Grove) -> None:
    old = imported.sends(small(5), Trigger.PREVIEW)
    done = imported.sends(small(6))
    assert done.state == "applied"
    assert imported.again(old).state == "superseded"


def test_only_administrators_decide(waiting: tuple[Grove, Run]) -> None:
    district, run = waiting
    cleo = actor.of_account(Account.objects.create(district=district.row, email="cleo@maple.example"))
    left = actor.of_account(Account.objects.create(district=district.row, email="left@maple.example", state="inactive"))
    for who in (cleo, left):
        for act in (
            lambda who=who: runs.approve(who, run.pk),
            lambda who=who: runs.reject(who, run.pk, "no"),
            lambda who=who: runs.start(who, district.source),
            lambda who=who: runs.undo(who, run.pk - 1),
        ):
            with pytest.raises(NotAllowed):
                act()
    assert district.again(run).state == "held"


def test_an_import_of_another_district_is_not_there(waiting: tuple[Grove, Run], tmp_path: Path) -> None:
    _, run = waiting
    other = Grove(tmp_path, "Elm Creek")
    for act in (runs.get, runs.approve, runs.undo):
        with pytest.raises(NotFound):
            act(other.ada, run.pk)
    with pytest.raises(NotFound):
        runs.reject(other.ada, run.pk, "no")


def test_two_districts_with_the_same_ids_never_touch_each_other(imported: Grove, tmp_path: Path) -> None:
    other = Grove(tmp_path, "Elm Creek")
    theirs = small(5)
    theirs["users"] = [each | {"familyName": "Elm"} for each in theirs["users"]]
    other.applies(theirs)
    before = other.everything()

    imported.applies(minus(small(), "p1", "g1", "k2"))
    run = imported.applies(small(6))
    imported.applies(small())
    imported.undoes(run)

    assert other.everything() == before


def test_a_second_start_while_one_is_waiting_is_refused_in_words(district: Grove) -> None:
    district.writes(40, students=40, leave_out=())
    first = runs.start(district.ada, district.source)
    with pytest.raises(Conflict, match=f"Import {first.pk}"):
        runs.start(district.ada, district.source)
    assert runs.perform(first).state == "applied"
    with pytest.raises(Conflict):
        runs.perform(first)
