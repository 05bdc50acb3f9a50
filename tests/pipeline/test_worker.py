"""The worker: what is due, what is queued, what somebody approved, and what a dead worker left."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from rollbook.actions import runs, sources, work
from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.connectors.protocol import Extract
from rollbook.domain.errors import SourceUnavailable
from rollbook.domain.runs import RunState, Trigger
from rollbook.lib import clock
from rollbook.store import runs as door
from rollbook.store.models import AuditEntry, Run
from tests.district import Clock, Grove, minus, small, write


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock, stopped at noon on a Tuesday."""
    at = Clock(datetime(2026, 11, 17, 12, tzinfo=UTC))
    monkeypatch.setattr(clock, "now", at)
    return at


def a_dead_process() -> str:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return f"{door.worker_name().rpartition(':')[0]}:{done.pid}"


def left_by(run: Run, worker: str) -> None:
    """Leave a run at work, as a process does that dies in the middle of it."""
    assert door.begin(run.pk, by=worker)
    Run.objects.filter(pk=run.pk).update(worker=worker, heartbeat_at=clock.now())


def test_a_queued_import_is_done(district: Grove) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    assert work.once()
    assert district.again(run).state == "applied"
    assert not work.once()


def test_an_approved_import_is_applied_and_its_history_tells_no_tales(imported: Grove) -> None:
    held = imported.sends(
        minus(small(), "g1") | {"users": [each | {"agentSourcedIds": ""} for each in minus(small(), "g1")["users"]]}
    )
    assert held.state == "held"
    runs.approve(imported.ada, held.pk)

    work.once()

    assert imported.again(held).state == "applied"
    assert imported.history(held) == ["asked for", "started", "held", "approved", "applied"]


def test_an_approved_import_that_was_begun_often_is_not_given_up(imported: Grove) -> None:
    held = imported.sends(
        minus(small(), "g1") | {"users": [each | {"agentSourcedIds": ""} for each in minus(small(), "g1")["users"]]}
    )
    Run.objects.filter(pk=held.pk).update(attempt=door.ATTEMPTS)
    runs.approve(imported.ada, held.pk)
    work.once()
    assert imported.again(held).state == "applied"


def test_what_a_dead_worker_left_is_done_and_said(district: Grove) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    left_by(run, a_dead_process())

    assert work.once()

    done = district.again(run)
    assert done.state == "applied" and done.attempt == 2
    assert district.history(run) == ["asked for", "started", "put back", "started", "applied"]
    assert "is gone" in run.events.get(event="put back").note


def test_a_worker_that_lives_is_left_alone(district: Grove, stopped: Clock) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    left_by(run, door.worker_name())
    left_elsewhere = "another-machine:1"
    assert runs.sweep() == []
    Run.objects.filter(pk=run.pk).update(worker=left_elsewhere)
    stopped.at += door.DEAD_AFTER - timedelta(seconds=1)
    assert runs.sweep() == []
    stopped.at += timedelta(seconds=2)
    assert [each.pk for each in runs.sweep()] == [run.pk]


def test_an_import_that_kills_every_worker_fails_and_tells(district: Grove) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    for _ in range(door.ATTEMPTS):
        left_by(run, a_dead_process())
        runs.sweep()

    failed = district.again(run)
    assert failed.state == "failed" and "3 times" in failed.message and failed.exit_code == 1
    assert {each.kind for each in failed.notices.all()} == {"results"}
    assert AuditEntry.objects.filter(act="import.failed", about=failed.name).exists()
    assert not work.once() and district.active("person") == 0


def test_an_approved_import_whose_worker_died_is_still_approved(imported: Grove) -> None:
    held = imported.sends(
        minus(small(), "g1") | {"users": [each | {"agentSourcedIds": ""} for each in minus(small(), "g1")["users"]]}
    )
    runs.approve(imported.ada, held.pk)
    Run.objects.filter(pk=held.pk).update(worker=a_dead_process(), heartbeat_at=clock.now())
    for path in imported.folder.iterdir():
        path.unlink()  # it must not be read again

    work.once()

    done = imported.again(held)
    assert done.state == "applied" and done.digest == held.digest


