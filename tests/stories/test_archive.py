"""The fear that the end of a source takes people away whom nobody looked at, or that nobody can bring back."""

import pytest

from rollbook.actions import archive, limits, runs, sources
from rollbook.domain.errors import Conflict
from rollbook.store.models import Run
from tests.district import Grove, small


def asked(district: Grove) -> Run:
    """Disable the source, ask for its archive, and let it be planned."""
    return runs.perform(archive.disable(district.ada, district.source))


def test_nobody_leaves_before_a_person_says_yes(imported: Grove) -> None:
    before = imported.everything()
    queued = archive.disable(imported.ada, imported.source)
    assert (queued.state, runs.next_run()) == ("queued", queued), "a worker takes it, as every import"
    run = runs.perform(queued)
    assert (run.state, run.trigger) == ("held", "archive")
    assert run.reasons == [f"{imported.ada.name} asked to archive everybody and everything from this source"]
    assert imported.everything() == before
    lines = {line["title"]: (line["removed"], line["active"]) for line in run.summary}
    assert lines["Users – Students"] == (4, 4) and lines["Enrollments – Teachers"] == (2, 2)


def test_who_was_archived_comes_back_by_undo_and_by_the_next_import(imported: Grove) -> None:
    before = imported.roster()
    done = imported.approves(asked(imported))
    assert (done.state, any(imported.roster().values())) == ("applied", False)
    assert imported.undoes(done).state == "applied"
    assert imported.roster() == before

    imported.approves(runs.perform(archive.ask(imported.ada, imported.source)))
    sources.set_enabled(imported.ada, imported.source, enabled=True)
    run = imported.runs()
    assert run.state == "applied", run.message
    assert set(imported.changes(run, "person").values()) == {"return"}
    assert imported.roster() == before


def test_a_no_leaves_everybody_and_the_source_stopped(imported: Grove) -> None:
    before = imported.roster()
    runs.reject(imported.ada, asked(imported).pk, "they stay until June")
    assert imported.roster() == before
    assert not imported.source.enabled


def test_a_source_that_imports_again_is_not_archived_by_an_old_wish(imported: Grove) -> None:
    run = asked(imported)
    sources.set_enabled(imported.ada, imported.source, enabled=True)
    with pytest.raises(Conflict, match="imports again"):
        runs.approve(imported.ada, run.pk)
    with pytest.raises(Conflict, match="still imports"):
        archive.ask(imported.ada, imported.source)
    assert imported.active("person")


def test_an_archive_says_nothing_about_limits(imported: Grove) -> None:
    imported.applies(small(5))
    before = limits.back_test(imported.source, sources.limits(imported.source))
    asked(imported)
    assert limits.back_test(imported.source, sources.limits(imported.source)) == before


def test_an_empty_roster_has_nothing_to_ask_about(district: Grove) -> None:
    assert asked(district).state == "applied"
