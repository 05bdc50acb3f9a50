"""After an upgrade with other rules every row is judged once more, and what stands in the roster as it was sent is no change."""

from typing import Any

import pytest

from rollbook.domain.entities import PERSON
from rollbook.domain.runs import Trigger
from rollbook.pipeline.diff import diff
from rollbook.store.models import Run
from rollbook.store.roster import Roster
from rollbook.store.snapshots import accepted, files_of, open_snapshot
from tests.district import Files, Grove, edited, minus, plus, small, user

SAME = small() | {"users": edited(small()["users"], "p4", email="p2@maple.example")}  # two have one address
LATER = plus(
    minus(SAME, "p2") | {"users": edited(minus(SAME, "p2")["users"], "p1", familyName="New")},
    users=[user("p7", username="u.p2"), user("P3")],  # with the name of somebody who leaves; almost the id of another
)


def planned(district: Grove, files: Files) -> tuple[Any, ...]:
    run = district.sends(files, Trigger.PREVIEW)
    found = sorted((each["rule"], each["sourced_id"] or "", each["message"]) for each in district.findings(run))
    return run.digest, run.counts, run.summary, found


def upgrade() -> None:
    for run in Run.objects.filter(state="applied"):
        Run.objects.filter(pk=run.pk).update(judged_by=f"rules of an earlier release/{run.judged_by.partition('/')[2]}")


@pytest.mark.parametrize("files", [SAME, LATER], ids=["the same rows", "another day"])
def test_other_rules_find_the_same_changes_among_all_rows(imported: Grove, files: Files) -> None:
    imported.applies(SAME)
    before = planned(imported, files)
    upgrade()
    digest, counts, summary, found = planned(imported, files)
    assert (digest, counts, summary) == before[:3]
    assert set(before[3]) <= set(found)
    newcomers = [each for each in before[3] if each[0] == "another_id"]
    assert [each for each in found if each[0] == "another_id"] == newcomers
    assert bool(newcomers) == (files is LATER)


def test_of_rows_that_stand_there_as_they_were_sent_the_database_is_not_asked(imported: Grove) -> None:
    imported.applies(SAME)
    night = imported.sends(LATER, Trigger.PREVIEW)
    snapshot = open_snapshot(files_of(night.source_id, night.pk).snapshot)
    assert snapshot
    known = accepted(night.source_id, night.base_run or 0)

    found = diff(PERSON, snapshot, known, Roster(night.district_id, night.source_id), anew=True)

    assert found.candidates == found.read == found.rows.collect().height
    assert found.before["sourced_id"].to_list() == ["p1"]
    assert found.gone["sourced_id"].to_list() == ["p2"]