def test_an_approved_import_has_its_attempts_before_it(imported: Grove) -> None:
    """What it took to plan it, while its source was busy, says nothing of how it is written."""
    files = minus(small(), "g1")
    write(imported.folder, files | {"users": [each | {"agentSourcedIds": ""} for each in files["users"]]})
    run = runs.start(imported.ada, imported.source)
    for _ in range(door.ATTEMPTS - 1):
        assert door.begin(run.pk, by="worker")
        assert door.move(run.pk, RunState.WORKING, RunState.QUEUED, by="worker", note="the source is busy")
    work.once()
    assert imported.again(run).state == "held", imported.again(run).message
    runs.approve(imported.ada, run.pk)
    for _ in range(door.ATTEMPTS - 1):
        Run.objects.filter(pk=run.pk).update(worker=a_dead_process(), heartbeat_at=clock.now())
        runs.sweep()
        assert imported.again(run).state == "queued", imported.again(run).message
        assert door.begin(run.pk, by="worker")
    Run.objects.filter(pk=run.pk).update(worker=a_dead_process(), heartbeat_at=clock.now())
    runs.sweep()
    assert imported.again(run).state == "failed" and "was begun 3 times" in imported.again(run).message


def test_what_is_due_is_queued_once(district: Grove, stopped: Clock) -> None:
    write(district.folder, small())
    source = sources.set_schedule(district.ada, district.source, ["02:00", "13:00"], [])
    assert source.next_at == datetime(2026, 11, 17, 13, tzinfo=UTC)
    assert runs.due() == []

    stopped.at = datetime(2026, 11, 17, 13, tzinfo=UTC)
    asked = runs.due()

    assert [(each.trigger, each.by) for each in asked] == [(Trigger.SCHEDULED, "schedule")]
    assert runs.due() == []
    assert district.source.next_at == datetime(2026, 11, 18, 2, tzinfo=UTC)
    work.once()
    assert district.again(asked[0]).state == "applied"


def test_nights_that_were_slept_through_become_one_import(district: Grove, stopped: Clock) -> None:
    write(district.folder, small())
    sources.set_schedule(district.ada, district.source, ["02:00"], [])
    stopped.at += timedelta(days=5)
    assert len(runs.due()) == 1
    assert district.source.next_at == datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_a_due_import_while_one_is_at_work_is_passed_over(district: Grove, stopped: Clock) -> None:
    write(district.folder, small())
    sources.set_schedule(district.ada, district.source, ["13:00"], [])
    run = runs.start(district.ada, district.source)
    left_by(run, door.worker_name())
    stopped.at += timedelta(hours=2)
    assert runs.due() == []
    assert district.source.next_at == datetime(2026, 11, 18, 13, tzinfo=UTC)


def test_a_disabled_source_is_never_due(district: Grove, stopped: Clock) -> None:
    sources.set_schedule(district.ada, district.source, ["13:00"], [])
    waits = runs.start(district.ada, district.source)
    sources.set_enabled(district.ada, district.source, enabled=False)
    assert AuditEntry.objects.filter(act="import.superseded", about=waits.name).exists()
    stopped.at += timedelta(days=1)
    assert runs.due() == [] and district.source.next_at is None
    sources.set_enabled(district.ada, district.source, enabled=True)
    assert district.source.next_at == datetime(2026, 11, 18, 13, tzinfo=UTC)


def test_two_workers_never_have_the_same_import(district: Grove) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    assert door.begin(run.pk, by="one") and not door.begin(run.pk, by="two")
    assert runs.next_run() is None


def test_two_imports_of_one_source_are_never_at_work_together(district: Grove) -> None:
    first, second = (door.queue(district.source, Trigger.MANUAL, "ada") for _ in range(2))
    assert door.begin(first.pk, by="one") and not door.begin(second.pk, by="two")
    assert runs.next_run() is None
    assert Run.objects.get(pk=second.pk).state == "queued"


def test_a_worker_that_was_taken_for_dead_cannot_write_any_more(district: Grove, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slept through its own funeral: somebody else has the import, and must be the only one to write it."""
    from rollbook.pipeline import run as pipeline

    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    check = pipeline.check

    def asleep(*given: object, **more: object) -> object:
        done = check(*given, **more)  # type: ignore[arg-type]
        door.move(run.pk, RunState.WORKING, RunState.QUEUED, by="worker", worker="")
        assert door.begin(run.pk, by="another")
        Run.objects.filter(pk=run.pk).update(worker="another-machine:1")
        return done

    monkeypatch.setattr(pipeline, "check", asleep)
    runs.perform(run)

    assert district.again(run).state == "working", "it is another's now"
    assert district.active("person") == 0


def test_a_source_that_is_away_is_asked_again_later(district: Grove, stopped: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    from rollbook.connectors.oneroster.connector import OneRosterCsv

    write(district.folder, small())
    offers = OneRosterCsv.offers

    def away(self: OneRosterCsv) -> frozenset[str]:
        raise SourceUnavailable("The share does not answer")

    monkeypatch.setattr(OneRosterCsv, "offers", away)
    run = runs.start(district.ada, district.source)
    work.once()
    waits = district.again(run)
    assert waits.state == "queued" and waits.not_before == stopped.at + timedelta(minutes=5)
    assert not work.once() and not waits.notices.exists()
    pressed = runs.start(district.ada, district.source)
    assert district.again(run).state == "superseded"
    assert AuditEntry.objects.get(act="import.superseded", about=run.name).detail == {"by_import": pressed.pk}
    work.once()
    assert district.again(pressed).state == "queued"
    run = pressed
    stopped.at += timedelta(minutes=5)
    work.once()
    stopped.at += timedelta(minutes=11)
    monkeypatch.setattr(OneRosterCsv, "offers", offers)
    work.once()
    assert district.again(run).state == "applied"


def test_a_source_that_stays_away_fails_at_last_and_tells(
    district: Grove, stopped: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rollbook.connectors.oneroster.connector import OneRosterCsv

    write(district.folder, small())

    def away(self: OneRosterCsv) -> frozenset[str]:
        raise SourceUnavailable("The share does not answer")

    monkeypatch.setattr(OneRosterCsv, "offers", away)
    run = runs.start(district.ada, district.source)
    for _ in range(door.ATTEMPTS):
        work.once()
        stopped.at += timedelta(hours=1)
    failed = district.again(run)
    assert failed.state == "failed" and failed.exit_code == 4 and "does not answer" in failed.message
    assert failed.notices.count() == 1


@pytest.mark.usefixtures("transactional_db")  # the signs of life come from another thread
def test_a_connector_that_cannot_say_how_far_it_is_costs_no_import_its_signs_of_life(
    district: Grove, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: OneRosterCsv) -> None:
        raise ZeroDivisionError("0 of 0 pages")

    def waits_for_a_sign(self: OneRosterCsv, entity: str) -> Extract:
        begun, patience = Run.objects.get(), Event()
        while Run.objects.get().heartbeat_at == begun.heartbeat_at:
            asked.append(entity)
            assert len(asked) < 500, "no sign of life came"
            patience.wait(0.01)
        return extract(self, entity)

    asked: list[str] = []
    extract = OneRosterCsv.extract
    monkeypatch.setattr("rollbook.store.runs.HEARTBEAT", timedelta(milliseconds=10))
    monkeypatch.setattr(OneRosterCsv, "arriving", fails, raising=False)
    monkeypatch.setattr(OneRosterCsv, "extract", waits_for_a_sign)

    district.applies(small())

    assert asked
